"""The chain of keyframes: which of them can be read, and which facts are late for them."""

from pathlib import Path

import attrs

from projector.keyframes.keyframe import Keyframe, usable_chain
from projector.limits import LIMITS
from tests.projector.keyframes.source_parts import EAGER, ONE, THREE, TWO, keyframe, part, source


def test_a_part_that_begins_at_the_instant_of_a_keyframe_is_late_for_it() -> None:
    touching = part("20260101T01", "20260101T02", "s9")
    parts = source([ONE, touching], [ONE])

    (usable,) = usable_chain(parts, [keyframe("20260101T01", "s1")], LIMITS)
    assert usable.late == (touching,)
    assert not usable.decides


def test_a_page_that_begins_at_the_instant_of_a_keyframe_keeps_it_from_deciding() -> None:
    touching = part("20260101T01", "20260101T02", "s9")

    (usable,) = usable_chain(
        source([ONE], [ONE, touching]), [keyframe("20260101T01", "s1")], LIMITS
    )
    assert (usable.late, usable.decides) == ((), False)


def test_an_open_segment_that_begins_not_after_a_keyframe_keeps_it_from_deciding() -> None:
    parts = source([ONE], [ONE])
    chains = {
        opened: usable_chain(
            attrs.evolve(parts, opened=(opened,)), [keyframe("20260101T01", "s1")], LIMITS
        )
        for opened in ("20260101T00", "20260101T01", "20260101T02")
    }

    assert {opened: chain[0].decides for opened, chain in chains.items()} == {
        "20260101T00": False,
        "20260101T01": False,
        "20260101T02": True,
    }


def test_a_keyframe_with_more_late_rows_than_half_of_it_is_not_read() -> None:
    late = part("20260101T00", "20260101T01", "s9")

    parts = source([ONE, late], [ONE])
    assert len(usable_chain(parts, [keyframe("20260101T01", "s1", rows=20)], EAGER)) == 1
    assert usable_chain(parts, [keyframe("20260101T01", "s1", rows=19)], EAGER) == []


def test_a_small_keyframe_is_read_with_up_to_the_least_rows_that_are_late() -> None:
    limits = attrs.evolve(LIMITS, min_keyframe_rows=20)
    late = part("20260101T00", "20260101T01", "s9")

    small = [keyframe("20260101T01", "s1", rows=1)]
    assert len(usable_chain(source([ONE, late], [ONE]), small, limits)) == 1
    assert usable_chain(source([ONE, late], [ONE], rows=11), small, limits) == []


def test_a_chain_ends_at_a_keyframe_with_too_many_late_rows():
    first = Keyframe(Path("s-20260101T01-x.parquet"), "", frozenset({"s1"}), 30, 1)
    second = Keyframe(Path("s-20260103T01-y.parquet"), first.name, frozenset({"s3"}), 30, 1)
    parts = [ONE, TWO, THREE]

    chain = usable_chain(source(parts, parts), [first, second], EAGER)
    assert chain == [
        attrs.evolve(first, decides=True),
        attrs.evolve(second, late=(TWO,)),
    ]
    assert usable_chain(source(parts, parts, rows=16), [first, second], EAGER) == chain[:1]
    empty = attrs.evolve(source(parts, parts), rows={str(TWO.path): 0, str(THREE.path): 10})
    assert usable_chain(empty, [first, second], EAGER)[1] == attrs.evolve(second, decides=True), (
        "a part without rows is not late"
    )
    assert usable_chain(source(parts[1:], parts[1:]), [first, second], EAGER) == [], (
        "the segment of the first is gone"
    )
    assert usable_chain(source(parts, parts), [second], EAGER) == [], (
        "the base of the second is gone"
    )
