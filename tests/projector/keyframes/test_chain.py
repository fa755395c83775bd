"""The chain of keyframes and the cuts between them: what is late, what is due, at the edges."""

from collections.abc import Iterable
from pathlib import Path

import attrs

from projector.keyframes.cut_points import cut_points, next_due
from projector.keyframes.keyframe import Keyframe, SourceParts, usable_chain
from projector.keyframes.row_cache import (
    Delta,
    RowCache,
    due_delta,
    due_rows,
    is_complete,
)
from projector.limits import LIMITS
from projector.parts import compact
from projector.parts.part import Part

NOBODY: frozenset[str] = frozenset()
AT_ONCE = attrs.evolve(LIMITS, min_keyframe_rows=0)


def part(begin: str, end: str, *covers: str) -> Part:
    return Part(Path(f"{begin}-{end}-x.parquet"), begin, frozenset(covers))


def source(
    sightings: Iterable[Part], pages: Iterable[Part], rows: int = 10, chain: Iterable[Keyframe] = ()
) -> SourceParts:
    sightings, pages = tuple(sightings), tuple(pages)
    counts = {str(each.path): rows for each in (*sightings, *pages)}
    sealed = frozenset().union(*(each.covers for each in (*sightings, *pages)))
    return SourceParts(Path(), sightings, pages, counts, (), sealed, tuple(chain))


def keyframe(
    instant: str,
    *adds: str,
    rows: int = 30,
    base: str = "",
    moved: float = 1,
    decides: bool = False,
) -> Keyframe:
    path = Path(f"s-{instant}-{'-'.join(adds)}.parquet")
    return Keyframe(path, base, frozenset(adds), rows, moved, decides=decides)


DAYS = {n: part(f"2026010{n}T00", f"2026010{n}T01", f"s{n}") for n in range(1, 8)}
ONE, TWO, THREE = (DAYS[n] for n in (1, 2, 3))


def test_a_part_that_begins_at_the_instant_of_a_keyframe_is_late_for_it() -> None:
    at_once = part("20260101T01", "20260101T02", "s9")
    held = source([ONE, at_once], [ONE])

    (link,) = usable_chain(held, [keyframe("20260101T01", "s1")], LIMITS)
    assert link.late == (at_once,)
    assert not link.decides


def test_a_page_that_begins_at_the_instant_of_a_keyframe_keeps_it_from_deciding() -> None:
    at_once = part("20260101T01", "20260101T02", "s9")

    (link,) = usable_chain(source([ONE], [ONE, at_once]), [keyframe("20260101T01", "s1")], LIMITS)
    assert (link.late, link.decides) == ((), False)


def test_an_open_segment_that_begins_not_after_a_keyframe_keeps_it_from_deciding() -> None:
    held = source([ONE], [ONE])
    found = {
        opened: usable_chain(
            attrs.evolve(held, opened=(opened,)), [keyframe("20260101T01", "s1")], LIMITS
        )
        for opened in ("20260101T00", "20260101T01", "20260101T02")
    }

    assert {opened: links[0].decides for opened, links in found.items()} == {
        "20260101T00": False,
        "20260101T01": False,
        "20260101T02": True,
    }


def test_a_keyframe_with_more_late_rows_than_half_of_it_is_not_read() -> None:
    late = part("20260101T00", "20260101T01", "s9")

    held = source([ONE, late], [ONE])
    assert len(usable_chain(held, [keyframe("20260101T01", "s1", rows=20)], AT_ONCE)) == 1
    assert usable_chain(held, [keyframe("20260101T01", "s1", rows=19)], AT_ONCE) == []


def test_half_of_a_small_keyframe_counts_for_no_less_than_the_least_rows() -> None:
    limits = attrs.evolve(LIMITS, min_keyframe_rows=20)
    late = part("20260101T00", "20260101T01", "s9")

    small = [keyframe("20260101T01", "s1", rows=1)]
    assert len(usable_chain(source([ONE, late], [ONE]), small, limits)) == 1
    assert usable_chain(source([ONE, late], [ONE], rows=11), small, limits) == []


