"""Drift: where upstream changed the structure of its responses."""

from pathlib import Path

import attrs

from eventlog.clock import format_us
from projector.engine.connections import sql_errors
from projector.query.open_views import list_view_names, open_views


@attrs.frozen
class DriftedPath:
    """A path in the bodies of a type that is new, has another type, or vanished."""

    source: str
    type: str
    path: str
    """JSON Pointer in which `*` is any element of an array."""
    change: str
    """`new`, `retyped` or `vanished`."""
    changed_at: int
    """Instant in microseconds."""
    types_before: tuple[str, ...]
    """JSON types of the values before the change."""
    types: tuple[str, ...]
    """JSON types of the values since the change."""
    segment: str
    """Segment of an event that shows the change."""
    seq: int
    """Seq of that event."""


def drift_since(root: Path, since: int) -> list[DriftedPath]:
    """Returns the changes at or after an instant (µs), oldest first. Raises `NotFound` without
    views."""
    connection = open_views(root)
    try:
        if "log.drift" not in list_view_names(connection):
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
