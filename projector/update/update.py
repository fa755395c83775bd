"""Update: builds the missing parts, then swaps the views file.

    list segments → plan → parts (published by rename) → views/hindlog.duckdb (swapped)

If an update is interrupted, its published parts stay and the next update finds them. The old views
file stays, too, and names only files that still exist.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs
import duckdb

from eventlog.clock import now_us
from eventlog.errors import HindlogError
from eventlog.files.listing import list_sources
from eventlog.progress import ReportProgress, no_progress
from projector.cluster.engine import LOCAL, Engine
from projector.definition import LOG, Definition, find_definitions, load_definitions
from projector.digests import digest_rules
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
from projector.keyframes.keyframe import SourceParts, load_source_parts
from projector.limits import LIMITS, Limits
from projector.parts.build import BuildResult, Context, build_open
from projector.parts.compact import Group, compact, find_groups, grouping_key
from projector.parts.jobs import plan_jobs
from projector.parts.plan import SegmentListing, definitions_of
from projector.update.compare_versions import compare_versions
from projector.update.empty_parts import build_schemas
from projector.update.last_update import (
    LogState,
    open_segments,
    read_log_state,
    read_log_to_apply,
    record_update,
    sealed_names,
)
from projector.views.dependencies import with_dependencies
from projector.views.script import Script, script_for
from projector.views.statement import named_files
from projector.views.views_database import read_script, write_views


@attrs.frozen
class UpdateReport:
    """What an update did."""

    segments: int
    """Number of sealed segments read."""
    parts: int
    """Number of parts published, including those of open segments."""
    rows: int
    """Number of rows in these parts."""
    failed: tuple[str, ...]
    """Messages about what failed, per definition and list of segments."""
    swapped: bool
    """Whether a new views file was written."""
    quarantined: tuple[str, ...] = ()
    """Messages about lines that were left out, with segment and seq; see `log.quarantine`."""


def update(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    jobs: int = 1,
    report: ReportProgress = no_progress,
    definitions: Sequence[Definition] | None = None,
    limits: Limits = LIMITS,
    engine: Engine = LOCAL,
) -> UpdateReport:
    """Updates the views of an archive to the present state of its log. Idempotent.

    `views`: names as `source.view`, None for all. The views of the log are always updated, too.
    `engine`: where parts are built and versions are compared.
    """
    root = root.resolve()
    views_folder = views_dir(root)
    rules = digest_rules(definitions and tuple(definitions), None if limits == LIMITS else limits)
    with views_lock(views_folder):
        log = read_log_to_apply(root, views, rules)
        if log is None:
            return UpdateReport(0, 0, 0, (), False)
        known = load_definitions() if definitions is None else tuple(definitions)
        parts = current_parts(views_folder)
        wanted = with_dependencies(known, find_definitions(known, views))
        built, script = build_views(
            root, parts, wanted, known, log, jobs=jobs, report=report, limits=limits, engine=engine
        )
        before = read_script(views_folder)
        failures: list[str] = []
        swapped = write_views(views_folder, script, failures)
        if swapped:
            delete_unused_parts(views_folder, named_files(before), script.files, now_us())
        if not (built.failed or failures):
            names = [definition.name for definition in wanted]
            record_update(root, rules, names, len(wanted) == len(known), log)
    return attrs.evolve(built, swapped=swapped, failed=(*built.failed, *failures))


def build_views(
    root: Path,
    parts: Path,
    wanted: Sequence[Definition],
    known: Sequence[Definition],
    log: LogState | None = None,
    *,
    jobs: int = 1,
    report: ReportProgress = no_progress,
    strict: bool = False,
    limits: Limits = LIMITS,
    engine: Engine = LOCAL,
) -> tuple[UpdateReport, Script]:
    """Builds the missing parts of `wanted` in the folder `parts`.

    Returns the report, and the script of the views of all `known` definitions over all parts.
    `log`: its state, if it was read before.
    """
    log = log or read_log_state(root)
    with (
        scratch_folder(root / "views") as folder,
        contextlib.closing(builder(folder, 1, SMALL_MEMORY_MB)) as connection,
        workers(jobs) as crew,
    ):
        context = Context(root, parts, folder, jobs, crew, report, strict, limits)
        listings = [_listing(log, source) for source in _sources(root, known)]
        failures = build_schemas(context, connection, known, [each.source for each in listings])
        results = _build_parts(context, connection, listings, wanted, engine)
        working = [each for each in known if each.name not in failures]
        loaded = _merge_and_build(context, connection, listings, working, failures)
        script = script_for(root, parts, loaded, working)
        # Also if nothing was built: the last update may have ended before it compared.
        if compare_versions(context, script.histories, failures, engine):
            script = script_for(root, parts, loaded, working)
    return _report(results, failures), script


def _merge_and_build(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listings: Sequence[SegmentListing],
    definitions: Sequence[Definition],
    failures: dict[str, str],
) -> list[SourceParts]:
    """Merges small parts, then builds the keyframes that are due. Returns what is to be read."""
    loaded = _load(context, connection, listings, definitions)
    if _compact(context, loaded, definitions):
        loaded = _load(context, connection, listings, definitions)
    # Sources one after another, because one of them has most of the rows; in a worker thread,
    # so that the main thread can handle signals.
    arguments = (context, connection, loaded, definitions, failures)
    return submit(context.workers, _build_keyframes, *arguments).result()


def _report(results: Sequence[BuildResult], failures: Mapping[str, str]) -> UpdateReport:
    return UpdateReport(
        sum(result.segments for result in results),
        sum(result.parts for result in results),
        sum(result.rows for result in results),
        (*failures.values(), *(message for result in results for message in result.failed)),
        False,
        tuple(message for result in results for message in result.quarantined),
    )


def _sources(root: Path, definitions: Sequence[Definition]) -> list[str]:
    """Returns the sources in the log and those that definitions read, sorted."""
    return sorted({*list_sources(root), *(each.source for each in definitions)} - {LOG})


def _listing(log: LogState, source: str) -> SegmentListing:
    return SegmentListing(source, sealed_names(log, source), open_segments(log, source))


def _load(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listings: Sequence[SegmentListing],
    definitions: Sequence[Definition],
) -> list[SourceParts]:
    return [
        load_source_parts(connection, context.parts, listing, definitions, context.limits)
        for listing in listings
    ]


def _build_parts(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listings: Sequence[SegmentListing],
    wanted: Sequence[Definition],
    engine: Engine,
) -> list[BuildResult]:
    """Builds the missing parts of all sources at once, then the parts over open segments."""
    jobs = [job for each in listings for job in plan_jobs(context, connection, each, wanted)]
    sealed = engine.run_jobs(context, jobs)
    open_futures = [submit(context.workers, build_open, context, each, wanted) for each in listings]
    return [*sealed, *(future.result() for future in open_futures)]


def _compact(
    context: Context, loaded: Sequence[SourceParts], definitions: Sequence[Definition]
) -> bool:
    """Merges small parts, so that views name few files however long the log is.

    Returns whether there were any.
    """
    groups = [
        group
        for source in loaded
        for group in _groups_to_merge(source, definitions, context.limits)
    ]
    merging = [submit(context.workers, _compact_one, context, group) for group in groups]
    for count, future in enumerate(merging, 1):
        future.result()
        context.report("groups of parts merged", count, len(groups))
    return bool(groups)


def _groups_to_merge(
    source: SourceParts, definitions: Sequence[Definition], limits: Limits
) -> list[Group]:
    """Returns the groups of parts of a source to merge; no keyframe separates them."""
    key = grouping_key([(keyframe.instant, keyframe.adds) for keyframe in source.chain])
    names = [each.name for each in definitions_of(definitions, source.listing.source)]
    return [group for name in names for group in find_groups(source.chosen[name], key, limits)]


def _compact_one(context: Context, group: Group) -> None:
    with sql_errors(str(group.folder)), _own_connection(context) as connection:
        compact(connection, group)


@contextlib.contextmanager
def _own_connection(context: Context) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yields a new connection; a connection that lives longer would keep some of its memory."""
    folder = Path(tempfile.mkdtemp(dir=context.scratch))
    with job_builder(context.workers, folder, 1, SMALL_MEMORY_MB) as connection:
        yield connection


def _build_keyframes(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    loaded: Sequence[SourceParts],
    definitions: Sequence[Definition],
    failures: dict[str, str],
) -> list[SourceParts]:
    """Builds the keyframes that are due. Returns the sources with them.

    Views do not depend on keyframes, so a failure is added to `failures` and not raised.
    """
    parts, built = context.parts, []
    settings = (partial(_own_connection, context), context.limits, context.report)
    for source in loaded:
        try:
            with interrupted_on_cancel(context.workers, connection):
                source = build_keyframes(connection, parts, source, definitions, *settings)
        except HindlogError as error:
            failures[f"{source.listing.source} {KEYFRAMES}"] = error.what
        built.append(source)
    return built
