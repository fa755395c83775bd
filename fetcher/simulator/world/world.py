"""Values shared by all parts of the simulator: world, request and answer."""

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
    """Parameters of the world; with a time they determine every byte of every answer."""

    seed: int = 0
    civitai_models: int = 120
    openrouter_models: int = 60
    media_origin: str = MEDIA_ORIGIN
    """Origin of image URLs; with the simulator's own origin it serves the images, too."""


@attrs.frozen
class Request:
    """A GET request."""

    path: str
    """Percent-decoded, without the query."""
    query: Mapping[str, str]
    """Repeated parameters are joined by commas."""
    origin: str = "http://127.0.0.1"
    """Scheme and host of links to the next page."""


@attrs.frozen
class Answer:
    """A response without faults."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def reply(value: object, status: int = 200, cache: str = EDGE_CACHED) -> Answer:
    """Returns a response with the value as compact JSON."""
    return Answer(status, orjson.dumps(value), headers=(("Cache-Control", cache),))


def refuse(value: object, status: int) -> Answer:
    """Returns an error response that must not be cached."""
    return reply(value, status, NO_STORE)


def no_such_page() -> Answer:
    """Returns status 404 with HTML, as the real upstreams do for unknown paths."""
    html = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not here.</body></html>"
    return Answer(404, html, "text/html; charset=utf-8", (("Cache-Control", NO_STORE),))


def number_in(query: Mapping[str, str], name: str, default: int) -> int | None:
    """Returns a parameter as int, the default if it is absent, None if it is not a number."""
    text = query.get(name)
    if text is None:
        return default
    return int(text) if text.lstrip("-").isdigit() and text.isascii() and len(text) < 12 else None
