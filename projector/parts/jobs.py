"""Jobs: each reads some sealed segments once and builds all parts that are missing over them.

    listings ──(missing parts)──> jobs of all sources ──> workers, the longest first ──> parts

No job depends on another: a part is a function of its definition and its segments alone.
"""

from collections.abc import Sequence
from concurrent.futures import as_completed

import attrs
import duckdb

from eventlog.format.paths import SegmentName
from projector.definition import Definition
from projector.engine.workers import submit
from projector.parts.build import BuildResult, Context, build_sealed
from projector.parts.part import Segment, folder_of, load_chosen
from projector.parts.plan import (
    SegmentListing,
    definitions_of,
    find_missing,
    read_sealed,
    split_into_batches,
)


@attrs.frozen
class Job:
    """Parts to build while some sealed segments are read once."""

    source: str
    segments: tuple[Segment, ...]
    definitions: tuple[Definition, ...]

    @property
    def weight(self) -> int:
        """Estimated cost: the raw bytes, once for parsing and once per definition."""
        return sum(segment.raw_bytes for segment in self.segments) * (1 + len(self.definitions))


def plan_jobs(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listing: SegmentListing,
    wanted: Sequence[Definition],
) -> list[Job]:
    """Returns the jobs that build the missing parts over the sealed segments of a source."""
    definitions = definitions_of(wanted, listing.source)
    folders = {each.name: folder_of(context.parts, listing.source, each) for each in definitions}
    chosen = load_chosen(connection, folders, listing.sealed_names)
    covered = [(each, chosen[each.name].covers) for each in definitions]
    return [
        Job(listing.source, tuple(batch), missing.definitions)
        for missing in find_missing(listing, covered)
        for batch in split_into_batches(
            _read_all(context, listing.source, missing.segments), context.limits
        )
    ]


def _read_all(context: Context, source: str, names: Sequence[SegmentName]) -> list[Segment]:
    """Returns the segments of these names, by their manifests."""
    segments = []
    for name in names:
        segments.append(read_sealed(context.root, name))
        context.report(f"manifests of {source} read", len(segments), len(names))
    return segments


def run_jobs(context: Context, jobs: Sequence[Job]) -> list[BuildResult]:
    """Runs the jobs and returns what each built, in the order of `jobs`.

    The longest job begins first; begun last, it would run alone at the end.
    """
    futures = {
        job: submit(
            context.workers, build_sealed, context, job.source, job.segments, job.definitions
        )
        for job in sorted(jobs, key=lambda job: -job.weight)
    }
    segments = {future: len(job.segments) for job, future in futures.items()}
    done, total = 0, sum(segments.values())
    for future in as_completed(segments):
        future.result()  # raises the error of the first job that failed
        done += segments[future]
        context.report("segments read", done, total)
    return [futures[job].result() for job in jobs]
