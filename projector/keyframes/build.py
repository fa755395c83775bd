"""Keyframing: build the keyframes that are due, each from the one before.

    sightings of the base + of parts since ──> s-…   the last per key, and what else counts
    its pages + pages since ──────────────────> p-…   those that may still decide
    its bodies + bodies since ────────────────> k-…   those named by s-… and not in r-…

Each appears by rename, the pages after the sightings: half of a keyframe is none.

Memory does not follow their size: sightings are narrow, and DuckDB puts aside what it groups
of them; bodies are not, and are chosen in turns (`turns.py`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from projector.definition import Definition
from projector.engine.chunked_copy import copied_in_chunks, split_by_seq
from projector.engine.connections import Opener, sql_errors
from projector.engine.parquet_files import SCHEMA, SMALL, count_rows, publish
from projector.engine.sql_text import fill, literals
from projector.keyframes.build_rows import build_resolved, instant_of
from projector.keyframes.cut_points import Due, next_due
from projector.keyframes.keyframe import Keyframe, Source, load_source
from projector.keyframes.resolved_rows import Resolved, kept_beside
from projector.limits import LIMITS, Limits
from projector.parts.part import choose_parts, compact_instant, list_parts
from projector.parts.plan import SegmentListing


def build_keyframes(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    listing: SegmentListing,
    definitions: Sequence[Definition],
    apart: Opener,
    limits: Limits = LIMITS,
) -> int:
    """Build what is due of a source; how many keyframes that made.

    `apart`: each file is made with a connection of its own.
    """
    busy = frozenset(compact_instant(name.starts_at)[: len("YYYYMMDDTHH")] for name in listing.open)
    made = 0
    while True:
        source = load_source(connection, parts, listing, definitions, limits)
        due = next_due(source, busy, limits)
        if due is None:
            break
        with sql_errors(f"keyframe of {listing.source}"), apart() as builder:
            _build(builder, source.folder, due)
        made += 1
    for definition in definitions:
        if definition.has_parts and definition.source == listing.source:
            with sql_errors(definition.name):
                found = build_resolved(
                    connection, parts, listing, source, definition, busy, apart, limits
                )
                _build_bodies(connection, found, listing, source, definition, apart, limits)
    return made


def _build(connection: duckdb.DuckDBPyConnection, folder: Path, due: Due) -> None:
    path = folder / due.name
    base = due.base.keyframe if due.base else None
    base_name = base.name if base else ""
    sightings = [*([base.path] if base else []), *(each.path for each in due.sightings)]
    query = fill("keyframe_seen", sightings=_list(sightings))
    publish(connection, query, path, due.adds, folder.name, packing=SMALL, base=base_name)
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
    publish(connection, query, path, [], folder.name, packing=SMALL, moved=str(share))


def _build_bodies(
    connection: duckdb.DuckDBPyConnection,
    found: Resolved,
    listing: SegmentListing,
    source: Source,
    definition: Definition,
    apart: Opener,
    limits: Limits,
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
    parts = choose_parts(list_parts(connection, folder), listing.sealed_names)
    rows = count_rows(connection, [each.path for each in parts])
    kept = kept_beside(found, base) if base else []
    before = sum(count_rows(connection, kept).values())
    for each in waiting:
        after = base.instant if base else ""
        since = [part.path for part in parts if after < part.first <= each.instant]
        count = sum(rows[str(path)] for path in since)
        if each not in found.held and count <= max(limits.min_keyframe_rows, before // 2):
            continue
        with apart() as builder:
            bodies = [folder / SCHEMA, *kept, *since]
            _publish_bodies(builder, found, each, definition, bodies, limits)
        base, kept = each, kept_beside(found, each)
        before = sum(count_rows(connection, kept).values())


def _publish_bodies(
    connection: duckdb.DuckDBPyConnection,
    found: Resolved,
    keyframe: Keyframe,
    definition: Definition,
    bodies: Sequence[Path],
    limits: Limits,
) -> None:
    """Write the bodies that a keyframe names and that no row beside it has, so many at a time."""
    types = "[" + literals(definition.types) + "]"
    named = fill("keyframe_named", seen=_list([keyframe.path]), types=types)
    beside = [path for path in [found.rows(keyframe)] if path.exists()]
    given = {"named": named, "bodies": _list(bodies), "rows": _list([found.schema, *beside])}

    def query(turn: str) -> str:
        return fill("keyframe_bodies", turn=turn, **given)

    path = keyframe.bodies(found.folder)
    chunks = split_by_seq(connection, named, keyframe.rows, limits)
    with copied_in_chunks(connection, query, chunks, path) as everything:
        publish(connection, everything, path, [], found.folder.name, packing=SMALL)


def _list(paths: Iterable[Path]) -> str:
    return "[" + literals(map(str, paths)) + "]"
