"""The change feed: entities that appeared, changed, were gone and came back, over all sources."""

import contextlib
import heapq
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs
import duckdb

from eventlog.clock import format_us, instant_at
from projector.definition import LOG, Definition, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.sql_text import fill, identifier, literal
from projector.query.open_views import list_view_names, open_views


@attrs.frozen
class EntityChange:
    """A change of an entity; for `changed` of one of its fields."""

    at: int
    """Instant of the change, in microseconds."""
    entity: str
    """`source/type/id`."""
    change: str
    """`appeared`, `changed`, `gone` or `back`."""
    path: str | None
    """JSON Pointer of the field; None unless `changed`, like `kind`, `old` and `new`."""
    kind: str | None
    """`add`, `remove` or `replace`."""
    old: str | None
    """Value before, as JSON."""
    new: str | None
    """Value after, as JSON."""
    shape: str | None


def entity_changes(
    root: Path,
    since: int,
    until: int,
    *,
    telemetry: bool = False,
    waves: bool = False,
    definitions: Sequence[Definition] | None = None,
) -> Iterator[EntityChange]:
    """Yields the changes in [since, until), in microseconds, by instant and entity.

    `telemetry` includes fields that change by themselves (counts, uptimes), `waves` includes
    changes of the schema. Raises `NotFound` if there are no views.
    """
    known = load_definitions() if definitions is None else definitions
    with contextlib.closing(open_views(root)) as connection:
        names = set(list_view_names(connection))
        by_view = [
            _changes_of_view(connection, definition, since, until, telemetry, waves)
            for definition in known
            if definition.source != LOG
            and not definition.has_many_rows
            and f"{definition.name}_changes" in names
        ]
    order = attrgetter("at", "entity")
    for _, changes in groupby(heapq.merge(*by_view, key=order), key=order):
        yield from dict.fromkeys(changes)  # several views may read the same type and shape


def _changes_of_view(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    since: int,
    until: int,
    telemetry: bool,
    waves: bool,
) -> list[EntityChange]:
    query = fill(
        "feed",
        view=f"{identifier(definition.source)}.{identifier(definition.view + '_changes_at')}(NULL)",
        type=literal(definition.types[0]),
        key=identifier(definition.key[0]),
        since=literal(format_us(since)),
        until=literal(format_us(until)),
        telemetry=str(telemetry).lower(),
        waves=str(waves).lower(),
    )
    with sql_errors(definition.name):
        rows = fetch_all(connection, query)
    return [_entity_change(definition.source, row) for row in rows]


def _entity_change(source: str, row: tuple[Any, ...]) -> EntityChange:
    at, type_, id_, change, path, kind, old, new, _, _, shape = row
    entity = f"{source}/{type_}/{id_}"
    return EntityChange(instant_at(at), entity, change, path, kind, old, new, shape)


def group_fields(
    changes: Iterator[EntityChange],
) -> Iterator[tuple[EntityChange, tuple[str, ...]]]:
    """Yields one change for each instant, entity, kind of change and shape, with its paths.

    `changes`: in the order of `entity_changes`.
    """
    grouped = groupby(changes, key=attrgetter("at", "entity", "change", "shape"))
    for _, (first, *others) in grouped:
        paths = tuple(change.path for change in (first, *others) if change.path is not None)
        yield first, paths
