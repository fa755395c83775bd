"""Pages of Civitai: continuation, error messages, and how to skip a poison page. Pure."""

import re
from collections.abc import Mapping

from fetcher.source import Continuation, Params, cursor_text, pick_params, read_object
from fetcher.sources.claims import find_error, read_claims


def civitai_continuation(envelope: bytes, params: Params, count: int) -> Continuation:
    """Returns the next page cursor, or the next page number of a numbered listing.

    A page with neither items nor metadata is a disguised timeout, not the end. Nor is one that
    contradicts itself.
    """
    doubt = find_error(read_claims(envelope))
    metadata = read_object(envelope, "metadata")
    url = cursor_text(metadata.get("nextPage"))
    cursor = cursor_text(metadata.get("nextCursor"))
    if cursor is not None:
        return Continuation({"cursor": cursor}, url, False, doubt)
    next_params = pick_params(url or "", ("cursor", "page"))
    if next_params:
        return Continuation(next_params, url, False, doubt)
    doubt = doubt or _find_missing_items(metadata, params, count)
    return Continuation(None, url, doubt is None and bool(count or metadata), doubt)


def _find_missing_items(metadata: Mapping[str, object], params: Params, count: int) -> str | None:
    """Compares a page without a next page with upstream's own counts of pages and items."""
    pages, items = _number(metadata.get("totalPages")), _number(metadata.get("totalItems"))
    page = _number(metadata.get("currentPage", params.get("page", "1")))
    if 0 < page < pages:
        return f"page {page} of {pages} has no next page"
    if page == 1 and count == 0 < items and "cursor" not in params:
        return f"totalItems is {items}, but there are no items"
    return None


def _number(value: object) -> int:
    """Returns a number as `read_object` returns it; 0 for any other value."""
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19
    return int(value) if is_number else 0  # type: ignore[call-overload]


_FEED = re.compile(r"feed:(\d+):(\d+)")
_RANKED = re.compile(r"(\d+)\|(\d+)")
_KEYSET = re.compile(r"(.*\|)?(\d+)", re.DOTALL)


def skip_entity(params: Params) -> Params | None:
    """Returns a page cursor that begins one entity later; None if its form is unknown.

    Page cursors are opaque otherwise. But each contains the id or rank of the next entity,
    inclusive, and changing it is the only way past an entity that upstream cannot serve. If
    the guess is wrong, upstream rejects the cursor.
    """
    cursor = params.get("cursor", "")
    step = 1 if params.get("sort") == "Oldest" else -1
    if match := _FEED.fullmatch(cursor):
        return {"cursor": f"feed:{match[1]}:{int(match[2]) + step}"}
    if match := _RANKED.fullmatch(cursor):
        return {"cursor": f"{int(match[1]) + 1}|{match[2]}"}
    if match := _KEYSET.fullmatch(cursor):
        return {"cursor": f"{match[1] or ''}{int(match[2]) + step}"}
    return None


def next_page(params: Params) -> Params | None:
    """Returns the parameters of the next page of a numbered listing."""
    return {"page": str(int(params.get("page", "1")) + 1)}


def fault(status: int, body: bytes) -> str | None:
    """Recognises error messages of Civitai; returns their error class or None."""
    if status == 500 and b"URI malformed" in body:
        return "poison"
    if status == 429 and b"use cursors instead" in body:
        return "too_deep"
    if status == 400 and any(text in body for text in _CURSOR_ERRORS):
        return "cursor"
    return None


_CURSOR_ERRORS = (b"Invalid cursor", b"cannot be continued", b"can no longer be continued")

MEDIA = ("image", "video", "audio")


def single_levels(params: Params) -> tuple[str, ...]:
    """Returns the single bits of a browsing level (a bit mask) that has several; else none."""
    text = params.get("browsingLevel", "")
    mask = int(text) if text.isascii() and text.isdigit() else 0
    bits = tuple(str(1 << bit) for bit in range(mask.bit_length()) if mask >> bit & 1)
    return bits if len(bits) > 1 else ()
