"""Going ahead: the next page is asked for before this one is taken apart.

    page ──glimpse──> where it leads ──> the next is asked for
      └──> splitter ──> parts ──> lead there too? ──> recorded, in the order of the walk
                                       └ no ──> neither it nor what came after counts:
                                                the walk goes back to it, and reads it here

A glimpse is a guess; what is written rests on the parts alone.
"""

import asyncio
from collections.abc import Mapping, Sequence

import attrs
import msgspec
import orjson

from eventlog.split import Rule
from fetcher.http import Got
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
    """What follows a page, from the members around its entities. Pure.

    None where nothing does, or it cannot be told at a glance: the array is not a member
    of the page itself, or nothing but a look at the entities would do.
    """
    tops = [rule.pointer for rule in rules if "*" not in rule.pointer]
    name = tops[0].removeprefix("/") if len(tops) == 1 else ""
    if not name or "/" in name:
        return None
    members = look(body, dict[str, msgspec.Raw])
    if members is None or bytes(memoryview(members.get(name, b""))[:1]) != b"[":
        return None
    count = 0 if memoryview(members[name]).nbytes == 2 else 1
    page = continues(_without(members, name), params, count)
    return page if page.next is not None else None


def _without(members: Mapping[str, msgspec.Raw], name: str) -> bytes:
    emptied = {**members, name: b"[]"}
    told = (orjson.dumps(key) + b":" + bytes(value) for key, value in emptied.items())
    return b"{" + b",".join(told) + b"}"
