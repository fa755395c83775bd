"""Holes: which seqs are missing, and the names under which their loss is recorded."""

import pytest

from eventlog.check.seq_gaps import SeqGap, Stretch, find_seq_gaps, loss_name
from eventlog.clock import HOUR
from eventlog.files.heads import Head
from eventlog.format.paths import segment_at
from tests.eventlog.making import SOURCE, START, WRITER

KEY = (SOURCE, WRITER)


def stretch(first: int, last: int, hour: int = 0, number: int = 0) -> Stretch:
    return Stretch(segment_at(*KEY, START + hour * HOUR, number), first, last)


def spans(stretches: list[Stretch], durable_seq: int = 0) -> list[tuple[int, int]]:
    return [(hole.first_seq, hole.last_seq) for hole in find_seq_gaps(stretches, durable_seq)]


@pytest.mark.parametrize(
    ("stretches", "durable", "holes"),
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
def test_a_hole_is_what_lies_between_stretches(
    stretches: list[tuple[int, int]], durable: int, holes: list[tuple[int, int]]
) -> None:
    assert spans([stretch(*each) for each in stretches], durable) == holes


def test_a_hole_knows_what_stands_on_either_side_of_it() -> None:
    one, two = stretch(2, 3), stretch(6, 7, hour=1)

    assert list(find_seq_gaps([two, one], 9)) == [
        SeqGap(1, 1, None, one),
        SeqGap(4, 5, one, two),
        SeqGap(8, 9, two, None),
    ]


def test_the_loss_at_the_end_takes_the_name_that_the_head_knows() -> None:
    one = stretch(1, 3)
    lost = segment_at(*KEY, START + 2 * HOUR, 4)
    head = Head(str(lost), 100, 9)
    (end,) = find_seq_gaps([one], 9)

    assert loss_name(end, KEY, {one.name}, head, START) == lost
    taken = loss_name(end, KEY, {one.name, lost}, head, START)
    assert taken == segment_at(*KEY, START, 1)
    assert loss_name(end, KEY, {one.name}, None, START) == segment_at(*KEY, START, 1)


def test_a_hole_before_something_does_not_take_the_name_of_the_head() -> None:
    one, two = stretch(1, 3, number=2), stretch(6, 7, hour=3)
    head = Head(str(segment_at(*KEY, START + 4 * HOUR, 0)), 100, 9)
    taken = {one.name, two.name, segment_at(*KEY, START, 3)}
    (middle,) = find_seq_gaps([one, two])
    (begin,) = find_seq_gaps([two, stretch(1, 1)][:1])

    assert loss_name(middle, KEY, taken, head, START) == segment_at(*KEY, START, 4)
    assert loss_name(begin, KEY, taken, head, START) == segment_at(*KEY, START + 2 * HOUR, 0)


def test_where_nothing_stands_the_name_is_of_the_hour_of_the_note() -> None:
    (all_,) = find_seq_gaps([], 3)

    assert loss_name(all_, KEY, set(), None, START + 5) == segment_at(*KEY, START, 0)
