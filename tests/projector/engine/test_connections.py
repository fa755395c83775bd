"""Connections: restricted access, and databases whose path contains `\\`."""

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from projector.engine.connections import builder, connect, openable, reader, restrict_access
from projector.folders import scratch_folder

SPILLS = (
    "CREATE TEMP TABLE t AS SELECT hash(range) AS h, range::VARCHAR FROM range(2000000) ORDER BY h"
)


@pytest.mark.parametrize(
    "setting",
    ["memory_limit = '1TB'", "threads = 64", "enable_external_access = true", "TimeZone = 'CET'"],
)
def test_settings_cannot_be_changed(tmp_path: Path, setting: str) -> None:
    connection = connect()
    restrict_access(connection, tmp_path)

    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        connection.execute(f"SET {setting}")


def test_only_files_of_the_archive_can_be_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "archive" / "a.csv", tmp_path / "b.csv"
    inside.parent.mkdir()
    for path in (inside, outside):
        path.write_text("n\n1\n")
    connection = connect()
    restrict_access(connection, inside.parent)

    assert connection.execute("FROM read_csv(?)", [str(inside)]).fetchall() == [(1,)]
    with pytest.raises(duckdb.PermissionException):
        connection.execute("FROM read_csv(?)", [str(outside)])


def test_a_database_with_a_backslash_in_its_path_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "a\\b" / "views.duckdb"
    path.parent.mkdir()
    for number in (1, 2):
        with openable(path, writes=True) as file, closing(duckdb.connect(str(file))) as made:
            made.execute(f"CREATE VIEW v{number} AS SELECT {number} AS n")
    with openable(path) as file, closing(duckdb.connect(str(file))) as made:
        made.execute("DROP VIEW v1")

    with closing(reader(path)) as connection:
        assert connection.execute("FROM v1 UNION ALL FROM v2 ORDER BY n").fetchall() == [(1,), (2,)]
        connection.execute("SET memory_limit = '60MB'")
        connection.execute("SET threads = 1")
        connection.execute(SPILLS)
    assert list(path.parent.iterdir()) == [path]


def test_rows_are_spilled_although_the_path_of_the_views_contains_a_backslash(
    tmp_path: Path,
) -> None:
    views = tmp_path / "a\\b"
    views.mkdir()
    with scratch_folder(views) as scratch, closing(builder(scratch, 1, 60)) as connection:
        connection.execute(SPILLS)

    assert list(views.iterdir()) == []
    assert not scratch.exists()
