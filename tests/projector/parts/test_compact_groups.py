"""Groups of parts for compaction: which parts may be merged."""

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
from hypothesis import given
from hypothesis import strategies as st

from projector.limits import LIMITS, Limits
from projector.parts import compact
from projector.parts.part import Part
from tests.projector.keyframes.source_parts import DAYS, ONE, THREE, TWO


def test_a_part_that_begins_at_the_instant_of_a_keyframe_is_grouped_before_it() -> None:
    key = compact.grouping_key(
        [("20260102T00", frozenset({"s1"})), ("20260103T00", frozenset({"s2"}))]
    )

    assert [key(part) for part in (ONE, TWO, THREE, DAYS[4])] == [(0, 0), (1, 0), (2, 1), (2, 2)]


def same_key(_part: Part) -> None:
    """Returns the same key for all parts."""


def sized(folder: Path, begin: str, size: int, *covers: str) -> Part:
    """Writes a part of this size."""
    path = folder / f"{begin}-{begin}-x.parquet"
    path.write_bytes(b"x" * size)
    return Part(path, begin, frozenset(covers))


def test_parts_of_the_newest_month_are_merged_only_if_they_are_many(tmp_path) -> None:
    limits = attrs.evolve(LIMITS, max_newest_parts=3)
    old = [sized(tmp_path, f"2026010{n}T00", 1, f"o{n}") for n in (1, 2)]
    new = [sized(tmp_path, f"2026020{n}T00", 1, f"n{n}") for n in (1, 2, 3, 4)]

    assert list(compact.group_parts([*old, *new[:3]], same_key, limits)) == [old]
    assert list(compact.group_parts([*old, *new], same_key, limits)) == [old, new]
    assert list(compact.group_parts(old[:1], same_key, limits)) == []


def test_parts_with_equal_keys_are_merged_up_to_a_size(tmp_path) -> None:
    limits = attrs.evolve(LIMITS, max_newest_parts=1, max_compacted_bytes=30)
    parts = [sized(tmp_path, f"2026010{n}T00", 10, f"s{n}") for n in range(1, 8)]

    assert list(compact.group_parts(parts, same_key, limits)) == [parts[:3], parts[3:6]]
    groups = compact.group_parts(parts[:4], lambda part: part.first < "20260103", limits)
    assert list(groups) == [parts[:2], parts[2:4]]
    twice = attrs.evolve(parts[1], covers=frozenset({"s1", "s2"}))
    assert list(compact.group_parts([parts[0], twice, parts[2]], same_key, limits)) == [
        [twice, parts[2]]
    ]


def test_late_parts_are_grouped_apart_from_the_keyframes_that_do_not_cover_them() -> None:
    keyframes = [("20260101T01", frozenset({"s1"})), ("20260103T01", frozenset({"s3"}))]
    key = compact.grouping_key(keyframes)

    assert [key(part) for part in (ONE, TWO, THREE)] == [(0, 0), (2, 1), (1, 1)]


def groups_by_key_of_every_part(
    parts: Sequence[Part], key: Callable[[Part], Hashable], limits: Limits
) -> list[list[Part]]:
    """Returns the groups found from the key of every part."""
    newest = max((part.first for part in parts), default="")
    keys = dict.fromkeys((part.first[:6], key(part)) for part in parts)
    groups = [[x for x in parts if (x.first[:6], key(x)) == wanted] for wanted in keys]
    return [
        group
        for group in groups
        if len(group) > (limits.max_newest_parts if newest in {x.first for x in group} else 1)
    ]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), unique=True, max_size=9),
    st.integers(2, 4),
    st.integers(1, 3),
)
def test_the_groups_are_those_that_the_keys_of_all_parts_give(
    begins: list[tuple[int, int]], divisor: int, most: int
) -> None:
    limits = attrs.evolve(LIMITS, max_newest_parts=most)
    with TemporaryDirectory() as folder:
        parts = [
            sized(Path(folder), f"20260{month}0{day}T00", 1, f"{month}-{day}")
            for month, day in sorted(begins)
        ]

        def key(part: Part) -> int:
            return int(part.first[7]) % divisor

        found = [*compact.group_parts(parts, key, limits)]
        assert found == groups_by_key_of_every_part(parts, key, limits)
