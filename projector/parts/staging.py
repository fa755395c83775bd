"""Staging: defines `line`, the relation of the events of some segments, from which parts are built.

    segments ──> parsed once into a Parquet file in the scratch folder ──> several definitions
    segments ──> parsed by the query that builds the part ──> one definition

Small segments are concatenated first, which changes no row: if DuckDB refuses a line, `stage` reads
the segments one by one, so that its error is that of the segments themselves.
`line` is never a table in memory, because that would be as large as the segments.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt
from projector.engine.parquet_files import copy_rows
from projector.engine.sql_text import fill, list_literal, literal, template_text
from projector.limits import LIMITS, Limits
from projector.parts.concatenate import LineFiles, concatenate
from projector.parts.part import Segment

CASTS = "casts"
"""Template of the macros that `line` and the SQL of every definition use."""
MIN_LINE_BYTES = 1024 * 1024
"""Smallest limit of the line length, in bytes, that is passed to DuckDB."""
ADDED_BYTES = 1024
"""Added to the length of the longest line: more than the name of a segment takes."""
ROW_GROUP = 4096
"""Rows of a row group of the staged file. Lines are wide, and a reader holds a group in memory."""
SEGMENT_OF_FILE = (
    r", regexp_extract(filename, 'log/([^/]+/[^/]+/[^/.]+)\.ndjson(\.zst)?$', 1) AS segment"
)
"""Column of the events of files of segments: the segment, from the name of the file."""
SEGMENT_OF_LINE = ", segment: 'VARCHAR'"
"""Member of the lines of concatenated segments."""
VALUE_ERRORS = (duckdb.InvalidInputException, duckdb.DataError)
"""DuckDB's errors that the values of a line may cause."""


def stage(
    connection: duckdb.DuckDBPyConnection,
    segments: Sequence[Segment],
    scratch: Path,
    limits: Limits = LIMITS,
) -> None:
    """Parses the segments once into a file in `scratch` and defines `line` over it.

    Raises `Corrupt` if the number of events is not that of the manifests: DuckDB reads a
    truncated `.zst` as a shorter one without an error.
    """
    connection.execute(template_text(CASTS))
    path = scratch / "lines.parquet"
    row_count = _copy_lines(connection, segments, path, limits)
    expected = sum(segment.rows or 0 for segment in segments)
    if all(segment.rows is not None for segment in segments) and row_count != expected:
        place = f"{segments[0].name} to {segments[-1].name}"
        raise Corrupt(
            f"{place}: expected {expected} events, found {row_count}",
            "hindlog verify",
        )
    _define_line(connection, f"FROM read_parquet({literal(str(path))})")


def _copy_lines(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], path: Path, limits: Limits
) -> int:
    """Writes the events of the segments to a Parquet file and returns their number."""
    options = f"FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {ROW_GROUP}"
    concatenated = path.with_name("small.ndjson")
    files = concatenate(segments, concatenated, limits.max_small_segment_bytes)
    try:
        return copy_rows(connection, _lines(files, segments), path, options)
    except VALUE_ERRORS:
        if files.concatenated is None:
            raise
    finally:
        concatenated.unlink(missing_ok=True)
    return copy_rows(connection, _lines(LineFiles(tuple(segments)), segments), path, options)


def stage_lazily(
    connection: duckdb.DuckDBPyConnection,
    segments: Sequence[Segment],
    scratch: Path,
    limits: Limits = LIMITS,
) -> None:
    """Defines `line` as a view that parses the segments whenever a query reads it.

    Raises `Corrupt` if the hash of a sealed file is not that of its manifest. A line that DuckDB
    refuses is an error of the query that reads it.
    """
    for segment in segments:
        _check_hash(segment)
    connection.execute(template_text(CASTS))
    files = concatenate(segments, scratch / "small.ndjson", limits.max_small_segment_bytes)
    _define_line(connection, _lines(files, segments))


def stage_empty(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Defines `line` as an empty relation with its usual columns."""
    connection.execute(template_text(CASTS))
    empty = scratch / "log" / "none" / "none" / "none.ndjson"
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_bytes(b"")
    _define_line(connection, _query([empty], MIN_LINE_BYTES, segment_of_file=SEGMENT_OF_FILE))


def _define_line(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW line AS {query}")


def _lines(files: LineFiles, segments: Sequence[Segment]) -> str:
    """Returns the SQL of `line` over the files that contain the lines of some segments."""
    longest = max((segment.longest_line for segment in segments), default=0)
    limit = max(MIN_LINE_BYTES, longest + ADDED_BYTES)
    queries = []
    if files.concatenated is not None:
        queries.append(_query([files.concatenated], limit, segment_of_line=SEGMENT_OF_LINE))
    if files.separate:
        paths = [segment.path for segment in files.separate]
        queries.append(_query(paths, limit, segment_of_file=SEGMENT_OF_FILE))
    return " UNION ALL ".join(queries)


def _query(
    paths: Sequence[Path], longest: int, *, segment_of_file: str = "", segment_of_line: str = ""
) -> str:
    return fill(
        "lines",
        files=list_literal(paths),
        longest=str(longest),
        segment_of_file=segment_of_file,
        segment_of_line=segment_of_line,
    )


def _check_hash(segment: Segment) -> None:
    if segment.sha256 is None:
        return
    with segment.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != segment.sha256:
        raise Corrupt(
            f"{segment.name}.ndjson.zst: expected SHA-256 {segment.sha256}, found {digest}",
            "hindlog verify",
        )
