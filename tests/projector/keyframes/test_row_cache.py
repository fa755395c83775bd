"""Row caches: when they are due."""

from pathlib import Path

import attrs

from projector.keyframes.row_cache import RowCache, due_rows
from projector.limits import LIMITS
from tests.projector.keyframes.source_parts import ONE, keyframe, source


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
