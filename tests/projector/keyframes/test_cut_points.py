"""Cut points: the instants at which a keyframe may be built, and when one is due."""

from pathlib import Path

import attrs

from projector.keyframes.cut_points import cut_points, next_due
from projector.keyframes.keyframe import Keyframe
from projector.limits import LIMITS
from tests.projector.keyframes.source_parts import (
    EAGER,
    NO_SEGMENTS,
    ONE,
    THREE,
    TWO,
    keyframe,
    part,
    source,
)


def test_a_keyframe_is_due_at_the_last_cut_point_after_half_as_many_new_rows():
    base = Keyframe(Path("s-20260101T01-x.parquet"), "", frozenset({"s1"}), 30, 1, decides=True)

    assert next_due(source([ONE, TWO], [ONE, TWO], chain=[base]), NO_SEGMENTS, EAGER) is None
    due = next_due(source([ONE, TWO, THREE], [ONE, TWO, THREE], chain=[base]), NO_SEGMENTS, EAGER)
    assert due is not None
    assert (due.instant, due.adds) == ("20260103T01", ("s2", "s3"))


def test_no_cut_point_divides_a_part_or_an_hour_that_is_still_written():
    across = part("20260101T00", "20260102T00", "s1")

    due = next_due(source([across, TWO], [across, TWO]), NO_SEGMENTS, EAGER)
    assert due is not None
    assert due.instant == "20260102T01"
    assert next_due(source([ONE], [ONE]), frozenset({"20260101T01"}), EAGER) is None


def test_no_keyframe_is_due_over_a_segment_without_pages_or_sightings():
    assert next_due(source([ONE, TWO], [TWO]), NO_SEGMENTS, EAGER) is None
    assert next_due(source([TWO], [ONE, TWO]), NO_SEGMENTS, EAGER) is None


def test_a_keyframe_is_due_when_the_rows_since_exceed_half_of_the_last() -> None:
    def due(rows: int) -> bool:
        base = keyframe("20260101T01", "s1", rows=rows, decides=True)
        return (
            next_due(source([ONE, TWO], [ONE, TWO], chain=[base]), NO_SEGMENTS, EAGER) is not None
        )

    assert [due(rows) for rows in (18, 19, 20, 21)] == [True, True, False, False]


def test_no_keyframe_is_due_before_the_minimum_of_rows() -> None:
    limits = attrs.evolve(LIMITS, min_keyframe_rows=10)

    assert next_due(source([ONE], [ONE], rows=10), NO_SEGMENTS, limits) is None
    assert next_due(source([ONE], [ONE], rows=11), NO_SEGMENTS, limits) is not None


def test_no_cut_point_divides_parts_that_touch() -> None:
    touching = part("20260101T01", "20260101T02", "s2")
    cuts = list(
        cut_points(source([ONE, touching], [ONE, touching]), NO_SEGMENTS, NO_SEGMENTS, "", 0)
    )

    assert [(cut.instant, sorted(cut.adds)) for cut in cuts] == [("20260101T02", ["s1", "s2"])]


def test_no_cut_point_lies_within_a_long_part() -> None:
    long = part("20260101T00", "20260102T12", "s8")
    cuts = list(cut_points(source([long, TWO], [long, TWO]), NO_SEGMENTS, NO_SEGMENTS, "", 0))

    assert [cut.instant for cut in cuts] == ["20260102T12"]


def test_cut_points_lie_after_the_last_keyframe_and_outside_of_hours_that_are_still_written() -> (
    None
):
    parts = source([ONE, TWO, THREE], [ONE, TWO, THREE])
    busy = frozenset({"20260102T01"})
    cuts = list(cut_points(parts, busy, NO_SEGMENTS, "20260101T01", 0))

    assert [cut.instant for cut in cuts] == ["20260103T01"]
    assert [len(cut.sightings) for cut in cuts] == [3]
