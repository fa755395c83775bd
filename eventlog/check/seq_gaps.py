"""Finds the seqs of a stream that no segment contains. Pure.

The input is the list of the seqs that exist or whose loss was accepted. A gap is what is
missing between two of them, before the first, or between the last and the head.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import count

import attrs

from eventlog.clock import HOUR
from eventlog.files.heads import Head
from eventlog.format.paths import SegmentName, parse_segment, segment_at
from eventlog.read.seq_ranges import KnownSeqs


@attrs.frozen
class SeqGap:
    """Seqs that are missing. Both ends are included."""

    first_seq: int
    last_seq: int
    before: KnownSeqs | None
    """What ends with the seq before the gap; None at the beginning of the stream."""
    after: KnownSeqs | None
    """What follows the gap; None if the gap follows only from the head."""


def find_seq_gaps(known: Iterable[KnownSeqs], durable_seq: int = 0) -> Iterator[SeqGap]:
    """Yields the gaps of a stream that was durable up to `durable_seq`, in seq order."""
    before: KnownSeqs | None = None
    expected = 1
    for after in sorted(known, key=lambda seqs: (seqs.first_seq, seqs.name)):
        if after.first_seq > expected:
            yield SeqGap(expected, after.first_seq - 1, before, after)
        if after.last_seq >= expected:
            before, expected = after, after.last_seq + 1
    if durable_seq >= expected:
        yield SeqGap(expected, durable_seq, before, None)


def loss_name(
    gap: SeqGap, key: tuple[str, str], taken: Collection[SegmentName], head: Head | None, at: int
) -> SegmentName:
    """Returns the name under which the loss of a gap is recorded: the lost segment's, if known.

    Otherwise it is the next free name after the preceding segment, so that the names of a live
    stream remain in seq order; in the hour of `at` if the stream has no segment.
    """
    named = parse_segment(head.segment) if head and gap.after is None else None
    if named is not None and named not in taken:
        return named
    if gap.before is not None:
        start = gap.before.name
    elif gap.after is not None:
        start = segment_at(*key, gap.after.name.starts_at - HOUR, 0)
    else:
        start = segment_at(*key, at, 0)
    numbers = (attrs.evolve(start, number=number) for number in count(start.number))
    return next(name for name in numbers if name not in taken)
