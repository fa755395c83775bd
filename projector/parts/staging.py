"""Staging: the events of some segments as `line`, the relation that parts are made from.

    segments ──> read once, kept as Parquet in the scratch folder ──> every definition
    segments ──> read as it builds ──> the only definition

As a table in memory `line` would be as large as the segments are.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt
from projector.engine.connections import run_copy
from projector.engine.sql_text import fill, literal, literals, statements
from projector.parts.part import Segment

CASTS = "casts"
"""The macros that `line` and the SQL of every definition use."""
MIN_LINE_BYTES = 1024 * 1024
ROW_GROUP = 4096
"""Lines are wide, and whoever reads them holds a group at a time."""


def stage(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], scratch: Path
) -> None:
    """Make `line` hold the events of the segments, each read and parsed once.

    Raises `Corrupt` where the rows are not as many as the manifests say: a cut `.zst`
    is read short without an error.
    """
    connection.execute(statements(CASTS))
    path = literal(str(scratch / "lines.parquet"))
    found = run_copy(
        connection,
        f"COPY ({_lines(segments)}) TO {path} "
        f"(FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {ROW_GROUP})",
    )
    expected = sum(each.rows or 0 for each in segments)
    if all(each.rows is not None for each in segments) and found != expected:
        raise Corrupt(
            f"{segments[0].name} to {segments[-1].name}: expected {expected} events, found {found}",
            "hindlog verify",
        )
    _name(connection, f"FROM read_parquet({path})")


def stage_once(connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment]) -> None:
    """Let `line` be the events of the segments, parsed by the one query that reads it.

    Raises `Corrupt` where a file is not what its manifest says. A line that DuckDB
    refuses is an error of that query.
    """
    for each in segments:
        _confirm(each)
    connection.execute(statements(CASTS))
    _name(connection, _lines(segments))


def stage_nothing(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Make `line` an empty relation with its columns."""
    connection.execute(statements(CASTS))
    empty = scratch / "log" / "none" / "none" / "none.ndjson"
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_bytes(b"")
    _name(connection, _query([empty], MIN_LINE_BYTES))


def _name(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW line AS {query}")


def _lines(segments: Sequence[Segment]) -> str:
    longest = max((each.longest_line for each in segments), default=0)
    return _query([each.path for each in segments], max(MIN_LINE_BYTES, longest + 1024))


def _query(paths: Sequence[Path], longest: int) -> str:
    return fill("lines", files=f"[{literals(map(str, paths))}]", longest=str(longest))


def _confirm(segment: Segment) -> None:
    if segment.sha256 is None:
        return
    with segment.path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != segment.sha256:
        raise Corrupt(
            f"{segment.path}: expected SHA-256 {segment.sha256}, found {found}", "hindlog verify"
        )