def test_a_keyframe_is_due_when_the_rows_since_exceed_half_of_the_last() -> None:
    def due(rows: int) -> bool:
        base = keyframe("20260101T01", "s1", rows=rows, decides=True)
        return next_due(source([ONE, TWO], [ONE, TWO], chain=[base]), NOBODY, AT_ONCE) is not None

    assert [due(rows) for rows in (18, 19, 20, 21)] == [True, True, False, False]


def test_no_keyframe_is_due_before_the_least_rows_have_come() -> None:
    limits = attrs.evolve(LIMITS, min_keyframe_rows=10)

    assert next_due(source([ONE], [ONE], rows=10), NOBODY, limits) is None
    assert next_due(source([ONE], [ONE], rows=11), NOBODY, limits) is not None


def test_a_part_that_begins_where_another_ends_reaches_across() -> None:
    touching = part("20260101T01", "20260101T02", "s2")
    found = list(cut_points(source([ONE, touching], [ONE, touching]), NOBODY, NOBODY, "", 0))

    assert [(cut.instant, sorted(cut.adds)) for cut in found] == [("20260101T02", ["s1", "s2"])]


def test_a_long_part_reaches_across_all_that_begins_before_it_ends() -> None:
    long = part("20260101T00", "20260102T12", "s8")
    found = list(cut_points(source([long, TWO], [long, TWO]), NOBODY, NOBODY, "", 0))

    assert [cut.instant for cut in found] == ["20260102T12"]


def test_a_cut_lies_after_the_one_before_and_outside_of_hours_that_are_still_written() -> None:
    held = source([ONE, TWO, THREE], [ONE, TWO, THREE])
    busy = frozenset({"20260102T01"})
    found = list(cut_points(held, busy, NOBODY, "20260101T01", 0))

    assert [cut.instant for cut in found] == ["20260103T01"]
    assert [len(each.sightings) for each in found] == [3]


def test_rows_are_due_at_a_keyframe_that_decides_and_of_which_enough_stayed() -> None:
    limits = attrs.evolve(LIMITS, min_keyframe_rows=30)
    found = RowCache(Path(), "x")

    def due(decides: bool = True, **more: float) -> bool:
        values = {"rows": 31, "moved": 0, "decides": decides, **more}
        chain = [keyframe("20260101T01", "s1", **values)]
        return due_rows(source([ONE], [ONE], chain=chain), found, limits) != []

    assert due()
    assert not due(decides=False)
    assert not due(rows=30)
    assert due(moved=LIMITS.max_moved_share)
    assert not due(moved=LIMITS.max_moved_share + 0.01)


def test_rows_are_made_after_the_last_ones_only() -> None:
    first, second = keyframe("20260101T01", "s1"), keyframe("20260102T01", "s2")
    first, second = (
        attrs.evolve(each, rows=10**6, moved=0, decides=True) for each in (first, second)
    )
    row_cache = RowCache(Path(), "x", (first,))

    assert due_rows(source([ONE], [ONE], chain=[first, second]), row_cache, LIMITS) == [second]


def decided(first: Keyframe) -> RowCache:
    return RowCache(Path(), "x", (first,))


def test_a_delta_is_whole_where_all_that_begins_not_after_it_is_covered() -> None:
    base = keyframe("20260101T01", "s1", decides=True)
    held = source([ONE, TWO, THREE], [ONE, TWO, THREE], chain=[base])
    adds = frozenset({"s2"})
    edge = attrs.evolve(held, sightings=(*held.sightings, part("20260102T01", "20260102T02", "s9")))
    edge = attrs.evolve(edge, rows={**held.rows, "20260102T01-20260102T02-x.parquet": 1})
    page = attrs.evolve(edge, sightings=held.sightings, pages=edge.sightings)

    assert is_complete(held, decided(base), "20260102T01", adds)
    assert not is_complete(held, decided(base), "20260103T00", adds)
    assert not is_complete(edge, decided(base), "20260102T01", adds)
    assert not is_complete(page, decided(base), "20260102T01", adds)
    assert not is_complete(held, decided(base), "20260102T01", frozenset({"s2", "lost"}))
    for opened, whole in (("20260102T01", False), ("20260102T02", True)):
        open_too = attrs.evolve(held, opened=(opened,))
        assert is_complete(open_too, decided(base), "20260102T01", adds) is whole


