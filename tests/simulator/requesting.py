"""GET requests to the simulator, without HTTP: by path and parameters, at a time."""

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


def get(world: World, path: str, now_us: int = NOW, **query: str | int) -> Answer:
    request = Request(path, {k: str(v) for k, v in query.items()}, ORIGIN)
    return answer(world, request, now_us)


def get_json(world: World, path: str, now_us: int = NOW, **query: str | int) -> Any:
    response = get(world, path, now_us, **query)
    assert response.status == 200, response.body
    return orjson.loads(response.body)


def paginate(world: World, path: str, now_us: int = NOW, **query: str | int) -> Iterator[Any]:
    """Yields the items of all pages, by following the links."""
    page = get_json(world, path, now_us, **query)
    while True:
        yield from page["items"]
        address = page["metadata"].get("nextPage")
        if address is None:
            return
        assert address.startswith(ORIGIN)
        parts = urlsplit(address)
        page = get_json(world, parts.path, now_us, **dict(parse_qsl(parts.query)))
