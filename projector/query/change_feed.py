"""The change feed: what appeared, changed, went and came back, over all sources."""

import contextlib
import heapq
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs
import duckdb

from eventlog.clock import format_us, parse_us
from projector.definition import LOG, Definition, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.sql_text import fill, identifier, literal
from projector.query.open_views import open_views, views_of


@attrs.frozen
class Happening:
    """One thing that happened to an entity."""

    at: int
    """From when on, in microseconds."""
    entity: str
    """`source/type/id`."""
    change: str
    """`appeared`, `changed`, `gone` or `back`."""
    path: str | None
    """JSON Pointer of the field, for `changed`."""
    kind: str | None
    """`add`, `remove` or `replace`."""
    old: str | None
    """JSON text."""
    new: str | None
    shape: str | None


def feed(
    root: Path,
    since: int,
    until: int,
    *,
    telemetry: bool = False,
    waves: bool = False,
    definitions: Sequence[Definition] | None = None,
) -> Iterator[Happening]:
    """What happened in [since, until), oldest first.

    Telemetry (counts, uptimes) and schema waves are left out unless asked for.
    """
    known = load_definitions() if definitions is None else definitions
    with contextlib.closing(open_views(root)) as connection:
        there = set(views_of(connection))
        told = [
            _of_view(connection, each, since, until, telemetry, waves)
            for each in known
            if each.source != LOG and not each.has_many_rows and f"{each.name}_changes" in there
        ]
    place = attrgetter("at", "entity")
    for _, of_one in groupby(heapq.merge(*told, key=place), key=place):
        yield from dict.fromkeys(of_one)  # several views may read the same type and shape


def _of_view(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    since: int,
    until: int,
    telemetry: bool,
    waves: bool,
) -> list[Happening]:
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
    return [_happening(definition.source, row) for row in rows]


def _happening(source: str, row: tuple[Any, ...]) -> Happening:
    at, type_, id_, change, path, kind, old, new, _, _, shape = row
    entity = f"{source}/{type_}/{id_}"
    return Happening(parse_us(at.isoformat()), entity, change, path, kind, old, new, shape)


def folded(happenings: Iterator[Happening]) -> Iterator[tuple[Happening, tuple[str, ...]]]:
    """One for each entity and instant, with the paths that changed."""
    held: Happening | None = None
    paths: list[str] = []
    for each in happenings:
        same = held is not None and (held.at, held.entity, held.change, held.shape) == (
            each.at,
            each.entity,
            each.change,
            each.shape,
        )
        if not same:
            if held is not None:
                yield held, tuple(paths)
            held, paths = each, []
        if each.path is not None:
            paths.append(each.path)
    if held is not None:
        yield held, tuple(paths)
