"""Pages that contain something that could not be named, and so prove nothing. Pure."""

import attrs

from eventlog.body.json_spans import NotJson, locate, value_span
from fetcher.source import Continuation, Endpoint, Params
from fetcher.split.response import SplitResponse


def read_continuation(endpoint: Endpoint, params: Params, parts: SplitResponse) -> Continuation:
    """Returns what follows a page of an endpoint, and whether the page proves anything."""
    continuation = endpoint.continuation or single_page
    page = continuation(parts.envelope, params, len(parts.entities))
    return with_doubt(page, parts, is_listing=endpoint.continuation is not None)


def with_doubt(page: Continuation, parts: SplitResponse, *, is_listing: bool) -> Continuation:
    """Returns what follows a page; the page never ends its listing if part of it is unknown."""
    doubt = page.doubt or _find_doubt(parts, is_listing)
    return page if doubt is None else attrs.evolve(page, is_end=False, doubt=doubt)


def _find_doubt(parts: SplitResponse, is_listing: bool) -> str | None:
    if parts.misfits:
        pointer, body = parts.misfits[0]
        beginning = body[:40].decode("utf-8", "replace")
        return f"{len(parts.misfits)} elements without an id at {pointer}: {beginning!r}"
    if is_listing and any(_is_object(parts.envelope, pointer) for pointer in parts.shapes):
        return "an object in place of the list"
    return None


def _is_object(envelope: bytes, pointer: str) -> bool:
    """Whether a page has an object at a pointer; False for the entities inside others."""
    if not pointer or "*" in pointer:
        return False
    try:
        span = locate(envelope, value_span(envelope), pointer)
    except NotJson:
        return False
    return span is not None and envelope[span.start : span.start + 1] == b"{"


def single_page(envelope: bytes, params: Params, count: int) -> Continuation:
    """Continuation of a listing that consists of one page."""
    return Continuation(None, None, True)
