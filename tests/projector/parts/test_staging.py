"""Staging: `line` has one row per event; damaged segments are refused before a row is built."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import duckdb
import pytest

from eventlog.errors import Corrupt
from projector.parts.part import Segment
from projector.parts.plan import list_source, read_sealed
from projector.parts.staging import stage, stage_empty, stage_lazily
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log

KINDS = "SELECT kind, count(*) FROM line GROUP BY ALL ORDER BY 1"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def segments(empty: Path) -> list[Segment]:
    """Two sealed segments with five events."""
    pages = [
        Page(hours(0), [model("a", "A"), model("b", "B")]),
        Page(hours(1), [model("a", "A2")]),
    ]
    write_log(empty, "openrouter", WRITER, pages)
    return [read_sealed(empty, name) for name in list_source(empty, "openrouter").sealed]


def stage_in(scratch: Path) -> Callable[[duckdb.DuckDBPyConnection, Sequence[Segment]], None]:
    return lambda connection, segments: stage(connection, segments, scratch)


def test_both_ways_of_staging_give_every_event_once(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path
) -> None:
    for stage_segments in (stage_in(tmp_path), stage_lazily):
        stage_segments(connection, segments)

        assert connection.execute(KINDS).fetchall() == [("entity", 3), ("page", 2)]


def test_without_segments_line_is_empty_and_has_the_same_columns(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path
) -> None:
    stage_lazily(connection, segments)
    columns = connection.execute("DESCRIBE line").fetchall()
    stage_empty(connection, tmp_path)

    assert connection.execute("DESCRIBE line").fetchall() == columns
    assert connection.execute("FROM line").fetchall() == []


def test_events_that_are_missing_from_a_segment_are_an_error(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path
) -> None:
    longer = attrs.evolve(segments[1], rows=4)

    with pytest.raises(Corrupt, match="expected 7 events, found 5"):
        stage(connection, [segments[0], longer], tmp_path)


def test_a_segment_whose_lines_are_not_counted_may_have_any_number(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path
) -> None:
    uncounted = attrs.evolve(segments[1], rows=None)
    stage(connection, [segments[0], uncounted], tmp_path)

    assert connection.execute("SELECT count(*) FROM line").fetchall() == [(5,)]


def test_lazy_staging_refuses_a_sealed_file_with_another_hash(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment]
) -> None:
    other = attrs.evolve(segments[1], sha256="0" * 64)

    with pytest.raises(Corrupt, match="expected SHA-256 0000"):
        stage_lazily(connection, [segments[0], other])
