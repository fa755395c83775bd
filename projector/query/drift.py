"""Drift: where upstream changed the structure of its responses."""

import contextlib
from pathlib import Path

import duckdb

from eventlog.clock import format_us
from projector.engine.connections import sql_errors
from projector.engine.interruptible import fetch_all
from projector.query.open_views import list_view_names, open_views
from projector.query.view_info import last_instant
from projector.query.views_summary import DriftedPath, ViewsSummary


def summarize_views(root: Path, since: int) -> ViewsSummary:
    """Returns the position of the views and their drift at or after an instant (µs).

    Raises `NotFound` without views.
    """
    with contextlib.closing(open_views(root)) as connection:
        return ViewsSummary(last_instant(connection), since, tuple(_drift(connection, since)))


def _drift(connection: duckdb.DuckDBPyConnection, since: int) -> list[DriftedPath]:
    """Returns the changes at or after an instant (µs), oldest first."""
    if "log.drift" not in list_view_names(connection):
        return []
    with sql_errors("log.drift"):
        rows = fetch_all(
            connection,
            "SELECT source, type, path, change, epoch_us(changed_at), types_before, types, "
            "segment, seq FROM log.drift WHERE changed_at >= ?::TIMESTAMPTZ "
            "ORDER BY changed_at, source, type, path",
            [format_us(since)],
        )
    return [_drifted_path(*row) for row in rows]


def _drifted_path(
    source: str,
    type: str,
    path: str,
    change: str,
    changed_at: int,
    before: list[str] | None,
    after: list[str] | None,
    segment: str,
    seq: int,
) -> DriftedPath:
    types = tuple(before or ()), tuple(after or ())
    return DriftedPath(source, type, path, change, changed_at, *types, segment, seq)
