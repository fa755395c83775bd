"""Opens the views file of an archive for reading, as of an instant."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from eventlog.clock import format_us, now_us
from eventlog.errors import Invalid, NotFound
from projector.engine.connections import reader, sql_errors
from projector.folders import find_views_file, refuse_glob_characters

_COMMENTS = """
    SELECT column_name, comment FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = ? AND table_name = ?
        AND comment IS NOT NULL
"""
_COMMENT = """
    SELECT comment FROM duckdb_views()
    WHERE database_name = current_database() AND schema_name = ? AND view_name = ?
"""


def open_views(
    root: Path,
    as_of: int | None = None,
    *,
    now: int | None = None,
    folder: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """Returns a read-only connection to the views of an archive, as of an instant (µs).

    `folder`: folder of other views than the archive's own. Raises `NotFound` if there are no
    views yet, and `Invalid` for an instant after `now`.
    """
    present = now_us() if now is None else now
    if as_of is not None and as_of > present:
        raise Invalid(
            f"as of {format_us(as_of)}: that is after now, {format_us(present)}",
            "name an instant that has passed",
        )
    path = find_views_file(folder or root.resolve() / "views")
    refuse_glob_characters(root)
    with sql_errors(str(path)):
        connection = reader(path)
    # The file names absolute paths, and the archive may have been moved since it was written.
    connection.execute("SET VARIABLE hindlog_root = ?::VARCHAR", [str(root.resolve())])
    if as_of is not None:
        connection.execute("SET VARIABLE as_of = ?::VARCHAR", [format_us(as_of)])
    return connection


def list_view_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Returns the names of all views, as `source.name`, sorted."""
    rows = connection.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal "
        "ORDER BY schema_name, view_name"
    ).fetchall()
    return [str(row[0]) for row in rows]


def require_views(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> list[str]:
    """Returns the names without duplicates. Raises `NotFound` for one that is no view."""
    known = list_view_names(connection)
    for name in names:
        if name not in known:
            raise NotFound(f"no view {name!r}", "there are: " + ", ".join(known))
    return list(dict.fromkeys(names))


def column_comments(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    """Returns what the columns of a view mean, by name, as the views file states it."""
    rows = connection.execute(_COMMENTS, view.split(".")).fetchall()
    return {str(name): str(comment) for name, comment in rows}


def view_comment(connection: duckdb.DuckDBPyConnection, view: str) -> str | None:
    """Returns what a row of a view is, as the views file states it; None if it does not."""
    row = connection.execute(_COMMENT, view.split(".")).fetchone()
    return None if row is None else row[0]
