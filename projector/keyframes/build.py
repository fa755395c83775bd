"""Builds the keyframes that are due, each from the one before.

    sightings of the base + of parts since ──> s-…   those that can still affect a view
    its pages + pages since ──────────────────> p-…   those that can still affect a view
    its bodies + bodies since ────────────────> k-…   those named by s-… and not in r-…

Each file is published by rename. The pages follow the sightings; a keyframe without pages is
not read.

Memory does not grow with the size of the files: sightings are narrow, and DuckDB spills what it
groups; bodies are wide, and are selected by a chunked COPY (`chunked_copy.py`).
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from eventlog.progress import ReportProgress, no_progress
from projector.definition import Definition
from projector.engine.chunked_copy import copied_in_chunks, split_by_seq
from projector.engine.connections import Opener, sql_errors
from projector.engine.parquet_files import SCHEMA, SMALL, count_rows, publish
from projector.engine.sql_text import fill, list_literal
from projector.keyframes.build_row_cache import build_row_cache, instant_of
from projector.keyframes.cut_points import DueKeyframe, next_due
from projector.keyframes.keyframe import Keyframe, SourceParts, load_source_parts
from projector.keyframes.row_cache import RowCache, existing_files
from projector.limits import LIMITS, Limits
from projector.parts.part import compact_instant
from projector.presence import missed_sql


def build_keyframes(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    source: SourceParts,
    definitions: Sequence[Definition],
    apart: Opener,
    limits: Limits = LIMITS,
    report: ReportProgress = no_progress,
) -> SourceParts:
    """Builds the keyframes, bodies and row caches of a source that are due.

    Returns the source with its new keyframes. `apart` opens a connection for each file.
    """
    listing = source.listing
    busy = frozenset(compact_instant(name.starts_at)[: len("YYYYMMDDTHH")] for name in listing.open)
    built = 0
    while (due := next_due(source, busy, limits)) is not None:
        with sql_errors(f"keyframe of {listing.source}"), apart() as builder:
            _build(builder, source.folder, due)
        source = load_source_parts(connection, parts, listing, definitions, limits)
        built += 1
        report(f"keyframes of {listing.source} built", built, None)
    cached = [each for each in definitions if each.has_parts and each.source == listing.source]
    for count, definition in enumerate(cached, 1):
        with sql_errors(definition.name):
            row_cache = build_row_cache(connection, parts, source, definition, apart, limits)
            _build_bodies(connection, row_cache, source, definition, apart, limits)
        report(f"row caches of {listing.source} checked", count, len(cached))
    return source


def _build(connection: duckdb.DuckDBPyConnection, folder: Path, due: DueKeyframe) -> None:
    path = folder / due.name
    base = due.base
    base_name = base.name if base else ""
    sightings = [*([base.path] if base else []), *(part.path for part in due.sightings)]
    query = keyframe_seen_sql(sightings)
    publish(connection, query, path, due.adds, folder.name, packing=SMALL, base=base_name)
    pages = [part.path for part in due.pages]
    if base and base.decides:
        pages.append(base.pages)
    query = keyframe_pages_sql(path, pages)
    moved = fill(
        "keyframe_moved", seen=list_literal([path]), since=instant_of(base.instant if base else "")
    )
    ((share,),) = connection.execute(moved).fetchall()
    path = path.with_name(f"p-{path.name[2:]}")
    publish(connection, query, path, [], folder.name, packing=SMALL, moved=str(share))


def keyframe_seen_sql(sightings: Sequence[Path]) -> str:
    """Returns the query of the sightings of a keyframe, selected from those in files."""
    return fill("keyframe_seen", sightings=list_literal(sightings))


def keyframe_pages_sql(seen: Path, pages: Sequence[Path]) -> str:
    """Returns the query of the pages of a keyframe, whose sightings are in the file `seen`."""
    return fill(
        "keyframe_pages",
        seen=list_literal([seen]),
        pages=list_literal(pages),
        listings=fill("listings", pages=list_literal(pages), given="true"),
        missed=missed_sql("missed", shown="listed", known="listed_on"),
    )


def _build_bodies(
    connection: duckdb.DuckDBPyConnection,
    row_cache: RowCache,
    source: SourceParts,
    definition: Definition,
    apart: Opener,
    limits: Limits,
) -> None:
    """Builds the bodies of keyframes if due by the half rule, or if rows are cached there.

    Only the bodies that are likely to be read: a view that misses one searches all parts.
    """
    folder = row_cache.folder
    keyframes = source.chain
    built = [n for n, keyframe in enumerate(keyframes) if keyframe.bodies(folder).exists()]
    base = keyframes[built[-1]] if built else None
    waiting = keyframes[built[-1] + 1 :] if built else keyframes
    if not waiting:
        return
    parts = source.chosen[definition.name].parts
    rows = count_rows(connection, [part.path for part in parts])
    base_files = existing_files(row_cache, base) if base else []
    base_rows = sum(count_rows(connection, base_files).values())
    for keyframe in waiting:
        after = base.instant if base else ""
        since = [part.path for part in parts if after < part.first <= keyframe.instant]
        count = sum(rows[str(path)] for path in since)
        if keyframe not in row_cache.keyframes and count <= max(
            limits.min_keyframe_rows, base_rows // 2
        ):
            continue
        with apart() as builder:
            bodies = [folder / SCHEMA, *base_files, *since]
            _publish_bodies(builder, row_cache, keyframe, definition, bodies, limits)
        base, base_files = keyframe, existing_files(row_cache, keyframe)
        base_rows = sum(count_rows(connection, base_files).values())


def _publish_bodies(
    connection: duckdb.DuckDBPyConnection,
    row_cache: RowCache,
    keyframe: Keyframe,
    definition: Definition,
    bodies: Sequence[Path],
    limits: Limits,
) -> None:
    """Publishes the bodies that a keyframe names and that its cached rows do not contain."""
    types = list_literal(definition.types)
    named = fill("keyframe_named", seen=list_literal([keyframe.path]), types=types)
    cached = [path for path in [row_cache.rows(keyframe)] if path.exists()]
    values = {
        "named": named,
        "bodies": list_literal(bodies),
        "rows": list_literal([row_cache.schema, *cached]),
    }

    def query(chunk: str) -> str:
        return fill("keyframe_bodies", turn=chunk, **values)

    path = keyframe.bodies(row_cache.folder)
    chunks = split_by_seq(connection, named, keyframe.rows, limits)
    with copied_in_chunks(connection, query, chunks, path) as everything:
        publish(connection, everything, path, [], row_cache.folder.name, packing=SMALL)
