"""Descriptions of the views, with their number of rows and the last instant they contain."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.clock import format_us, now_us
from projector.definition import LOG, Definition, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.sql_text import identifier
from projector.query.open_views import column_comments, list_view_names, open_views


@attrs.frozen
class ViewInfo:
    """Description of a view, as `view list` and `view show` print it."""

    name: str
    summary: str
    """What a row of the view is, in one sentence."""
    rows: int
    last_instant: int | None
    """Instant of the last event of its source that the views contain, in microseconds."""
    definition: str
    """Hash of its definition."""
    columns: tuple[tuple[str, str, str | None], ...]
    """Name, type and meaning; no meaning if its definition has none."""
    text: str
    """The SELECT of its definition."""


def set_as_of_last(connection: duckdb.DuckDBPyConnection) -> None:
    """Sets a connection to the last instant that its views contain, or to now if that is earlier.

    Another machine's clock may be ahead, and views refuse an instant in the future.
    """
    instant = last_instant(connection)
    if instant is not None:
        instant = min(instant, now_us())
        connection.execute("SET VARIABLE as_of = ?::VARCHAR", [format_us(instant)])


def last_instant(connection: duckdb.DuckDBPyConnection, source: str | None = None) -> int | None:
    """Returns the instant (µs) of the last event, of a source or of all, that the views contain."""
    with sql_errors("log.events"):
        rows = fetch_all(
            connection,
            "SELECT epoch_us(max(observed_at)) FROM log.events WHERE source = coalesce(?, source)",
            [source],
        )
    return None if rows[0][0] is None else int(rows[0][0])


def list_views(root: Path, definitions: Sequence[Definition] | None = None) -> list[ViewInfo]:
    """Returns the description of every view that has a definition. Raises `NotFound` if there
    are no views yet."""
    known = load_definitions() if definitions is None else tuple(definitions)
    with contextlib.closing(open_views(root)) as connection, sql_errors("views"):
        names = set(list_view_names(connection))
        last_instants = {
            source: last_instant(connection, None if source == LOG else source)
            for source in sorted({definition.source for definition in known})
        }
        return [
            _describe(connection, definition, last_instants[definition.source])
            for definition in known
            if definition.name in names
        ]


def _describe(
    connection: duckdb.DuckDBPyConnection, definition: Definition, last: int | None
) -> ViewInfo:
    name = f"{identifier(definition.source)}.{identifier(definition.view)}"
    rows = fetch_all(connection, f"FROM {name} SELECT count(*)")
    columns = connection.execute(f"DESCRIBE FROM {name}").fetchall()
    meanings = column_comments(connection, definition.name)
    return ViewInfo(
        definition.name,
        definition.summary,
        int(rows[0][0]),
        last,
        definition.hash,
        tuple((str(each[0]), str(each[1]), meanings.get(str(each[0]))) for each in columns),
        definition.select,
    )
