"""Compares what is committed with what a bucket lists. Pure.

Both sequences are in the order of their names and are merged, so that memory does not grow with
the bucket.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from enum import Enum

import attrs

from eventlog.format.paths import parse_segment
from eventlog.mirror.bucket.chain import StreamHead
from eventlog.mirror.bucket.names import (
    ArchiveObject,
    AssetObject,
    RecordObject,
    RollUpObject,
    SegmentObject,
    parse_object_name,
    redacted_name,
)
from eventlog.mirror.local.ledger import PusherHead
from eventlog.read.cursor import StreamKey
from eventlog.stores.store import StoredObject

RESERVED = ("live/", "views/", "exports/", "probe/")
"""Prefixes of objects that are not part of the mirror, but of hindlog."""


class Finding(Enum):
    """How an object of the bucket relates to what is committed."""

    MISSING = "missing"
    """Committed, and not in the bucket."""
    DIFFERENT = "different"
    """Other bytes than those committed."""
    FOREIGN = "foreign"
    """Not committed, and not about to be."""
    IN_FLIGHT = "in flight"
    """Not committed yet: put by a push that is running or was interrupted."""


@attrs.frozen(order=True)
class ExpectedObject:
    """An object that is committed."""

    name: str
    size: int
    sha256: str


@attrs.frozen
class Committed:
    """How far streams and pushers are committed."""

    heads: Mapping[StreamKey, StreamHead]
    pushers: Mapping[str, PusherHead]


@attrs.frozen
class ComparedObject:
    """One name in the listing or among the committed ones."""

    name: str
    finding: Finding | None
    """None: as committed."""
    expected: ExpectedObject | None
    text: str = ""
    """What differs."""


async def compare_listing(
    expected: Iterable[ExpectedObject], listing: AsyncIterable[StoredObject], committed: Committed
) -> AsyncGenerator[ComparedObject, None]:
    """Yields every name of both sequences once, in order, except for roll-ups and reserved names.

    Both must be in the order of the UTF-8 bytes of the names, each name once.
    """
    hole = _hole_finder(committed)
    waiting = iter(expected)
    wanted = next(waiting, None)
    async for stored in listing:
        while wanted is not None and wanted.name < stored.name:
            yield ComparedObject(wanted.name, Finding.MISSING, wanted)
            wanted = next(waiting, None)
        if wanted is not None and wanted.name == stored.name:
            problem = difference_of(wanted, stored)
            yield ComparedObject(
                wanted.name, Finding.DIFFERENT if problem else None, wanted, problem or ""
            )
            wanted = next(waiting, None)
        else:
            finding, text = uncommitted(stored.name, committed), hole(stored.name)
            if finding is not None:
                yield ComparedObject(stored.name, Finding.FOREIGN if text else finding, None, text)
    while wanted is not None:
        yield ComparedObject(wanted.name, Finding.MISSING, wanted)
        wanted = next(waiting, None)


def _hole_finder(committed: Committed) -> Callable[[str], str]:
    """Returns a function that takes names in order, and says if a record is missing before one.

    Records are put one after the other: behind a hole, they are not about to be committed.
    """
    ends = {pusher: head.next for pusher, head in committed.pushers.items()}

    def hole(name: str) -> str:
        record = parse_object_name(name)
        if not isinstance(record, RecordObject):
            return ""
        end = ends.get(record.pusher, 0)
        if record.number > end:
            return f"record {end} of its pusher is missing"
        ends[record.pusher] = max(end, record.number + 1)
        return ""

    return hole


def difference_of(wanted: ExpectedObject, stored: StoredObject) -> str | None:
    """Returns what differs, as far as the store describes the object."""
    if stored.size != wanted.size:
        return f"expected {wanted.size} bytes, found {stored.size}"
    if stored.sha256 is not None and stored.sha256 != wanted.sha256:
        return f"expected SHA-256 {wanted.sha256[:16]}…, found {stored.sha256[:16]}…"
    return None


def uncommitted(name: str, committed: Committed) -> Finding | None:
    """Returns what an object is that no record names; None if nothing is wrong with it."""
    if name.startswith(RESERVED):
        return None
    replaced = redacted_name(name)
    match parse_object_name(name) if replaced is None else replaced:
        case ArchiveObject():
            return None
        case AssetObject():
            return Finding.IN_FLIGHT
        case RollUpObject(pusher, first, size):
            head = committed.pushers.get(pusher, PusherHead())
            return None if first + size <= head.next else Finding.FOREIGN
        case RecordObject(pusher, number):
            is_next = number >= committed.pushers.get(pusher, PusherHead()).next
            return Finding.IN_FLIGHT if is_next else Finding.FOREIGN
        case SegmentObject(segment, _) if replaced is None:
            stream = committed.heads.get((segment.source, segment.writer))
            last = parse_segment(stream.segment) if stream else None
            is_later = last is None or segment > last
            return Finding.IN_FLIGHT if is_later else Finding.FOREIGN
        case SegmentObject(segment, _):
            return None if (segment.source, segment.writer) in committed.heads else Finding.FOREIGN
        case _:
            return Finding.FOREIGN
