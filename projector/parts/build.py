"""Builds the missing parts over sealed and open segments.

Segments are read once for all definitions that lack parts over them. A definition that fails does
not affect the parts of the others.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import HindlogError, Invalid, LocalResource
from eventlog.format.paths import SegmentName
from eventlog.progress import ReportProgress
from projector.definition import ENTITY_ROWS, Definition
from projector.engine.connections import sql_errors
from projector.engine.parquet_files import SCHEMA
from projector.engine.workers import Workers, job_builder
from projector.limits import LIMITS, Limits
from projector.parts.part import (
    Segment,
    build_part,
    covered_bytes,
    folder_of,
    open_name,
    part_name,
)
from projector.parts.plan import (
    SegmentListing,
    copy_open_segment,
    definitions_of,
    with_files,
)
from projector.parts.quarantine import (
    Filtered,
    RefusedLine,
    filter_projectable,
    filter_readable,
    folder_of_refused,
    is_value_error,
    record_refused,
)
from projector.parts.staging import stage, stage_lazily

STRICT_HINT = "`hindlog view update` leaves such a line out, says so and goes on"
"""Hint of the error that a strict build raises about a line."""


@attrs.frozen
class BuildResult:
    """What one job built."""

    segments: int = 0
    """Number of sealed segments read."""
    parts: int = 0
    """Number of parts published."""
    rows: int = 0
    """Number of rows in these parts."""
    failed: tuple[str, ...] = ()
    """Messages, one per definition that failed."""
    quarantined: tuple[str, ...] = ()
    """Messages, one per line that was left out."""


@attrs.frozen
class Context:
    """What every job of a build needs."""

    root: Path
    """The archive."""
    parts: Path
    """Folder of the parts."""
    scratch: Path
    """Folder of temporary files."""
    jobs: int
    """Number of jobs that run at the same time."""
    workers: Workers
    report: ReportProgress
    strict: bool = False
    """Whether a line that cannot be read or projected is an error; otherwise it is left out."""
    limits: Limits = LIMITS


def build_sealed(
    context: Context, source: str, segments: Sequence[Segment], definitions: Sequence[Definition]
) -> BuildResult:
    """Reads sealed segments once and publishes a part over them for each definition."""
    name = part_name(segments)
    scratch = Path(tempfile.mkdtemp(dir=context.scratch))
    threads = 1 if context.jobs > 1 else 2
    is_single = len(definitions) == 1
    limits = context.limits
    share = max(limits.min_job_memory_mb, limits.memory_mb // context.jobs)
    memory = share * (2 if is_single else 1)
    try:
        segments = with_files(context.root, segments, scratch, context.workers.cancelled.is_set)
        with job_builder(context.workers, scratch, threads, memory) as connection:
            if is_single:
                stage_lazily(connection, segments, scratch, limits)
                readable = Filtered(tuple(segments), ())
            else:
                readable = _stage(context, connection, scratch, segments)
            result = _build_all(context, connection, scratch, readable, source, definitions, name)
    finally:
        # now, not at the end: the staged lines of all jobs would be as large as the log
        shutil.rmtree(scratch)
    return attrs.evolve(result, segments=len(segments))


def _stage(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    segments: Sequence[Segment],
) -> Filtered:
    """Stages the segments, without the lines that DuckDB refuses unless the build is strict."""
    try:
        with sql_errors(f"{segments[0].name} to {segments[-1].name}"):
            stage(connection, segments, scratch, context.limits)
    except Invalid as error:
        if not is_value_error(error):
            raise
        readable = filter_readable(context.root, scratch, segments)
        if context.strict and readable.refused:
            raise Invalid(readable.refused[0].message, STRICT_HINT) from error
        stage(connection, readable.segments, scratch, context.limits)
        return readable
    return Filtered(tuple(segments), ())


def _build_all(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    readable: Filtered,
    source: str,
    definitions: Sequence[Definition],
    name: str,
    open_bytes: int = 0,
) -> BuildResult:
    """Publishes a part of each definition over `line`; one that fails does not stop the others."""
    rows, parts, failed = 0, 0, []
    refused = list(readable.refused)
    covers = [str(segment.name) for segment in readable.segments]
    record_refused(folder_of_refused(context.parts, source), readable.refused)
    empty = _find_empty_parts(context, connection, source, definitions)
    for definition in definitions:
        path = folder_of(context.parts, source, definition) / name
        try:
            with sql_errors(f"{definition.name} over {covers[0]} to {covers[-1]}"):
                rows += build_part(
                    connection, definition, path, covers, open_bytes, empty.get(definition)
                )
            parts += 1
        except HindlogError as error:
            try:
                if not is_value_error(error):
                    raise
                count, left_out = _build_without_bad_lines(
                    context, scratch, readable, definition, path, open_bytes
                )
                rows, parts, refused = rows + count, parts + 1, [*refused, *left_out]
            except HindlogError as reason:
                if isinstance(reason, LocalResource):  # the other definitions would fail, too
                    raise
                failed.append(reason.what)
                path.unlink(missing_ok=True)
    messages = tuple(line.message for line in refused)
    return BuildResult(parts=parts, rows=rows, failed=tuple(failed), quarantined=messages)


def _find_empty_parts(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    source: str,
    definitions: Sequence[Definition],
) -> dict[Definition, Path]:
    """Returns the empty part of each definition that reads no entity in `line`, if it exists.

    Copying it takes 5 ms; DuckDB takes up to 110 ms to plan the SELECT of the definition.
    """
    if len(definitions) == 1:  # `line` may be a view, which would be parsed once more
        return {}
    query = "SELECT DISTINCT type FROM line WHERE kind = 'entity'"
    types = {type_ for (type_,) in connection.execute(query).fetchall()}
    candidates = {
        definition: folder_of(context.parts, source, definition) / SCHEMA
        for definition in definitions
        if definition.reads == ENTITY_ROWS and types.isdisjoint(definition.types)
    }
    return {definition: path for definition, path in candidates.items() if path.exists()}


def _build_without_bad_lines(
    context: Context,
    scratch: Path,
    staged: Filtered,
    definition: Definition,
    path: Path,
    open_bytes: int,
) -> tuple[int, Sequence[RefusedLine]]:
    """Publishes the part of a definition without the lines on which it fails.

    Returns the number of rows, and the lines that were left out.
    """
    own_scratch = scratch / "without"  # the other definitions still read the staged file
    own_scratch.mkdir(exist_ok=True)
    # lines of a lazily staged segment were not checked before
    readable = filter_readable(context.root, own_scratch, staged.segments)
    projectable = filter_projectable(context.root, own_scratch, readable.segments, definition)
    refused = (*readable.refused, *projectable.refused)
    if context.strict and refused:
        raise Invalid(refused[0].message, STRICT_HINT)
    record_refused(folder_of_refused(context.parts, staged.segments[0].name.source), refused)
    covers = [str(segment.name) for segment in staged.segments]
    # read as the filters read them, which had no error any more
    separately = attrs.evolve(context.limits, max_small_segment_bytes=0)
    with (
        job_builder(context.workers, own_scratch, 1) as connection,
        sql_errors(definition.name),
    ):
        stage_lazily(connection, projectable.segments, own_scratch, separately)
        return build_part(connection, definition, path, covers, open_bytes), refused


def build_open(
    context: Context, listing: SegmentListing, wanted: Sequence[Definition]
) -> BuildResult:
    """Replaces the parts over the open segments of a source that have grown."""
    definitions = definitions_of(wanted, listing.source)
    results = [_build_one_open(context, listing.source, name, definitions) for name in listing.open]
    return BuildResult(
        0,
        sum(result.parts for result in results),
        sum(result.rows for result in results),
        tuple(message for result in results for message in result.failed),
        tuple(message for result in results for message in result.quarantined),
    )


def _build_one_open(
    context: Context, source: str, name: SegmentName, definitions: Sequence[Definition]
) -> BuildResult:
    scratch = context.scratch
    try:
        segment = copy_open_segment(context.root, name, scratch)
    except FileNotFoundError:  # sealed since it was listed: the next update reads it
        return BuildResult()
    if segment is None:
        return BuildResult()
    size = segment.raw_bytes
    with job_builder(context.workers, scratch, 1) as connection:
        outdated = _outdated(context, connection, source, name, definitions, size)
        if not outdated:
            return BuildResult()
        readable = _stage(context, connection, scratch, [segment])
        part = open_name(name)
        return _build_all(context, connection, scratch, readable, source, outdated, part, size)


def _outdated(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: SegmentName,
    definitions: Sequence[Definition],
    durable_bytes: int,
) -> list[Definition]:
    """Returns the definitions whose part of an open segment does not cover all durable bytes."""
    part = open_name(name)
    return [
        definition
        for definition in definitions
        if covered_bytes(connection, folder_of(context.parts, source, definition) / part)
        != durable_bytes
    ]
