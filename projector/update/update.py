"""Update: build the parts that are missing, then swap the views file.

    list segments → plan → parts (published by rename) → views/hindlog.duckdb (swapped)

Whatever stops it halfway leaves published parts, which the next update finds, and the
old views file, which names only files that are still there.
"""

import contextlib
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs
import duckdb

from eventlog.clock import now_us
from eventlog.errors import HindlogError
from eventlog.files.listing import list_sources
from projector.changes.differences import FOLDER, add_differences, folder_of_diffs
from projector.changes.version_pairs import History
from projector.definition import LOG, Definition, find_definitions, load_definitions
from projector.engine.connections import SMALL_MEMORY_MB, builder, sql_errors
from projector.engine.workers import interrupted_on_cancel, job_builder, submit, workers
from projector.folders import (
    current_parts,
    delete_unused_parts,
    scratch_folder,
    views_dir,
    views_lock,
)
from projector.keyframes.build import build_keyframes
from projector.keyframes.keyframe import FOLDER as KEYFRAMES
from projector.keyframes.keyframe import load_source
from projector.keyframes.resolved_rows import load_resolved
from projector.limits import LIMITS, Limits
from projector.parts.build import BuildResult, Context, Report, build_open, silent
from projector.parts.compact import Group, compact, find_groups, grouping_key
from projector.parts.jobs import plan_jobs, run_jobs
from projector.parts.part import Part, folder_of
from projector.parts.plan import Listing, definitions_of, list_source
from projector.update.empty_parts import build_schemas
from projector.views.dependencies import with_dependencies
from projector.views.script import Script, script_for
from projector.views.statement import named_files
from projector.views.views_database import read_script, write_views


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
    quarantined: tuple[str, ...] = ()
    """Lines that were left out, each with its segment and seq; see `log.quarantine`."""


def update(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    jobs: int = 1,
    report: Report = silent,
    definitions: Sequence[Definition] | None = None,
    limits: Limits = LIMITS,
) -> UpdateReport:
    """Bring the views of an archive up to its log. Harmless when repeated.

    `views`: names as `source.view`; the log's own always come along.
    """
    known = load_definitions() if definitions is None else tuple(definitions)
    root = root.resolve()
    views_folder = views_dir(root)
    with views_lock(views_folder):
        parts = current_parts(views_folder)
        wanted = with_dependencies(known, find_definitions(known, views))
        done, script = build_views(
            root, parts, wanted, known, jobs=jobs, report=report, limits=limits
        )
        before = read_script(views_folder)
        wrong: list[str] = []
        swapped = write_views(views_folder, script, wrong)
        if swapped:
            delete_unused_parts(views_folder, named_files(before), script.files, now_us())
    return attrs.evolve(done, swapped=swapped, failed=(*done.failed, *wrong))


def build_views(
    root: Path,
    parts: Path,
    wanted: Sequence[Definition],
    known: Sequence[Definition],
    *,
    jobs: int = 1,
    report: Report = silent,
    strict: bool = False,
    limits: Limits = LIMITS,
) -> tuple[UpdateReport, Script]:
    """Build what is missing of `wanted` under `parts`; the views over `known` as they are then."""
    with (
        scratch_folder(root / "views") as folder,
        contextlib.closing(builder(folder, 1, SMALL_MEMORY_MB)) as connection,
        workers(jobs) as crew,
    ):
        context = Context(root, parts, folder, jobs, crew, report, strict, limits)
        listings = [list_source(root, source) for source in _sources(root, known)]
        done = _build_parts(context, connection, listings, wanted)
        wrong = build_schemas(context, connection, known, [each.source for each in listings])
        sound = [each for each in known if each.name not in wrong]
        _compact(context, connection, listings, sound)
        # Source by source: one has most of the rows. By a worker, for the sake of signals.
        wrong |= submit(crew, _build_keyframes, context, connection, listings, sound).result()
        script = script_for(root, parts, listings, sound, connection, limits)
        # Also when nothing was built: the last update may have ended before it compared.
        if _compare(context, script, wrong):
            script = script_for(root, parts, listings, sound, connection, limits)
    return _told(done, wrong), script


