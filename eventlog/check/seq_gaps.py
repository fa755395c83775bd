"""Finds the seqs of a stream that no segment contains. Pure.

The input is the list of the seq ranges that exist or whose loss was accepted. A gap is what
is missing between two of them, before the first, or between the last and the head.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import count

import attrs

from eventlog.clock import HOUR
from eventlog.files.heads import Head
from eventlog.format.paths import SegmentName, parse_segment, segment_at


@attrs.frozen
class Stretch:
    """Seqs that one segment contains, or whose loss was accepted under its name."""

    name: SegmentName
    first_seq: int
    last_seq: int
    is_open: bool = False


@attrs.frozen
class SeqGap:
    """Seqs that are missing. Both ends are included."""

    first_seq: int
    last_seq: int
    before: Stretch | None
    """Preceding stretch; None at the beginning of the stream."""
    after: Stretch | None
    """Following stretch; None if the gap follows only from the head."""


def find_seq_gaps(stretches: Iterable[Stretch], durable_seq: int = 0) -> Iterator[SeqGap]:
    """Yields the gaps of a stream that was durable up to `durable_seq`, in seq order."""
    before: Stretch | None = None
    expected = 1
    for stretch in sorted(stretches, key=lambda stretch: stretch.first_seq):
        if stretch.first_seq > expected:
            yield SeqGap(expected, stretch.first_seq - 1, before, stretch)
        before, expected = stretch, max(expected, stretch.last_seq + 1)
    if durable_seq >= expected:
        yield SeqGap(expected, durable_seq, before, None)


def loss_name(
    hole: SeqGap, key: tuple[str, str], taken: Collection[SegmentName], head: Head | None, at: int
) -> SegmentName:
    """Returns the name under which the loss of a gap is recorded: the lost segment's, if known.

    Otherwise it is the next free name after the preceding segment, so that the names of a live
    stream remain in seq order; in the hour of `at` if the stream has no segment.
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
