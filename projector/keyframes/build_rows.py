"""Resolving: make the rows that are due, each of those before and of what moved since.

    rows of the keyframe before ─┐
    facts up to the keyframe ────┴─> r-…   the rows of every entity
    the delta before ────────────┐
    facts up to a cut ───────────┴─> d-…   those of what moved since the rows

Each appears by rename, whole or not at all.
"""

import contextlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import attrs
import duckdb

from projector.definition import Definition
from projector.engine.connections import Opener
from projector.engine.parquet_files import QUICK, SCHEMA, count_rows, publish
from projector.engine.sql_text import fill, literals
from projector.keyframes.cut_points import Cut
from projector.keyframes.keyframe import Keyframe, Source
from projector.keyframes.resolved_rows import (
    Resolved,
    covered_until,
    due_delta,
    due_rows,
    load_resolved,
)
from projector.keyframes.rows_sql import first_row, once, same_entity, shown, type_of
from projector.keyframes.wide_rows import Files, picked
from projector.limits import Limits
from projector.parts.part import Part, choose_parts, list_parts
from projector.parts.part_sql import best_rank, shape_rank, shape_test
from projector.parts.plan import SegmentListing

_END = "TIMESTAMPTZ '9999-01-01 00:00:00+00'"
_BEGIN = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"


@attrs.frozen
class Facts:
    """Files that rows are made of, and those that moved since the rows before."""

    sightings: tuple[Path, ...]
    pages: tuple[Path, ...]
    fresh: tuple[Path, ...]
    """Sightings since the rows before."""
    before: tuple[Path, ...]
    """The rows before, if any."""
    since: str
    """Their instant."""
    near: tuple[Path, ...]
    """Bodies that are likely to be named."""


def build_resolved(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    listing: SegmentListing,
    source: Source,
    definition: Definition,
    busy: frozenset[str],
    apart: Opener,
    limits: Limits,
) -> Resolved:
    """Make the rows of a definition that are due; what there are of them then.

    `apart`: each file is made with a connection of its own.
    """
    made = partial(_made, definition=definition, limits=limits)
    found = load_resolved(connection, parts, source, definition)
    publish_schema(connection, found)
    bodies = choose_parts(list_parts(connection, found.folder), listing.sealed_names)
    for keyframe in due_rows(source, found, limits):
        facts = _until_keyframe(source, found, keyframe, bodies)
        path = found.rows(keyframe)
        with apart() as builder, made(builder, facts, found, bodies, path) as query:
            publish(builder, query, path, [], definition.hash, packing=QUICK)
        found = load_resolved(connection, parts, source, definition)
    while found.decided:
        held = found.rows(found.decided[-1])
        rows = sum(count_rows(connection, [held]).values())
        cut = due_delta(source, found, busy, rows, limits)
        if cut is None:
            break
        facts = _until_cut(source, found, cut, bodies)
        path = found.next_delta(cut)
        with apart() as builder, made(builder, facts, found, bodies, path) as query:
            covers = sorted(cut.adds)
            publish(builder, query, path, covers, definition.hash, packing=QUICK, base=held.name)
        found = load_resolved(connection, parts, source, definition)
    return found


def publish_schema(connection: duckdb.DuckDBPyConnection, found: Resolved) -> None:
    """A file without rows, which every list of rows begins with."""
    if not found.schema.exists():
        query = fill("rows_schema", bodies=_list([found.folder / SCHEMA]))
        publish(connection, query, found.schema, [], found.folder.name)


def _until_keyframe(
    source: Source, found: Resolved, keyframe: Keyframe, bodies: Sequence[Part]
) -> Facts:
    """What the rows as of a keyframe are made of."""
    before = [each for each in found.decided if each.instant < keyframe.instant]
    after = before[-1].instant if before else ""
    since = [p.path for p in source.sightings if after < p.first <= keyframe.instant]
    return Facts(
        (keyframe.path,),
        (keyframe.pages,),
        tuple(since) if before else (keyframe.path,),
        tuple(found.rows(each) for each in before[-1:]),
        instant_of(after),
        tuple(each.path for each in bodies if after < each.first <= keyframe.instant),
    )


def _until_cut(source: Source, found: Resolved, cut: Cut, bodies: Sequence[Part]) -> Facts:
    """What the delta up to a cut is made of."""
    keyframe = found.decided[-1]
    covered = covered_until(source, keyframe)
    sightings, pages = (
        tuple(p.path for p in parts if p.first <= cut.instant and not p.covers <= covered)
        for parts in (source.sightings, source.pages)
    )
    since = [part.path for part in bodies if keyframe.instant < part.first <= cut.instant]
    return Facts(
        (keyframe.path, *sightings),
        (keyframe.pages, *pages),
        tuple(each.path for each in cut.sightings),
        (found.delta.path,) if found.delta else (),
        instant_of(found.delta.instant if found.delta else keyframe.instant),
        (found.rows(keyframe), *since),
    )


def instant_of(compact: str) -> str:
    """An instant as it stands in names of parts, as SQL writes it."""
    if not compact:
        return _BEGIN
    date, time, rest = compact[:8], compact[9:15], compact[15:]
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return f"TIMESTAMPTZ '{day} {time[:2]}:{time[2:4]}:{time[4:]}.{rest}+00'"


def _made(
    connection: duckdb.DuckDBPyConnection,
    facts: Facts,
    found: Resolved,
    bodies: Sequence[Part],
    path: Path,
    *,
    definition: Definition,
    limits: Limits,
) -> contextlib.AbstractContextManager[str]:
    """The rows, as `shown` has them; one without a body is kept, so that it is looked for."""
    schema = found.folder / SCHEMA
    files = Files(
        facts.sightings,
        facts.fresh,
        (*facts.before, found.schema),
        (found.schema,),
        (schema, *facts.near),
        (*(each.path for each in bodies), schema),
    )
    query = partial(_query, definition, facts)
    return picked(connection, query, files, found.schema, path, limits)


def _query(definition: Definition, facts: Facts, files: Files) -> str:
    common = {
        "sightings": _list(files.sightings),
        "pages": _list(facts.pages),
        "fresh": _list(files.fresh),
        "rows": _list(files.rows),
        "delta": _list(files.delta),
        "near": _list(files.near),
        "bodies": _list(files.bodies),
        "types": literals(definition.types),
        "shapes": shape_test(definition, "_shape"),
        "rank": shape_rank(definition, "_shape"),
        "best": str(best_rank(definition)),
        "same": same_entity(definition),
        "type": type_of(definition),
        "first": first_row(definition),
        "once": once("fresh", definition),
        "instant": _END,
        "since": facts.since,
        "join": "LEFT JOIN",
    }
    return fill("rows", shown=shown(common))


def _list(paths: Iterable[Path]) -> str:
    return "[" + literals(map(str, paths)) + "]"