def _told(done: Sequence[BuildResult], wrong: Mapping[str, str]) -> UpdateReport:
    return UpdateReport(
        sum(each.segments for each in done),
        sum(each.parts for each in done),
        sum(each.rows for each in done),
        (*wrong.values(), *(text for each in done for text in each.failed)),
        False,
        tuple(text for each in done for text in each.quarantined),
    )


def _sources(root: Path, definitions: Sequence[Definition]) -> list[str]:
    """Those in the log, and those that definitions read."""
    return sorted({*list_sources(root), *(each.source for each in definitions)} - {LOG})


def _build_parts(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listings: Sequence[Listing],
    wanted: Sequence[Definition],
) -> list[BuildResult]:
    """The parts that are missing, of all sources at once; then those of open segments."""
    jobs = [job for each in listings for job in plan_jobs(context, connection, each, wanted)]
    done = run_jobs(context, jobs)
    opened = [submit(context.workers, build_open, context, each, wanted) for each in listings]
    return [*done, *(each.result() for each in opened)]


def _compact(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listings: Sequence[Listing],
    definitions: Sequence[Definition],
) -> None:
    """Put small parts together, so that views name few files however long the log is."""
    groups = [
        group for listing in listings for group in _due(context, connection, listing, definitions)
    ]
    for each in [submit(context.workers, _compact_one, context, group) for group in groups]:
        each.result()


def _due(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    definitions: Sequence[Definition],
) -> list[Group]:
    source = load_source(connection, context.parts, listing, definitions, context.limits)
    mine = definitions_of(definitions, listing.source)

    def found(alike: Callable[[Part], Hashable]) -> list[Group]:
        folders = [folder_of(context.parts, listing.source, each) for each in mine]
        sealed = listing.sealed_names
        return [
            group
            for each in folders
            for group in find_groups(connection, each, sealed, alike, context.limits)
        ]

    kept = [each.keyframe for each in source.chain]
    keyframes = grouping_key([(each.instant, each.adds) for each in kept])
    if not found(keyframes):  # as a rule: then deltas need not be looked for
        return []
    own = [each for each in mine if each.has_parts and each.source == listing.source]
    held = [load_resolved(connection, context.parts, source, each) for each in own]
    deltas = grouping_key([(one.instant, one.adds) for each in held for one in each.deltas])
    return found(lambda part: (keyframes(part), deltas(part)))


def _compact_one(context: Context, group: Group) -> None:
    with sql_errors(str(group.folder)), _apart(context) as connection:
        compact(connection, group)


@contextlib.contextmanager
def _apart(context: Context) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that gives all its memory back: one that lives on keeps some of it."""
    folder = Path(tempfile.mkdtemp(dir=context.scratch))
    with job_builder(context.workers, folder, 1, SMALL_MEMORY_MB) as connection:
        yield connection


def _build_keyframes(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listings: Sequence[Listing],
    definitions: Sequence[Definition],
) -> dict[str, str]:
    """Build the keyframes that are due; what went wrong. Views are right without them."""
    wrong = {}
    for listing in listings:
        try:
            with interrupted_on_cancel(context.workers, connection):
                apart = partial(_apart, context)
                build_keyframes(
                    connection, context.parts, listing, definitions, apart, context.limits
                )
        except HindlogError as error:
            wrong[f"{listing.source} {KEYFRAMES}"] = error.what
    return wrong


def _compare(context: Context, script: Script, wrong: dict[str, str]) -> int:
    """Compare neighbouring versions that were not compared yet; how many pairs."""
    jobs = {
        each.source: submit(context.workers, _differences_of, context, each)
        for each in script.histories
    }
    pairs = 0
    for source, job in jobs.items():
        try:
            pairs += job.result()
        except HindlogError as error:
            wrong[f"{source} {FOLDER}"] = error.what
    return pairs


def _differences_of(context: Context, history: History) -> int:
    folder = folder_of_diffs(context.parts, history.source)
    with sql_errors(f"changes of {history.source}"):
        return add_differences(
            context.root, folder, history, context.scratch, context.workers, context.limits
        )
