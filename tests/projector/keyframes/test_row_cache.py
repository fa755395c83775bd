"""Row caches and deltas: when they are due, and whether a delta is complete."""

from pathlib import Path

import attrs

from projector.keyframes.keyframe import Keyframe
from projector.keyframes.row_cache import (
    Delta,
    RowCache,
    due_delta,
    due_rows,
    is_complete,
)
from projector.limits import LIMITS
from tests.projector.keyframes.source_parts import (
    DAYS,
    EAGER,
    NO_SEGMENTS,
    ONE,
    THREE,
    TWO,
    keyframe,
    part,
    source,
)


def test_a_row_cache_is_due_at_a_keyframe_that_decides_and_of_which_enough_rows_stayed() -> None:
    limits = attrs.evolve(LIMITS, min_keyframe_rows=30)
    row_cache = RowCache(Path(), "x")

    def due(decides: bool = True, **more: float) -> bool:
        values = {"rows": 31, "moved": 0, "decides": decides, **more}
        chain = [keyframe("20260101T01", "s1", **values)]
        return due_rows(source([ONE], [ONE], chain=chain), row_cache, limits) != []

    assert due()
    assert not due(decides=False)
    assert not due(rows=30)
    assert due(moved=LIMITS.max_moved_share)
    assert not due(moved=LIMITS.max_moved_share + 0.01)


def test_a_row_cache_is_due_only_after_the_last_one() -> None:
    first, second = keyframe("20260101T01", "s1"), keyframe("20260102T01", "s2")
    first, second = (
        attrs.evolve(link, rows=10**6, moved=0, decides=True) for link in (first, second)
    )
    row_cache = RowCache(Path(), "x", (first,))

    assert due_rows(source([ONE], [ONE], chain=[first, second]), row_cache, LIMITS) == [second]


def row_cache_at(first: Keyframe) -> RowCache:
    """Returns a row cache of a keyframe, without deltas."""
    return RowCache(Path(), "x", (first,))


def test_a_delta_is_complete_if_it_covers_all_parts_that_begin_up_to_its_instant() -> None:
    base = keyframe("20260101T01", "s1", decides=True)
    parts = source([ONE, TWO, THREE], [ONE, TWO, THREE], chain=[base])
    adds = frozenset({"s2"})
    edge = attrs.evolve(
        parts, sightings=(*parts.sightings, part("20260102T01", "20260102T02", "s9"))
    )
    edge = attrs.evolve(edge, rows={**parts.rows, "20260102T01-20260102T02-x.parquet": 1})
    page = attrs.evolve(edge, sightings=parts.sightings, pages=edge.sightings)

    assert is_complete(parts, row_cache_at(base), "20260102T01", adds)
    assert not is_complete(parts, row_cache_at(base), "20260103T00", adds)
    assert not is_complete(edge, row_cache_at(base), "20260102T01", adds)
    assert not is_complete(page, row_cache_at(base), "20260102T01", adds)
    assert not is_complete(parts, row_cache_at(base), "20260102T01", frozenset({"s2", "lost"}))
    for opened, complete in (("20260102T01", False), ("20260102T02", True)):
        open_too = attrs.evolve(parts, opened=(opened,))
        assert is_complete(open_too, row_cache_at(base), "20260102T01", adds) is complete


def test_of_several_due_deltas_the_first_is_in_the_middle_and_the_next_is_the_last() -> None:
    base = keyframe("20260101T01", "s1", decides=True)
    days = [DAYS[n] for n in range(1, 6)]
    parts = source(days, days, chain=[base])
    row_cache = row_cache_at(base)
    first = due_delta(parts, row_cache, NO_SEGMENTS, 0, EAGER)
    with_delta = attrs.evolve(
        row_cache, deltas=(Delta(Path("d-20260102T01-x.parquet"), frozenset({"s2"})),)
    )
    after = due_delta(parts, with_delta, NO_SEGMENTS, 0, EAGER)

    assert first is not None
    assert (first.instant, sorted(first.adds)) == ("20260103T01", ["s2", "s3"])
    assert after is not None
    assert (after.instant, sorted(after.adds)) == ("20260105T01", ["s2", "s3", "s4", "s5"])


def test_a_delta_is_due_after_sightings_of_a_sixteenth_of_the_rows() -> None:
    base = keyframe("20260101T01", "s1", decides=True)
    parts = source([ONE, TWO], [ONE, TWO], chain=[base])

    assert due_delta(parts, row_cache_at(base), NO_SEGMENTS, 159, EAGER) is not None
    assert due_delta(parts, row_cache_at(base), NO_SEGMENTS, 160, EAGER) is None
    assert due_delta(parts, RowCache(Path(), "x"), NO_SEGMENTS, 0, EAGER) is None
