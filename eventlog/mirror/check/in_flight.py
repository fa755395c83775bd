"""What can be known of segments that are in a bucket and in no record. Pure.

A push that was interrupted leaves at most the segments of one record. A record that was removed
looks the same, unless there are more of them, or this folder knows the record.
"""

from collections.abc import Iterable, Sequence

import attrs

from eventlog.format.paths import LOSS, MANIFEST, SEALED
from eventlog.mirror.bucket.names import SegmentObject, parse_object_name
from eventlog.mirror.bucket.record import MAX_LINKS
from eventlog.mirror.check.compare import ComparedObject, Finding
from eventlog.read.cursor import StreamKey

COMPLETE = "complete, but no record names it"
TOO_MANY = f"no record names it, and an interrupted push leaves at most {MAX_LINKS} of a stream"


def settle_in_flight(findings: Sequence[ComparedObject]) -> tuple[ComparedObject, ...]:
    """Returns the findings; those in flight that cannot be are foreign, and complete ones say so.

    Complete are a manifest with its sealed file, and a loss.
    """
    complete: dict[StreamKey, set[str]] = {}
    for name in complete_segments(findings):
        segment = name.segment
        complete.setdefault((segment.source, segment.writer), set()).add(str(segment))
    return tuple(_settled(item, complete) for item in findings)


def _settled(item: ComparedObject, complete: dict[StreamKey, set[str]]) -> ComparedObject:
    name = parse_object_name(item.name)
    if item.finding is not Finding.IN_FLIGHT or not isinstance(name, SegmentObject):
        return item
    segments = complete.get((name.segment.source, name.segment.writer), set())
    if len(segments) > MAX_LINKS:
        return attrs.evolve(item, finding=Finding.FOREIGN, text=TOO_MANY)
    is_complete = str(name.segment) in segments and name.suffix != SEALED
    return attrs.evolve(item, text=COMPLETE) if is_complete else item


def complete_segments(findings: Iterable[ComparedObject]) -> list[SegmentObject]:
    """Returns the manifests and losses in flight of which everything is in the bucket."""
    names = [parse_object_name(item.name) for item in findings if item.finding is Finding.IN_FLIGHT]
    objects = [name for name in names if isinstance(name, SegmentObject)]
    sealed = {name.segment for name in objects if name.suffix == SEALED}
    return [
        name
        for name in objects
        if name.suffix == LOSS or (name.suffix == MANIFEST and name.segment in sealed)
    ]
