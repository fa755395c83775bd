"""Staging: defines `line`, the relation of the events of some segments, from which parts are built.

    segments ──> parsed once into a Parquet file in the scratch folder ──> several definitions
    segments ──> parsed by the query that builds the part ──> one definition

`line` is never a table in memory, because that would be as large as the segments.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt
from projector.engine.parquet_files import copy_rows
from projector.engine.sql_text import fill, list_literal, literal, template_text
from projector.parts.part import Segment

CASTS = "casts"
"""Template of the macros that `line` and the SQL of every definition use."""
MIN_LINE_BYTES = 1024 * 1024
"""Smallest limit of the line length, in bytes, that is passed to DuckDB."""
ROW_GROUP = 4096
"""Rows of a row group of the staged file. Lines are wide, and a reader holds a group in memory."""


def stage(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], scratch: Path
) -> None:
    """Parses the segments once into a file in `scratch` and defines `line` over it.

    Raises `Corrupt` if the number of events is not that of the manifests: DuckDB reads a
    truncated `.zst` as a shorter one without an error.
    """
    connection.execute(template_text(CASTS))
    path = scratch / "lines.parquet"
    options = f"FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {ROW_GROUP}"
    row_count = copy_rows(connection, _lines(segments), path, options)
    expected = sum(segment.rows or 0 for segment in segments)
    if all(segment.rows is not None for segment in segments) and row_count != expected:
        place = f"{segments[0].name} to {segments[-1].name}"
        raise Corrupt(
            f"{place}: expected {expected} events, found {row_count}",
            "hindlog verify",
        )
    _define_line(connection, f"FROM read_parquet({literal(str(path))})")


def stage_lazily(connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment]) -> None:
    """Defines `line` as a view that parses the segments whenever a query reads it.

    Raises `Corrupt` if the hash of a sealed file is not that of its manifest. A line that DuckDB
    refuses is an error of the query that reads it.
    """
    for segment in segments:
        _check_hash(segment)
    connection.execute(template_text(CASTS))
    _define_line(connection, _lines(segments))


def stage_empty(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Defines `line` as an empty relation with its usual columns."""
    connection.execute(template_text(CASTS))
    empty = scratch / "log" / "none" / "none" / "none.ndjson"
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_bytes(b"")
    _define_line(connection, _query([empty], MIN_LINE_BYTES))


def _define_line(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW line AS {query}")


def _lines(segments: Sequence[Segment]) -> str:
    longest = max((segment.longest_line for segment in segments), default=0)
    return _query([segment.path for segment in segments], max(MIN_LINE_BYTES, longest + 1024))


def _query(paths: Sequence[Path], longest: int) -> str:
    return fill("lines", files=list_literal(paths), longest=str(longest))


def _check_hash(segment: Segment) -> None:
    if segment.sha256 is None:
        return
    with segment.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != segment.sha256:
        raise Corrupt(
            f"{segment.path}: expected SHA-256 {segment.sha256}, found {digest}", "hindlog verify"
        )
