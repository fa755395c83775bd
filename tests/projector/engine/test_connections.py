"""Restricted access: a user's SQL can neither change settings nor read other files."""

from pathlib import Path

import duckdb
import pytest

from projector.engine.connections import connect, restrict_access


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
