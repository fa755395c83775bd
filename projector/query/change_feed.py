"""The change feed: entities that appeared, changed, were gone and came back, over all sources."""

import contextlib
import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs
import duckdb

from eventlog.clock import format_us, instant_at
from eventlog.errors import Invalid
from projector.definition import LOG, Definition, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.sql_text import fill, identifier, literal
from projector.kept_answers import views_state
from projector.query.open_views import list_view_names, open_views
from projector.query.views_summary import keep_quiet


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
    """Shape that showed it first."""


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

    A change that several shapes of an entity show is one change: the first of them.
    `telemetry` includes fields that change by themselves (counts, uptimes), `waves` includes
    changes of the schema. Raises `NotFound` if there are no views. If nothing at all changed since
    `since`, this is kept until the views change.
    """
    known = load_definitions() if definitions is None else definitions
    state = views_state(root)
    with contextlib.closing(open_views(root)) as connection:
        changed = _changed_views(connection, known, since)
        if not changed and definitions is None:
            keep_quiet(root, since, state)
        by_type = [
            _changes_of_type(connection, views_of_type, since, until, telemetry, waves)
            for views_of_type in changed
        ]
    return heapq.merge(*by_type, key=attrgetter("at", "entity"))


def _changed_views(
    connection: duckdb.DuckDBPyConnection, known: Sequence[Definition], since: int
) -> list[list[Definition]]:
    """Returns the views of each type of which an entity may have changed since an instant."""
    names = set(list_view_names(connection))
    views: dict[tuple[str, str], list[Definition]] = defaultdict(list)
    for definition in known:
        is_entity = definition.source != LOG and not definition.has_many_rows
        if is_entity and f"{definition.name}_changes" in names:
            views[definition.source, definition.types[0]].append(definition)
    sources = sorted({source for source, _ in views})
    changed = {source: _changed_types(connection, source, since) for source in sources}
    return [of_type for (source, _), of_type in views.items() if _any_of(of_type, changed[source])]


def _any_of(views: Sequence[Definition], types: frozenset[str] | None) -> bool:
    """Returns whether any of the views has entities of these types; None are all types."""
    return types is None or any(types.intersection(view.types) for view in views)


def _changed_types(
    connection: duckdb.DuckDBPyConnection, source: str, since: int
) -> frozenset[str] | None:
    """Returns the types that have changes since an instant; None if the views do not say."""
    instant = literal(format_us(since))
    query = f"FROM {identifier(source)}._types_changed({instant}::TIMESTAMPTZ)"
    try:
        with sql_errors(source):
            return frozenset(str(type_) for (type_,) in fetch_all(connection, query))
    except Invalid as error:
        if isinstance(error.__cause__, duckdb.CatalogException):  # views of an earlier hindlog
            return None
        raise


def _changes_of_type(
    connection: duckdb.DuckDBPyConnection,
    views: Sequence[Definition],
    since: int,
    until: int,
    telemetry: bool,
    waves: bool,
) -> list[EntityChange]:
    """Returns the changes of the entities of one type. `views`: all views of that type."""
    changes = [
        fill(
            "feed_view",
            view=f"{identifier(view.source)}.{identifier(view.view + '_changes_at')}(NULL)",
            telemetry=str(telemetry).lower(),
        )
        for view in views
    ]
    query = fill(
        "feed",
        changes=" UNION ".join(changes),  # not ALL: several views may read the same shape
        since=literal(format_us(since)),
        until=literal(format_us(until)),
        waves=str(waves).lower(),
    )
    with sql_errors(views[0].name):
        rows = fetch_all(connection, query)
    prefix = f"{views[0].source}/{views[0].types[0]}"
    return [_entity_change(prefix, row) for row in rows]


def _entity_change(prefix: str, row: tuple[Any, ...]) -> EntityChange:
    at, id_, change, path, kind, old, new, shape = row
    return EntityChange(instant_at(at), f"{prefix}/{id_}", change, path, kind, old, new, shape)


def group_fields(
    changes: Iterator[EntityChange],
) -> Iterator[tuple[EntityChange, tuple[str, ...]]]:
    """Yields one change for each instant, entity and kind of change, with its paths.

    `changes`: in the order of `entity_changes`.
    """
    grouped = groupby(changes, key=attrgetter("at", "entity", "change"))
    for _, (first, *others) in grouped:
        paths = dict.fromkeys(change.path for change in (first, *others) if change.path is not None)
        yield first, tuple(paths)
