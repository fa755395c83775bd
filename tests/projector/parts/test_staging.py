"""Staging: `line` has one row per event; damaged segments are refused before a row is built."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import duckdb
import pytest

from eventlog.errors import Corrupt
from eventlog.format.frames import compress
from eventlog.format.paths import sealed_path
from projector.limits import LIMITS, Limits
from projector.parts.concatenate import concatenate
from projector.parts.part import Segment
from projector.parts.plan import list_source, read_sealed
from projector.parts.staging import stage, stage_empty, stage_lazily
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log

SEPARATELY = attrs.evolve(LIMITS, max_small_segment_bytes=0)
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


def test_both_ways_of_staging_give_every_event_once(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path
) -> None:
    for stage_segments in (stage, stage_lazily):
        for limits in (LIMITS, SEPARATELY):
            stage_segments(connection, segments, tmp_path, limits)

            assert connection.execute(KINDS).fetchall() == [("entity", 3), ("page", 2)]


def test_without_segments_line_is_empty_and_has_the_same_columns(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path
) -> None:
    stage_lazily(connection, segments, tmp_path)
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
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path
) -> None:
    other = attrs.evolve(segments[1], sha256="0" * 64)

    with pytest.raises(Corrupt, match="expected SHA-256 0000"):
        stage_lazily(connection, [segments[0], other], tmp_path)


@pytest.mark.parametrize("max_bytes", [0, 800, 10_000])
def test_rows_and_columns_do_not_depend_on_which_segments_are_concatenated(
    connection: duckdb.DuckDBPyConnection, empty: Path, tmp_path: Path, max_bytes: int
) -> None:
    pages = [
        Page(hours(hour), [model(id, "A" * 300 * (hour % 2), at=hour) for id in "ab"], scope="/x")
        for hour in range(4)
    ]
    write_log(empty, "openrouter", WRITER, pages)
    segments = [read_sealed(empty, name) for name in list_source(empty, "openrouter").sealed]
    limits = attrs.evolve(LIMITS, max_small_segment_bytes=max_bytes)
    separate = concatenate(segments, tmp_path / "any", max_bytes).separate
    stage(connection, segments, tmp_path, SEPARATELY)
    expected = connection.execute("FROM line ORDER BY seq")
    columns, rows = expected.description, expected.fetchall()

    assert len(separate) == {0: 4, 800: 2, 10_000: 0}[max_bytes]
    for stage_segments in (stage, stage_lazily):
        stage_segments(connection, segments, tmp_path, limits)
        result = connection.execute("FROM line ORDER BY seq")
        assert (result.description, result.fetchall()) == (columns, rows)


@pytest.mark.parametrize(
    "line", [b'{"v":1,"seq":\n', b'{"v":1,"segment":"of another form"}\n', b'{"v":1}\n']
)
def test_a_line_among_small_segments_is_refused_or_read_as_without_concatenation(
    connection: duckdb.DuckDBPyConnection, segments: list[Segment], tmp_path: Path, line: bytes
) -> None:
    name = attrs.evolve(segments[1].name, hour="05")
    path = sealed_path(tmp_path, name)
    path.write_bytes(compress(line))
    last = attrs.evolve(segments[1], name=name, path=path, rows=1, raw_bytes=len(line))

    def outcome(limits: Limits) -> object:
        try:
            stage(connection, [segments[0], last], tmp_path, limits)
        except duckdb.InvalidInputException as error:
            return str(error)
        return connection.execute("FROM line ORDER BY ALL").fetchall()

    assert outcome(LIMITS) == outcome(SEPARATELY)
