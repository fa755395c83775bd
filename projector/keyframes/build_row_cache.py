"""Builds the row caches that are due, each from the one before.

    row cache of the keyframe before ────────────┐
    sightings and pages up to the keyframe ──────┴─> r-…   rows of every entity

Each file is published by rename.
"""

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import duckdb

from projector.definition import Definition
from projector.engine.connections import Opener
from projector.engine.parquet_files import QUICK, SCHEMA, publish
from projector.engine.sql_text import fill, list_literal, literals
from projector.keyframes.keyframe import Keyframe, SourceParts
from projector.keyframes.row_cache import RowCache, due_rows, load_row_cache
from projector.keyframes.rows_sql import (
    distinct_clause,
    entity_key,
    first_row_condition,
    shown_sql,
    type_sql,
)
from projector.keyframes.wide_rows import RowFiles, materialized_late
from projector.limits import Limits
from projector.parts.part import Part
from projector.parts.part_sql import best_rank, shape_rank, shape_test

_END = "TIMESTAMPTZ '9999-01-01 00:00:00+00'"
_BEGIN = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"


def build_row_cache(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    source: SourceParts,
    definition: Definition,
    apart: Opener,
    limits: Limits,
) -> RowCache:
    """Builds the row caches of a definition that are due. Returns what exists then.

    `apart` opens a connection for each file.
    """
    row_cache = load_row_cache(parts, source, definition)
    publish_schema(connection, row_cache)
    bodies = source.chosen[definition.name].parts
    for keyframe in due_rows(source, row_cache, limits):
        files = _until_keyframe(source, row_cache, keyframe, bodies)
        path = row_cache.rows(keyframe)
        with apart() as builder, _rows(builder, definition, row_cache, files, path, limits) as sql:
            publish(builder, sql, path, [], definition.hash, packing=QUICK)
        row_cache = load_row_cache(parts, source, definition)
    return row_cache


def _rows(
    builder: duckdb.DuckDBPyConnection,
    definition: Definition,
    row_cache: RowCache,
    files: RowFiles,
    path: Path,
    limits: Limits,
) -> contextlib.AbstractContextManager[str]:
    """Returns a context with the query of the rows to publish as `path`."""
    query_of = partial(_query, definition)
    return materialized_late(builder, query_of, files, row_cache.schema, path, limits)


def publish_schema(connection: duckdb.DuckDBPyConnection, row_cache: RowCache) -> None:
    """Publishes the file without rows that every list of cached rows contains."""
    if not row_cache.schema.exists():
        query = fill("rows_schema", bodies=list_literal([row_cache.folder / SCHEMA]))
        publish(connection, query, row_cache.schema, [], row_cache.folder.name)


def _until_keyframe(
    source: SourceParts, row_cache: RowCache, keyframe: Keyframe, bodies: Sequence[Part]
) -> RowFiles:
    """Returns the files from which the row cache of a keyframe is built."""
    before = [other for other in row_cache.readable if other.instant < keyframe.instant][-1:]
    after = before[0].instant if before else ""
    since = [part.path for part in source.sightings if after < part.first <= keyframe.instant]
    near = [part.path for part in bodies if after < part.first <= keyframe.instant]
    return RowFiles(
        sightings=(keyframe.path,),
        pages=(keyframe.pages,),
        fresh=tuple(since) if before else (keyframe.path,),
        since=instant_of(after),
        rows=(*(row_cache.rows(other) for other in before), row_cache.schema),
        **_body_files(row_cache, near, bodies),
    )


def _body_files(
    row_cache: RowCache, near: Sequence[Path], bodies: Sequence[Part]
) -> dict[str, tuple[Path, ...]]:
    """Returns the lists of `RowFiles` that contain bodies."""
    schema = row_cache.folder / SCHEMA
    return {
        "near": (schema, *near),
        "bodies": (*(part.path for part in bodies), schema),
    }


def instant_of(compact: str) -> str:
    """Returns the SQL of an instant in the form of the names of parts; empty is before all."""
    if not compact:
        return _BEGIN
    date, time, fraction = compact[:8], compact[9:15], compact[15:]
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return f"TIMESTAMPTZ '{day} {time[:2]}:{time[2:4]}:{time[4:]}.{fraction}+00'"


def _query(definition: Definition, files: RowFiles) -> str:
    """Returns the query of the rows to cache.

    A row whose body is missing is included, so that later queries search for the body.
    """
    common = {
        "sightings": list_literal(files.sightings),
        "pages": list_literal(files.pages),
        "fresh": list_literal(files.fresh),
        "rows": list_literal(files.rows),
        "near": list_literal(files.near),
        "bodies": list_literal(files.bodies),
        "types": literals(definition.types),
        "shapes": shape_test(definition, "_shape"),
        "rank": shape_rank(definition, "_shape"),
        "best": str(best_rank(definition)),
        "same": entity_key(definition),
        "type": type_sql(definition),
        "first": first_row_condition(definition),
        "once": distinct_clause("fresh", definition),
        "instant": _END,
        "since": files.since,
        "join": "LEFT JOIN",
    }
    return fill("rows", shown=shown_sql(common))
