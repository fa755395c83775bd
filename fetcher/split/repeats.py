"""Pages without anything new, by which an endless pagination is recognised. Pure.

What a pagination contained is remembered as one bit per element, in a bitmap of fixed size.
Two elements may share a bit, so a new one can count as seen. That this happens on many
pages in a row is practically impossible.
"""

from collections.abc import Iterator
from zlib import crc32

import attrs

from fetcher.split.response import SplitResponse

_BITMAP_BYTES = 2 * 1024 * 1024
"""After two million elements, one in eight new ones counts as seen."""


@attrs.define
class SeenElements:
    """What the pages of one pagination contained so far."""

    bitmap: bytearray = attrs.field(factory=lambda: bytearray(_BITMAP_BYTES), repr=False)
    pages_without_new: int = 0
    """Number of pages in a row, up to the last one, that contained nothing new."""


def note_page(seen: SeenElements, parts: SplitResponse) -> None:
    """Adds the elements of the next page, and counts the page if none of them is new."""
    has_new = False
    for element in _elements(parts):
        byte, bit = divmod(crc32(element) % (8 * _BITMAP_BYTES), 8)
        if not seen.bitmap[byte] >> bit & 1:
            seen.bitmap[byte] |= 1 << bit
            has_new = True
    seen.pages_without_new = 0 if has_new else seen.pages_without_new + 1


def _elements(parts: SplitResponse) -> Iterator[bytes]:
    """Yields the names of the listing's own entities, and the elements without an id."""
    for entity in parts.entities:
        if "*" not in entity.pointer:
            yield f"{entity.type} {entity.id}".encode("utf-8", "replace")
    for _, body in parts.misfits:
        yield body
