"""Gaps: which seqs are missing, and the names under which their loss is recorded."""

import pytest

from eventlog.check.seq_gaps import SeqGap, find_seq_gaps, loss_name
from eventlog.clock import HOUR
from eventlog.files.heads import Head
from eventlog.format.paths import segment_at
from eventlog.read.seq_ranges import KnownSeqs
from tests.eventlog.making import SOURCE, START, WRITER

KEY = (SOURCE, WRITER)


def seqs(first: int, last: int, hour: int = 0, number: int = 0) -> KnownSeqs:
    """Returns the seqs of a sealed segment."""
    return KnownSeqs(segment_at(*KEY, START + hour * HOUR, number), first, last)


@pytest.mark.parametrize(
    ("known", "durable", "gaps"),
    [
        ([], 0, []),
        ([], 1, [(1, 1)]),
        ([(1, 3)], 3, []),
        ([(1, 3)], 4, [(4, 4)]),
        ([(2, 3)], 0, [(1, 1)]),
        ([(1, 3), (4, 5)], 0, []),
        ([(1, 3), (5, 5)], 0, [(4, 4)]),
        ([(5, 5), (1, 3)], 7, [(4, 4), (6, 7)]),
        ([(1, 9), (2, 3), (10, 10)], 10, []),
        ([(1, 9), (2, 3), (12, 12)], 0, [(10, 11)]),
    ],
)
def test_a_gap_contains_the_seqs_that_no_segment_contains(
    known: list[tuple[int, int]], durable: int, gaps: list[tuple[int, int]]
) -> None:
    result = find_seq_gaps([seqs(first, last) for first, last in known], durable)

    assert [(gap.first_seq, gap.last_seq) for gap in result] == gaps


def test_a_gap_names_the_segments_before_and_after_it() -> None:
    first, second = seqs(2, 3), seqs(6, 7, hour=1)

    assert list(find_seq_gaps([second, first], 9)) == [
        SeqGap(1, 1, None, first),
        SeqGap(4, 5, first, second),
        SeqGap(8, 9, second, None),
    ]


def test_the_segment_before_a_gap_is_the_first_that_ends_there() -> None:
    first, within, again, after = seqs(1, 9), seqs(2, 3, 1), seqs(5, 9, 2), seqs(12, 12, 3)

    assert list(find_seq_gaps([after, again, within, first])) == [SeqGap(10, 11, first, after)]


def test_the_loss_at_the_end_of_a_stream_is_named_after_the_segment_in_the_head() -> None:
    only = seqs(1, 3)
    lost = segment_at(*KEY, START + 2 * HOUR, 4)
    head = Head(str(lost), 100, 9)
    (end,) = find_seq_gaps([only], 9)

    assert loss_name(end, KEY, {only.name}, head, START) == lost
    if_taken = loss_name(end, KEY, {only.name, lost}, head, START)
    assert if_taken == segment_at(*KEY, START, 1)
    assert loss_name(end, KEY, {only.name}, None, START) == segment_at(*KEY, START, 1)


def test_a_gap_before_a_segment_is_not_named_after_the_segment_in_the_head() -> None:
    first, second = seqs(1, 3, number=2), seqs(6, 7, hour=3)
    head = Head(str(segment_at(*KEY, START + 4 * HOUR, 0)), 100, 9)
    taken = {first.name, second.name, segment_at(*KEY, START, 3)}
    (middle,) = find_seq_gaps([first, second])
    (begin,) = find_seq_gaps([second])

    assert loss_name(middle, KEY, taken, head, START) == segment_at(*KEY, START, 4)
    assert loss_name(begin, KEY, taken, head, START) == segment_at(*KEY, START + 2 * HOUR, 0)


def test_without_any_segment_the_loss_is_named_after_the_hour_of_the_head() -> None:
    (everything,) = find_seq_gaps([], 3)

    assert loss_name(everything, KEY, set(), None, START + 5) == segment_at(*KEY, START, 0)
