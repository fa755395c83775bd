"""How the tests of the simulator ask it: by path and parameters, at an instant."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from fetcher.simulator.catalog import Answer, Request, World, answer
from fetcher.simulator.world.rhythms import DAY

NOW = 20_500 * DAY + 37_000_000
C = "/civitai/api/v1"
OR = "/api/v1"
F = "/api/frontend/v1"
ORIGIN = "http://127.0.0.1:8080"


def ask(world: World, path: str, now_us: int = NOW, **query: str | int) -> Answer:
    asked = Request(path, {k: str(v) for k, v in query.items()}, ORIGIN)
    return answer(world, asked, now_us)


def told(world: World, path: str, now_us: int = NOW, **query: str | int) -> Any:
    found = ask(world, path, now_us, **query)
    assert found.status == 200, found.body
    return orjson.loads(found.body)


def walk(world: World, path: str, now_us: int = NOW, **query: str | int) -> Iterator[Any]:
    """The items of all pages, by the links the pages give."""
    page = told(world, path, now_us, **query)
    while True:
        yield from page["items"]
        address = page["metadata"].get("nextPage")
        if address is None:
            return
        assert address.startswith(ORIGIN)
        parts = urlsplit(address)
        page = told(world, parts.path, now_us, **dict(parse_qsl(parts.query)))
