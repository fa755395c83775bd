"""The values all parts of the simulator share: the world's parameters, and an answer."""

from collections.abc import Mapping
from typing import TypeAlias

import attrs
import orjson

Json: TypeAlias = dict[str, object]

MEDIA_ORIGIN = "https://image.civitai.com"

NO_STORE = "no-store"
EDGE_CACHED = "public, s-maxage=300, stale-while-revalidate=150"


@attrs.frozen
class World:
    """All there is to know: with an instant it decides every byte of every answer."""

    seed: int = 0
    civitai_models: int = 120
    openrouter_models: int = 60
    media_origin: str = MEDIA_ORIGIN
    """Where image urls point; the origin of a running simulator makes it serve them."""


@attrs.frozen
class Request:
    """One GET, as the pure part sees it."""

    path: str
    """Percent-decoded, without the query."""
    query: Mapping[str, str]
    """Repeated parameters are joined by commas."""
    origin: str = "http://127.0.0.1"
    """Scheme and host of links that lead to the next page."""


@attrs.frozen
class Answer:
    """What is sent when nothing goes wrong."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def reply(value: object, status: int = 200, cache: str = EDGE_CACHED) -> Answer:
    """The value as compact JSON in UTF-8."""
    return Answer(status, orjson.dumps(value), headers=(("Cache-Control", cache),))


def refuse(value: object, status: int) -> Answer:
    """An error body that no cache keeps."""
    return reply(value, status, NO_STORE)


def no_such_page() -> Answer:
    """What a path that does not exist gives: HTML, though the caller asked an API."""
    html = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not here.</body></html>"
    return Answer(404, html, "text/html; charset=utf-8", (("Cache-Control", NO_STORE),))


def number_in(query: Mapping[str, str], name: str, default: int) -> int | None:
    """The parameter as an int, the default if absent, None if it is not a number."""
    text = query.get(name)
    if text is None:
        return default
    return int(text) if text.lstrip("-").isdigit() and text.isascii() and len(text) < 12 else None
