"""Which views there are, how many rows each has, and up to which position."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.clock import format_us
from projector.definition import LOG, Definition, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.sql_text import identifier
from projector.query.open_views import open_views, views_of


@attrs.frozen
class ViewInfo:
    """A view, as `view list` and `view show` tell it."""

    name: str
    about: str
    rows: int
    position: int | None
    """The last instant of the log that the views have read."""
    definition: str
    columns: tuple[tuple[str, str], ...]
    """Name and type."""
    text: str
    """The SELECT of its definition."""


def as_of_last(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection speak of the last instant that its views have read."""
    last = position(connection)
    if last is not None:
        connection.execute("SET VARIABLE as_of = ?::VARCHAR", [format_us(last)])


def position(connection: duckdb.DuckDBPyConnection, source: str | None = None) -> int | None:
    """The last instant of the log, or of one source, that the views have read."""
    with sql_errors("log.events"):
        rows = fetch_all(
            connection,
            "SELECT epoch_us(max(observed_at)) FROM log.events WHERE source = coalesce(?, source)",
            [source],
        )
    return None if rows[0][0] is None else int(rows[0][0])


def list_views(root: Path, definitions: Sequence[Definition] | None = None) -> list[ViewInfo]:
    """Every view there is a definition of, with what it holds now."""
    known = load_definitions() if definitions is None else tuple(definitions)
    with contextlib.closing(open_views(root)) as connection, sql_errors("views"):
        there = set(views_of(connection))
        sources = sorted({each.source for each in known})
        positions = {
            source: position(connection, None if source == LOG else source) for source in sources
        }
        return [
            _info(connection, each, positions[each.source]) for each in known if each.name in there
        ]


def _info(
    connection: duckdb.DuckDBPyConnection, definition: Definition, last: int | None
) -> ViewInfo:
    name = f"{identifier(definition.source)}.{identifier(definition.view)}"
    rows = fetch_all(connection, f"FROM {name} SELECT count(*)")
    columns = connection.execute(f"DESCRIBE FROM {name}").fetchall()
    return ViewInfo(
        definition.name,
        definition.summary,
        int(rows[0][0]),
        last,
        definition.hash,
        tuple((str(each[0]), str(each[1])) for each in columns),
        definition.select,
    )