def test_of_several_deltas_that_are_due_the_first_is_in_the_middle_and_the_next_the_last() -> None:
    base = keyframe("20260101T01", "s1", decides=True)
    days = [DAYS[n] for n in range(1, 6)]
    held = source(days, days, chain=[base])
    found = decided(base)
    first = due_delta(held, found, NOBODY, 0, AT_ONCE)
    with_delta = attrs.evolve(
        found, deltas=(Delta(Path("d-20260102T01-x.parquet"), frozenset({"s2"})),)
    )
    after = due_delta(held, with_delta, NOBODY, 0, AT_ONCE)

    assert first is not None
    assert (first.instant, sorted(first.adds)) == ("20260103T01", ["s2", "s3"])
    assert after is not None
    assert (after.instant, sorted(after.adds)) == ("20260105T01", ["s2", "s3", "s4", "s5"])


def test_a_delta_is_due_when_a_sixteenth_has_been_seen() -> None:
    base = keyframe("20260101T01", "s1", decides=True)
    held = source([ONE, TWO], [ONE, TWO], chain=[base])

    assert due_delta(held, decided(base), NOBODY, 159, AT_ONCE) is not None
    assert due_delta(held, decided(base), NOBODY, 160, AT_ONCE) is None
    assert due_delta(held, RowCache(Path(), "x"), NOBODY, 0, AT_ONCE) is None


def test_a_part_that_begins_at_an_instant_stands_before_it() -> None:
    place = compact.grouping_key(
        [("20260102T00", frozenset({"s1"})), ("20260103T00", frozenset({"s2"}))]
    )

    assert [place(each) for each in (ONE, TWO, THREE, DAYS[4])] == [(0, 0), (1, 0), (2, 1), (2, 2)]


def every(_part: Part) -> None:
    """A key that is the same for all parts."""


def sized(folder: Path, begin: str, size: int, *covers: str) -> Part:
    path = folder / f"{begin}-{begin}-x.parquet"
    path.write_bytes(b"x" * size)
    return Part(path, begin, frozenset(covers))


def test_parts_of_the_newest_month_wait_until_they_are_many(tmp_path) -> None:
    limits = attrs.evolve(LIMITS, max_newest_parts=3)
    old = [sized(tmp_path, f"2026010{n}T00", 1, f"o{n}") for n in (1, 2)]
    new = [sized(tmp_path, f"2026020{n}T00", 1, f"n{n}") for n in (1, 2, 3, 4)]

    assert list(compact.group_parts([*old, *new[:3]], every, limits)) == [old]
    assert list(compact.group_parts([*old, *new], every, limits)) == [old, new]
    assert list(compact.group_parts(old[:1], every, limits)) == []


def test_parts_are_put_together_up_to_a_size_and_where_they_are_alike(tmp_path) -> None:
    limits = attrs.evolve(LIMITS, max_newest_parts=1, max_compacted_bytes=30)
    parts = [sized(tmp_path, f"2026010{n}T00", 10, f"s{n}") for n in range(1, 8)]

    assert list(compact.group_parts(parts, every, limits)) == [parts[:3], parts[3:6]]
    found = compact.group_parts(parts[:4], lambda each: each.first < "20260103", limits)
    assert list(found) == [parts[:2], parts[2:4]]
    twice = attrs.evolve(parts[1], covers=frozenset({"s1", "s2"}))
    assert list(compact.group_parts([parts[0], twice, parts[2]], every, limits)) == [
        [twice, parts[2]]
    ]
