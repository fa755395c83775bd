"""Going ahead: the next page is asked for before this one is taken apart.

    page ──glimpse──> where it leads ──> the next is asked for
      └──> splitter ──> parts ──> lead there too? ──> recorded, in the order of the walk
                                       └ no ──> neither it nor what came after counts:
                                                the walk goes back to it, and reads it here

A glimpse is a guess; what is written rests on the parts alone.
"""

import asyncio
from collections.abc import Sequence

import attrs
import msgspec
import orjson

from eventlog.body.split_rules import Rule
from fetcher.net.http import Got
from fetcher.source import Continue, Page, Params, look

Turn = asyncio.Future[bool]
"""Set when a page is written after all before it; False: neither it nor what follows counts."""


@attrs.frozen
class Mistaken:
    """A page that did not lead where a glimpse said."""

    page_no: int
    got: Got
    """To be read again, not asked for again."""


def glimpse(body: bytes, rules: Sequence[Rule], continues: Continue, params: Params) -> Page | None:
    """What follows a page, as it seems from its first and last bytes. Pure.

    None where nothing does, or where it does not show: the array is no member of the page
    itself, or too much stands around it.
    """
    tops = [rule.pointer for rule in rules if "*" not in rule.pointer]
    name = tops[0].removeprefix("/") if len(tops) == 1 else ""
    if not name or "/" in name:
        return None
    envelope = _around(body, orjson.dumps(name) + b":[")
    page = continues(envelope, params, 1) if envelope is not None else None
    return page if page is not None and page.next is not None else None


def _around(body: bytes, opening: bytes) -> bytes | None:
    """What stands around an array, it emptied: up to its opening, and from the last closing
    bracket with which that is an object.
    """
    before = body[:_NEAR].find(opening) + len(opening)
    if before < len(opening):
        return None
    end = len(body)
    for _ in range(_TRIES):
        end = body.rfind(b"]", max(before, len(body) - _NEAR), end)
        if end < 0:
            return None
        envelope = body[:before] + body[end:]
        if look(envelope, dict[str, msgspec.Raw]) is not None:
            return envelope
    return None


_NEAR = 64 * 1024
"""How far from the ends of a page is looked."""
_TRIES = 16
