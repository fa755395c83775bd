"""Building: the parts that are missing, over sealed and open segments.

Each reading of some segments makes the parts of every definition that lacks them.
Independent definitions do not wait for each other, and one that fails leaves the rest.
"""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import HindlogError, Invalid
from eventlog.paths import SegmentName
from projector import parts as parts_of
from projector.changes import folder_of_diffs, make_schema
from projector.definition import LOG, Definition
from projector.engine import builder, sql_errors
from projector.parts import Part, Segment, covered_size, folder_of, list_parts, open_name, part_name
from projector.plan import (
    Listing,
    batches,
    copy_open,
    definitions_of,
    read_sealed,
    tasks,
)

Report = Callable[[str], None]


def silent(_text: str) -> None:
    """Says nothing."""


@attrs.frozen
class Built:
    """What one job did."""

    segments: int = 0
    parts: int = 0
    rows: int = 0
    failed: tuple[str, ...] = ()


@attrs.frozen
class Context:
    root: Path
    parts: Path
    scratch: Path
    jobs: int
    report: Report


def build_sealed(
    context: Context, listing: Listing, wanted: Sequence[Definition], pool: Executor
) -> list[Built]:
    """Build the missing parts over sealed segments."""
    mine = definitions_of(wanted, listing.source)
    with contextlib.closing(builder(context.scratch, 1)) as connection:
        done = [(each, _published(context, connection, listing, each)) for each in mine]
    work = [
        (batch, task.definitions)
        for task in tasks(listing, done)
        for batch in batches([read_sealed(context.root, name) for name in task.segments])
    ]
    futures = [pool.submit(_job, context, n, listing.source, *each) for n, each in enumerate(work)]
    return [future.result() for future in futures]


def _published(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    definition: Definition,
) -> list[Part]:
    found = list_parts(connection, folder_of(context.parts, listing.source, definition))
    return [part for part in found if part.covers <= listing.sealed_names]


def _job(
    context: Context,
    number: int,
    source: str,
    segments: Sequence[Segment],
    definitions: Sequence[Definition],
) -> Built:
    """One reading of some segments: the parts of all definitions that lack them."""
    scratch = context.scratch / f"{source}-{number}"
    scratch.mkdir()
    threads = 1 if context.jobs > 1 else 2
    with contextlib.closing(builder(scratch, threads)) as connection:
        with sql_errors(f"{segments[0].name} to {segments[-1].name}"):
            parts_of.stage(connection, segments, once=len(definitions) == 1)
        name = part_name(segments)
        built = _build_all(context, connection, source, segments, definitions, name)
    context.report(f"{source}: {len(segments)} segments, {built.rows} rows")
    return attrs.evolve(built, segments=len(segments))


def _build_all(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    source: str,
    segments: Sequence[Segment],
    definitions: Sequence[Definition],
    name: str,
    size: int = 0,
) -> Built:
    """The parts of independent definitions: one that fails leaves the others."""
    rows, parts, failed = 0, 0, []
    covers = [str(each.name) for each in segments]
    for definition in definitions:
        path = folder_of(context.parts, source, definition) / name
        try:
            with sql_errors(f"{definition.name} over {covers[0]} to {covers[-1]}"):
                rows += parts_of.build(connection, definition, path, covers, size)
            parts += 1
        except HindlogError as error:
            failed.append(error.what)
            path.unlink(missing_ok=True)
    return Built(parts=parts, rows=rows, failed=tuple(failed))


def build_open(context: Context, listing: Listing, wanted: Sequence[Definition]) -> Built:
    """Replace the parts over open segments."""
    built = Built()
    for name in listing.open:
        one = _open_one(context, listing.source, name, definitions_of(wanted, listing.source))
        built = Built(0, built.parts + one.parts, built.rows + one.rows, built.failed + one.failed)
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
    with contextlib.closing(builder(context.scratch, 1)) as connection:
        behind = _behind(context, connection, source, name, definitions, size)
        if not behind:
            return Built()
        with sql_errors(str(name)):
            parts_of.stage(connection, [segment], once=False)
        return _build_all(context, connection, source, [segment], behind, open_name(name), size)


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


def build_schemas(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    definitions: Sequence[Definition],
    sources: Sequence[str],
) -> dict[str, str]:
    """An empty part per definition: views name it first, so that none is without a file.

    What went wrong, by name of the definition: such a one gets no view.
    """
    for source in sources:
        make_schema(folder_of_diffs(context.parts, source))
    staged = False
    wrong: dict[str, str] = {}
    for definition in (each for each in definitions if each.has_parts):
        for source in sources if definition.source == LOG else [definition.source]:
            path = folder_of(context.parts, source, definition) / parts_of.SCHEMA
            if path.exists():
                continue
            if not staged:
                parts_of.stage_nothing(connection, context.scratch)
                staged = True
            try:
                with sql_errors(definition.name):
                    parts_of.build(connection, definition, path, [])
            except Invalid as error:
                wrong[definition.name] = error.what
    return wrong
