"""Pages and sightings of keyframes: presence is the same from them as from all facts."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from projector.engine.sql_text import list_literal, literal
from projector.keyframes.build import keyframe_pages_sql, keyframe_seen_sql
from projector.presence import presence_sql
from tests.extent import few_or_all
from tests.projector.keyframes.tiny_tables import (
    PAGE,
    SIGHTING,
    Row,
    page_row,
    sighting,
    write_table,
)


@attrs.frozen
class Listed:
    """A page of a listing; `hour` counts from the page before."""

    hour: int
    scope: str
    ids: frozenset[str]
    run: str = ""
    """Empty: a run of its own, with this page alone."""
    page_no: int = 1
    last: bool = True


PAGES = st.lists(
    st.one_of(
        st.builds(
            Listed, st.integers(0, 3), st.sampled_from("xy"), st.frozensets(st.sampled_from("ab"))
        ),
        st.builds(
            Listed,
            st.integers(0, 3),
            st.sampled_from("xy"),
            st.frozensets(st.sampled_from("ab")),
            st.sampled_from(["r1", "r2"]),
            st.integers(1, 3),
            st.booleans(),
        ),
    ),
    min_size=3,
    max_size=14,
)


def rows_of(pages: Sequence[Listed]) -> tuple[list[Row], list[Row]]:
    """Returns the rows of the sightings and of the pages; number n of a page is its seq."""
    sightings, rows, hour = list[Row](), list[Row](), 0
    for seq, page in enumerate(pages):
        hour += page.hour
        run = page.run or f"alone{seq}"
        rows.append(page_row(hour, seq, page.scope, run, page.page_no, page.last))
        place = {"_scope": page.scope, "_listing": True}
        sightings += [sighting(hour, id_, seq, **place) for id_ in sorted(page.ids)]
    return sightings, rows


def make_keyframe(
    folder: Path, sightings: Sequence[Path], pages: Sequence[Path]
) -> tuple[Path, Path]:
    """Selects the sightings and the pages of a keyframe from files; returns its two files."""
    seen, kept = folder / "s.parquet", folder / "p.parquet"
    folder.mkdir()
    duckdb.sql(f"COPY ({keyframe_seen_sql(sightings)}) TO {literal(str(seen))} (FORMAT parquet)")
    query = keyframe_pages_sql(seen, pages)
    duckdb.sql(f"COPY ({query}) TO {literal(str(kept))} (FORMAT parquet)")
    return seen, kept


def absences(sightings: Sequence[Path], pages: Sequence[Path]) -> list[tuple[object, ...]]:
    """Returns, of each entity, since when and by which listing it is absent."""
    common = {
        "sightings": list_literal(sightings),
        "pages": list_literal(pages),
        "instant": "TIMESTAMPTZ '9999-01-01 00:00:00+00'",
        "types": "'thing'",
        "one": "",
        "shapes": "true",
        "rank": "0",
    }
    query = f"WITH {presence_sql(common)} SELECT _id, by_listing FROM entity ORDER BY ALL"
    return duckdb.sql(query).fetchall()


def at_hours(*pages: tuple[int, str, str] | tuple[int, str, str, str, int, bool]) -> list[Listed]:
    """Returns pages by hour, scope and ids; then run, number, and whether it is the last page."""
    before = [0, *(page[0] for page in pages)]
    return [
        Listed(page[0] - hour, page[1], frozenset(page[2]), *page[3:])
        for hour, page in zip(before, pages, strict=False)
    ]


EARLY = [(0, "y", "ab"), (1, "x", "a"), (2, "x", "a"), (3, "x", "a")]
LEFT_ALONE = at_hours(*EARLY, *((hour, "y", "b") for hour in range(4, 10)))
"""From hour 6 on the listings of y decide about `a`."""
DECIDED_LATER = at_hours(*EARLY, (6, "y", ""), (20, "x", ""), (21, "x", ""), (22, "x", ""))
"""The listing of y at hour 6 came first, as the distance of older listings of x says."""
NEVER_COMPLETED = at_hours(*EARLY, (4, "x", "a", "r1", 1, False), (5, "y", ""), (12, "y", ""))
"""The scope of the last sighting was listed twice before it, but not with it."""
BORROWED = at_hours((0, "y", "a"), (1, "x", "a"), *((hour, "y", "") for hour in range(2, 8)))
"""x was listed once: the listing of y at hour 4 decides by its distance from that at 3."""
INTERLEAVED = at_hours(
    *((0, "y", "a"), (1, "x", "a"), (3, "y", "")),
    *((3, "y", "", run, 1, False) for run in ("r2", "r3")),
    *((4, "y", "", "r1", 1, False), (5, "y", "", "r2", 2, True), (6, "y", "", "r3", 2, True)),
    (7, "y", "", "r1", 2, True),
)
"""The pagination r1 is measured from the listing at hour 3, although two ended after that."""


@pytest.mark.sampled
@given(PAGES, st.integers(0, 14), st.integers(0, 14))
@example(LEFT_ALONE, 4, 9)
@example(DECIDED_LATER, 0, 8)
@example(NEVER_COMPLETED, 0, 4)
@example(BORROWED, 0, 8)
@example(INTERLEAVED, 0, 8)
@settings(max_examples=few_or_all(1, 20), suppress_health_check=[HealthCheck.too_slow])
def test_presence_from_a_keyframe_and_later_facts_is_that_from_all_facts(
    pages: list[Listed], cut: int, other: int
) -> None:
    first, second = sorted((min(cut, len(pages)), min(other, len(pages))))
    sightings, rows = rows_of(pages)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = []
        for n, (low, high) in enumerate(((0, first), (first, second), (second, len(pages)))):
            some = [row for row in sightings if low <= row["_seq"] < high]
            files.append(
                (
                    write_table(root / f"sightings{n}.parquet", SIGHTING, some),
                    write_table(root / f"pages{n}.parquet", PAGE, rows[low:high]),
                )
            )
        every = absences(*zip(*files, strict=True))

        early = make_keyframe(root / "early", [files[0][0]], [files[0][1]])
        late = make_keyframe(root / "late", [early[0], files[1][0]], [early[1], files[1][1]])
        assert absences(*zip(early, *files[1:], strict=True)) == every
        assert absences(*zip(late, files[2], strict=True)) == every
