"""Civitai's pages: how one continues, what is wrong with it, and a way past it. Pure."""

import re

from fetcher.source import Page, Params, match_query, read_member, text_of


def continues(envelope: bytes, params: Params, count: int) -> Page:
    """The page cursor as upstream gives it, or the next page number where pages count.

    A page with neither items nor metadata is a timeout in disguise: not believed to be
    the end.
    """
    metadata = read_member(envelope, "metadata")
    url = text_of(metadata.get("nextPage"))
    cursor = text_of(metadata.get("nextCursor"))
    if cursor is not None:
        return Page({"cursor": cursor}, url, False)
    onward = match_query(url or "", ("cursor", "page"))
    return Page(onward or None, url, not onward and bool(count or metadata))


_FEED = re.compile(r"feed:(\d+):(\d+)")
_RANKED = re.compile(r"(\d+)\|(\d+)")
_KEYSET = re.compile(r"(.*\|)?(\d+)", re.DOTALL)


def step_over(params: Params) -> Params | None:
    """A cursor one entity further on.

    Cursors are opaque, but for this: one names the next entity, inclusive, and there is no
    other way past an entity that no page can hold. A guess that is wrong is refused.
    """
    cursor = params.get("cursor", "")
    one = 1 if params.get("sort") == "Oldest" else -1
    if found := _FEED.fullmatch(cursor):
        return {"cursor": f"feed:{found[1]}:{int(found[2]) + one}"}
    if found := _RANKED.fullmatch(cursor):
        return {"cursor": f"{int(found[1]) + 1}|{found[2]}"}
    if found := _KEYSET.fullmatch(cursor):
        return {"cursor": f"{found[1] or ''}{int(found[2]) + one}"}
    return None


def next_page(params: Params) -> Params | None:
    """The page after, where pages count."""
    return {"page": str(int(params.get("page", "1")) + 1)}


def fault(status: int, body: bytes) -> str | None:
    """What Civitai's own words say is wrong."""
    if status == 500 and b"URI malformed" in body:
        return "poison"
    if status == 429 and b"use cursors instead" in body:
        return "too_deep"
    if status == 400 and any(word in body for word in _CURSOR_REFUSED):
        return "cursor"
    return None


_CURSOR_REFUSED = (b"Invalid cursor", b"cannot be continued", b"can no longer be continued")

MEDIA = ("image", "video", "audio")


def levels(params: Params) -> tuple[str, ...]:
    """The single bits of a browsing level that has several."""
    text = params.get("browsingLevel", "")
    mask = int(text) if text.isascii() and text.isdigit() else 0
    bits = tuple(str(1 << bit) for bit in range(mask.bit_length()) if mask >> bit & 1)
    return bits if len(bits) > 1 else ()
