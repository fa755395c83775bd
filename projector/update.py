"""Update: build the parts that are missing, then swap the views file.

    list segments → plan → parts (published by rename) → views/hindlog.duckdb (swapped)

Whatever stops it halfway leaves published parts, which the next update finds, and the
old views file, which names only files that are still there.
"""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import attrs
import duckdb

from eventlog.clock import now_us
from eventlog.errors import HindlogError, Invalid
from eventlog.paths import SegmentName
from eventlog.segments import list_sources
from projector import parts as parts_of
from projector.changes import add_differences, folder_of_diffs, make_schema
from projector.definition import LOG, Definition, find, load_all
from projector.engine import builder, sql_errors
from projector.generation import current_parts, locked, scratch, sweep, views_dir
from projector.parts import Part, Segment, covered_size, folder_of, list_parts, open_name, part_name
from projector.plan import (
    Listing,
    batches,
    copy_open,
    definitions_of,
    list_source,
    read_sealed,
    tasks,
)
from projector.views import Script, script_for
from projector.views_file import named_by, write_views

Report = Callable[[str], None]


@attrs.frozen
class UpdateReport:
    """What an update did."""

    segments: int
    """Sealed segments read."""
    parts: int
    """Parts published, those of open segments among them."""
    rows: int
    failed: tuple[str, ...]
    """What went wrong, per definition and list of segments; the others are done."""
    swapped: bool
    """Whether the views file was written anew."""


@attrs.frozen
class Built:
    """What one job did."""

    segments: int = 0
    parts: int = 0
    rows: int = 0
    failed: tuple[str, ...] = ()


def silent(_text: str) -> None:
    """Says nothing."""


def update(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    jobs: int = 1,
    report: Report = silent,
    definitions: Sequence[Definition] | None = None,
) -> UpdateReport:
    """Bring the views of an archive up to its log. Harmless when repeated.

    `views`: names as `source.view`; the log's own always come along.
    """
    known = load_all() if definitions is None else tuple(definitions)
    root = root.resolve()
    views_folder = views_dir(root)
    with locked(views_folder):
        parts = current_parts(views_folder)
        wanted = with_log(known, find(known, views))
        done, script = build_views(root, parts, wanted, known, jobs=jobs, report=report)
        before = named_by(views_folder)
        swapped = write_views(views_folder, script)
        if swapped:
            sweep(views_folder, before, script.names, now_us())
    return attrs.evolve(done, swapped=swapped)


def with_log(known: Sequence[Definition], named: Sequence[Definition]) -> list[Definition]:
    """Those named, and the log's own, which every view needs."""
    return [each for each in known if each in named or each.source == LOG]


def build_views(
    root: Path,
    parts: Path,
    wanted: Sequence[Definition],
    known: Sequence[Definition],
    *,
    jobs: int = 1,
    report: Report = silent,
) -> tuple[UpdateReport, Script]:
    """Build what is missing of `wanted` under `parts`; the views over `known` as they are then."""
    with scratch(root / "views") as folder, ThreadPoolExecutor(max(1, jobs)) as pool:
        context = _Context(root, parts, folder, jobs, report)
        listings = [list_source(root, source) for source in _sources(root, known)]
        done = [each for listing in listings for each in _sealed(context, listing, wanted, pool)]
        done += [_open(context, listing, wanted) for listing in listings]
        with contextlib.closing(builder(folder, 1)) as connection:
            sources = [each.source for each in listings]
            wrong = _schemas(context, connection, known, sources)
            sound = [each for each in known if each.name not in wrong]
            script = script_for(root, parts, listings, sound, connection)
            if any(each.parts for each in done) and _compare(context, sources, sound, script):
                script = script_for(root, parts, listings, sound, connection)
    told = UpdateReport(
        sum(each.segments for each in done),
        sum(each.parts for each in done),
        sum(each.rows for each in done),
        (*wrong.values(), *(text for each in done for text in each.failed)),
        False,
    )
    return told, script


def _sources(root: Path, definitions: Sequence[Definition]) -> list[str]:
    """Those in the log, and those that definitions read."""
    return sorted({*list_sources(root), *(each.source for each in definitions)} - {LOG})


@attrs.frozen
class _Context:
    root: Path
    parts: Path
    scratch: Path
    jobs: int
    report: Report


def _sealed(
    context: _Context, listing: Listing, wanted: Sequence[Definition], pool: Executor
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
    context: _Context,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    definition: Definition,
) -> list[Part]:
    found = list_parts(connection, folder_of(context.parts, listing.source, definition))
    return [part for part in found if part.covers <= listing.sealed_names]


def _job(
    context: _Context,
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
    context: _Context,
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


def _open(context: _Context, listing: Listing, wanted: Sequence[Definition]) -> Built:
    """Replace the parts over open segments."""
    built = Built()
    for name in listing.open:
        one = _open_one(context, listing.source, name, definitions_of(wanted, listing.source))
        built = Built(0, built.parts + one.parts, built.rows + one.rows, built.failed + one.failed)
    return built


def _open_one(
    context: _Context, source: str, name: SegmentName, definitions: Sequence[Definition]
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
    context: _Context,
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


def _schemas(
    context: _Context,
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


def _compare(
    context: _Context, sources: Sequence[str], definitions: Sequence[Definition], script: Script
) -> int:
    """Compare neighbouring versions that were not compared yet; how many pairs."""
    pairs = 0
    with contextlib.closing(builder(context.scratch, 1)) as views, sql_errors("changes"):
        views.execute(script.core)
        for source in sources:
            types = sorted({t for each in definitions if each.source == source for t in each.types})
            folder = folder_of_diffs(context.parts, source)
            pairs += add_differences(context.root, folder, source, types, views)
    return pairs
