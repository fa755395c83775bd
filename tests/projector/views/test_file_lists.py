"""File lists: which files a query reads, by its instant."""

import contextlib
from pathlib import Path

import attrs
import pytest

from eventlog.clock import format_us
from projector.engine.connections import connect
from projector.views.file_lists import (
    FileList,
    all_bodies_sql,
    as_of_list_sql,
    list_sql,
    row_cache_instant_sql,
)
from tests.projector.logs import hours

ROOT = Path("/archive")
FILES = FileList(
    ("schema.parquet", "open-a.parquet"),
    (
        ("20261101T000000000000", "0.parquet"),
        ("20261101T010000000000", "1.parquet"),
        ("20261101T030000000000", "3.parquet"),
    ),
)
WITH_KEYFRAME = attrs.evolve(
    FILES, keyframes=(("20261101T020000000000", "keyframe.parquet", "late.parquet"),)
)


def evaluate(sql: str, hour: float) -> object:
    """Returns the value of an expression over `t`, for a query as of an hour."""
    with contextlib.closing(connect()) as connection:
        query = f"SELECT {sql} FROM (SELECT ?::VARCHAR AS t)"
        return connection.execute(query, [format_us(hours(hour))]).fetchall()[0][0]


def names_as_of(files: FileList, hour: float) -> list[str]:
    paths = evaluate(as_of_list_sql(ROOT, files), hour)
    assert isinstance(paths, list)
    return [Path(path).name for path in paths]


@pytest.mark.parametrize(
    ("hour", "dated"),
    [(-1, []), (0, ["0"]), (1.5, ["0", "1"]), (3, ["0", "1", "3"])],
)
def test_a_query_reads_the_parts_that_begin_up_to_its_instant(
    hour: float, dated: list[str]
) -> None:
    expected = [*(f"{name}.parquet" for name in dated), "schema.parquet", "open-a.parquet"]

    assert sorted(names_as_of(FILES, hour)) == sorted(expected)


def test_a_keyframe_replaces_the_parts_before_it() -> None:
    read = set(names_as_of(WITH_KEYFRAME, 3.5))

    assert {"keyframe.parquet", "late.parquet", "3.parquet"} <= read
    assert not {"0.parquet", "1.parquet"} & read


def test_a_query_before_a_keyframe_does_not_read_it() -> None:
    assert names_as_of(WITH_KEYFRAME, 1.5) == names_as_of(FILES, 1.5)


def test_the_file_without_rows_is_first_only_if_it_has_more_columns() -> None:
    assert names_as_of(FILES, 1)[0] == "0.parquet"
    assert names_as_of(attrs.evolve(FILES, wider=True), 1)[0] == "schema.parquet"


def test_all_includes_the_files_of_keyframes() -> None:
    assert set(WITH_KEYFRAME.all) == {*FILES.all, "keyframe.parquet", "late.parquet"}


def test_a_list_that_does_not_depend_on_the_instant_has_every_path_below_views() -> None:
    assert evaluate(list_sql(ROOT, ["a", "b"]), 0) == ["/archive/views/a", "/archive/views/b"]
    bodies = evaluate(all_bodies_sql(ROOT, FILES), -1)
    assert isinstance(bodies, list)
    assert [Path(path).name for path in bodies] == [
        *("0.parquet", "1.parquet", "3.parquet"),
        *("schema.parquet", "open-a.parquet"),
    ]


def test_the_last_row_cache_before_an_instant_is_that_of_an_entry_without_files() -> None:
    fresh = attrs.evolve(
        FILES,
        keyframes=(
            ("20261101T010000000000", "k.parquet"),
            ("20261101T020000000000",),
            ("20261101T040000000000",),
        ),
    )
    sql = row_cache_instant_sql(fresh)

    assert str(evaluate(sql, 3)).startswith("2026-11-01 02:00")
    assert str(evaluate(sql, 5)).startswith("2026-11-01 04:00")
