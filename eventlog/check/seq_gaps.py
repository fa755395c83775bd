"""Holes: seqs of a stream that no segment holds. Pure.

What a stream holds, or has given up, is a list of stretches; what lies between two of
them, before the first, or between the last and what was durable, is a hole.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import count

import attrs

from eventlog.clock import HOUR
from eventlog.files.heads import Head
from eventlog.format.paths import SegmentName, parse_segment, segment_at


@attrs.frozen
class Stretch:
    """Seqs that stand in one segment, or whose loss was accepted under its name."""

    name: SegmentName
    first_seq: int
    last_seq: int
    is_open: bool = False


@attrs.frozen
class SeqGap:
    """Seqs that are missing. Both ends belong to it."""

    first_seq: int
    last_seq: int
    before: Stretch | None
    """None at the beginning of the stream."""
    after: Stretch | None
    """None where only the head knows of it."""


def find_seq_gaps(stretches: Iterable[Stretch], durable_seq: int = 0) -> Iterator[SeqGap]:
    """The holes of a stream that was durable up to a seq, in their order."""
    before: Stretch | None = None
    expected = 1
    for each in sorted(stretches, key=lambda stretch: stretch.first_seq):
        if each.first_seq > expected:
            yield SeqGap(expected, each.first_seq - 1, before, each)
        before, expected = each, max(expected, each.last_seq + 1)
    if durable_seq >= expected:
        yield SeqGap(expected, durable_seq, before, None)


def loss_name(
    hole: SeqGap, key: tuple[str, str], taken: Collection[SegmentName], head: Head | None, at: int
) -> SegmentName:
    """Under which name the loss of a hole can be recorded: the lost one's, where it is known.

    Else the next free one behind what stands before the hole, so that the names of a
    live stream stay in the order of its seqs; in the hour of `at` where nothing stands.
    """
    named = parse_segment(head.segment) if head and hole.after is None else None
    if named is not None and named not in taken:
        return named
    if hole.before is not None:
        start = hole.before.name
    elif hole.after is not None:
        start = segment_at(*key, hole.after.name.starts_at - HOUR, 0)
    else:
        start = segment_at(*key, at, 0)
    numbers = (attrs.evolve(start, number=number) for number in count(start.number))
    return next(name for name in numbers if name not in taken)
