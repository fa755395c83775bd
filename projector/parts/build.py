"""Building: the parts that are missing, over sealed and open segments.

Each reading of some segments makes the parts of every definition that lacks them.
Independent definitions do not wait for each other, and one that fails leaves the rest.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import HindlogError, Invalid, LocalResource
from eventlog.format.paths import SegmentName
from projector.definition import Definition
from projector.engine.connections import sql_errors
from projector.engine.workers import Workers, job_builder
from projector.limits import LIMITS, Limits
from projector.parts import part as parts_of
from projector.parts.part import Segment, covered_size, folder_of, open_name, part_name
from projector.parts.plan import Listing, copy_open, definitions_of
from projector.parts.quarantine import (
    Kept,
    Refused,
    folder_of_refused,
    is_of_values,
    projectable,
    readable,
    write_down,
)
from projector.parts.staging import stage, stage_once

Report = Callable[[str], None]

STOPPED = "`hindlog view update` leaves such a line out, says so and goes on"


def silent(_text: str) -> None:
    """Says nothing."""


@attrs.frozen
class Built:
    """What one job did."""

    segments: int = 0
    parts: int = 0
    rows: int = 0
    failed: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()


@attrs.frozen
class Context:
    root: Path
    parts: Path
    scratch: Path
    jobs: int
    workers: Workers
    report: Report
    strict: bool = False
    """Stop at a line that cannot be read or projected; else it is left out."""
    limits: Limits = LIMITS


def build_sealed(
    context: Context, source: str, segments: Sequence[Segment], definitions: Sequence[Definition]
) -> Built:
    """One reading of some sealed segments: the parts of all definitions that lack them."""
    name = part_name(segments)
    scratch = Path(tempfile.mkdtemp(dir=context.scratch))
    threads = 1 if context.jobs > 1 else 2
    lone = len(definitions) == 1
    limits = context.limits
    share = max(limits.min_job_memory_mb, limits.memory_mb // context.jobs)
    memory = share * (2 if lone else 1)
    try:
        with job_builder(context.workers, scratch, threads, memory) as connection:
            if lone:
                stage_once(connection, segments)
                kept = Kept(tuple(segments), ())
            else:
                kept = _stage(context, connection, scratch, segments)
            built = _build_all(context, connection, scratch, kept, source, definitions, name)
    finally:
        shutil.rmtree(scratch)  # staged lines of all jobs would take as much room as the log
    context.report(f"{source}: {len(segments)} segments, {built.rows} rows")
    return attrs.evolve(built, segments=len(segments))


def _stage(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    segments: Sequence[Segment],
) -> Kept:
    """Make `line` hold what can be read of the segments."""
    try:
        with sql_errors(f"{segments[0].name} to {segments[-1].name}"):
            stage(connection, segments, scratch)
    except Invalid as error:
        if not is_of_values(error):
            raise
        kept = readable(context.root, scratch, segments)
        if context.strict and kept.refused:
            raise Invalid(kept.refused[0].told, STOPPED) from error
        stage(connection, kept.segments, scratch)
        return kept
    return Kept(tuple(segments), ())


def _build_all(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    kept: Kept,
    source: str,
    definitions: Sequence[Definition],
    name: str,
    size: int = 0,
) -> Built:
    """The parts of independent definitions: one that fails leaves the others."""
    rows, parts, failed = 0, 0, []
    refused = list(kept.refused)
    covers = [str(each.name) for each in kept.segments]
    write_down(folder_of_refused(context.parts, source), kept.refused)
    for definition in definitions:
        path = folder_of(context.parts, source, definition) / name
        try:
            with sql_errors(f"{definition.name} over {covers[0]} to {covers[-1]}"):
                rows += parts_of.build(connection, definition, path, covers, size)
            parts += 1
        except HindlogError as error:
            try:
                if not is_of_values(error):
                    raise
                more, left_out = _build_without(context, scratch, kept, definition, path, size)
                rows, parts, refused = rows + more, parts + 1, [*refused, *left_out]
            except HindlogError as reason:
                if isinstance(reason, LocalResource):  # no use in going on
                    raise
                failed.append(reason.what)
                path.unlink(missing_ok=True)
    told = tuple(each.told for each in refused)
    return Built(parts=parts, rows=rows, failed=tuple(failed), quarantined=told)


def _build_without(
    context: Context, scratch: Path, kept: Kept, definition: Definition, path: Path, size: int
) -> tuple[int, Sequence[Refused]]:
    """The part of a definition without the lines on which it fails; its rows, and those."""
    beside = scratch / "without"  # the other definitions still read what is staged
    beside.mkdir(exist_ok=True)
    sound = readable(context.root, beside, kept.segments)  # a lone one is read only as it builds
    rest = projectable(context.root, beside, sound.segments, definition)
    refused = (*sound.refused, *rest.refused)
    if context.strict and refused:
        raise Invalid(refused[0].told, STOPPED)
    write_down(folder_of_refused(context.parts, kept.segments[0].name.source), refused)
    covers = [str(each.name) for each in kept.segments]
    with job_builder(context.workers, beside, 1) as connection, sql_errors(definition.name):
        stage_once(connection, rest.segments)
        return parts_of.build(connection, definition, path, covers, size), refused


def build_open(context: Context, listing: Listing, wanted: Sequence[Definition]) -> Built:
    """Replace the parts over open segments."""
    built = Built()
    for name in listing.open:
        one = _open_one(context, listing.source, name, definitions_of(wanted, listing.source))
        built = Built(
            0,
            built.parts + one.parts,
            built.rows + one.rows,
            built.failed + one.failed,
            built.quarantined + one.quarantined,
        )
    return built


def _open_one(
    context: Context, source: str, name: SegmentName, definitions: Sequence[Definition]
) -> Built:
    try:
        segment = copy_open(context.root, name, context.scratch)
    except FileNotFoundError:  # sealed since it was listed: the next update reads it
        return Built()
    if segment is None:
        return Built()
    size = segment.raw_bytes
    with job_builder(context.workers, context.scratch, 1) as connection:
        behind = _behind(context, connection, source, name, definitions, size)
        if not behind:
            return Built()
        kept = _stage(context, connection, context.scratch, [segment])
        part = open_name(name)
        return _build_all(context, connection, context.scratch, kept, source, behind, part, size)


def _behind(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: SegmentName,
    definitions: Sequence[Definition],
    size: int,
) -> list[Definition]:
    """The definitions whose part of an open segment does not cover all that is durable."""
    part = open_name(name)
    return [
        each
        for each in definitions
        if covered_size(connection, folder_of(context.parts, source, each) / part) != size
    ]
