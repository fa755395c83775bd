"""Keyframing: build the keyframes that are due, each from the one before.

    sightings of the base + of parts since ──> s-…   the last per key, and what else counts
    its pages + pages since ──────────────────> p-…   those that may still decide
    its bodies + bodies since ────────────────> k-…   those named by s-… and not in r-…

Each appears by rename, the pages after the sightings: half of a keyframe is none.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from projector import keyframes as keyframes_of
from projector.definition import Definition
from projector.engine import sql_errors
from projector.keyframes import Due, Source, count_rows, load_source
from projector.parts import SCHEMA, choose, compact_instant, list_parts, publish
from projector.plan import Listing
from projector.resolved import Resolved, kept_beside
from projector.resolving import build_resolved, instant_of
from projector.texts import fill, literals


def build_keyframes(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    listing: Listing,
    definitions: Sequence[Definition],
) -> int:
    """Build what is due of a source; how many keyframes that made."""
    busy = frozenset(compact_instant(name.starts_at)[: len("YYYYMMDDTHH")] for name in listing.open)
    made = 0
    while True:
        source = load_source(connection, parts, listing, definitions)
        due = keyframes_of.due(source, busy)
        if due is None:
            break
        with sql_errors(f"keyframe of {listing.source}"):
            _build(connection, source.folder, due)
        made += 1
    for definition in definitions:
        if definition.has_parts and definition.source == listing.source:
            with sql_errors(definition.name):
                found = build_resolved(connection, parts, listing, source, definition, busy)
                _build_bodies(connection, found, listing, source, definition)
    return made


def _build(connection: duckdb.DuckDBPyConnection, folder: Path, due: Due) -> None:
    path = folder / due.name
    base = due.base.keyframe if due.base else None
    base_name = base.name if base else ""
    sightings = [*([base.path] if base else []), *(each.path for each in due.sightings)]
    query = fill("keyframe_seen", sightings=_list(sightings))
    publish(connection, query, path, due.adds, folder.name, base=base_name)
    pages = [each.path for each in due.pages]
    if due.base and due.base.decides:
        pages.append(due.base.keyframe.pages)
    query = fill(
        "keyframe_pages",
        seen=_list([path]),
        pages=_list(pages),
        listings=fill("listings", pages=_list(pages), given="true"),
    )
    moved = fill(
        "keyframe_moved", seen=_list([path]), since=instant_of(base.instant if base else "")
    )
    ((share,),) = connection.execute(moved).fetchall()
    path = path.with_name(f"p-{path.name[2:]}")
    publish(connection, query, path, [], folder.name, moved=str(share))


def _build_bodies(
    connection: duckdb.DuckDBPyConnection,
    found: Resolved,
    listing: Listing,
    source: Source,
    definition: Definition,
) -> None:
    """The bodies that keyframes name, where they are due by the half rule, or rows are beside.

    Only what is likely to be asked for: a view that misses one looks through all parts.
    """
    folder = found.folder
    names = [each.keyframe for each in source.chain]
    held = [n for n, each in enumerate(names) if each.bodies(folder).exists()]
    base = names[held[-1]] if held else None
    waiting = names[held[-1] + 1 :] if held else names
    if not waiting:
        return
    parts = choose(list_parts(connection, folder), listing.sealed_names)
    rows = count_rows(connection, [each.path for each in parts])
    kept = kept_beside(found, base) if base else []
    before = sum(count_rows(connection, kept).values())
    for each in waiting:
        after = base.instant if base else ""
        since = [part.path for part in parts if after < part.first <= each.instant]
        count = sum(rows[str(path)] for path in since)
        if each not in found.held and count <= max(keyframes_of.LEAST_ROWS, before // 2):
            continue
        query = fill(
            "keyframe_bodies",
            seen=_list([each.path]),
            types="[" + literals(definition.types) + "]",
            bodies=_list([folder / SCHEMA, *kept, *since]),
            rows=_list([found.schema, *(path for path in [found.rows(each)] if path.exists())]),
        )
        publish(connection, query, each.bodies(folder), [], folder.name)
        base, kept = each, kept_beside(found, each)
        before = sum(count_rows(connection, kept).values())


def _list(paths: Iterable[Path]) -> str:
    return "[" + literals(map(str, paths)) + "]"
