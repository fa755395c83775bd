"""Drift: where upstream changed the form of its answers lately."""

from pathlib import Path

import attrs

from eventlog.clock import format_us
from projector.engine.connections import sql_errors
from projector.query.open_views import open_views, views_of


@attrs.frozen
class Drift:
    """A path that is new, retyped or vanished."""

    source: str
    type: str
    path: str
    change: str
    changed_at: int
    types_before: tuple[str, ...]
    types: tuple[str, ...]
    segment: str
    seq: int
    """An event to look at."""


def drift_since(root: Path, since: int) -> list[Drift]:
    """What changed from an instant on, oldest first. Raises `NotFound` where no views are."""
    connection = open_views(root)
    try:
        if "log.drift" not in views_of(connection):
            return []
        with sql_errors("log.drift"):
            rows = connection.execute(
                "SELECT source, type, path, change, epoch_us(changed_at), types_before, types, "
                "segment, seq FROM log.drift WHERE changed_at >= ?::TIMESTAMPTZ "
                "ORDER BY changed_at, source, type, path",
                [format_us(since)],
            ).fetchall()
    finally:
        connection.close()
    return [_drift(*row) for row in rows]


def _drift(
    source: str,
    type: str,
    path: str,
    change: str,
    changed_at: int,
    before: list[str] | None,
    after: list[str] | None,
    segment: str,
    seq: int,
) -> Drift:
    types = tuple(before or ()), tuple(after or ())
    return Drift(source, type, path, change, changed_at, *types, segment, seq)
