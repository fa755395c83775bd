"""Jobs: readings of sealed segments, those of all sources handed to the workers at once.

    listings ──(what is missing)──> jobs ──> workers, the longest first ──> parts

No job waits for another: a part is a function of its definition and its segments alone.
"""

from collections.abc import Sequence

import attrs
import duckdb

from projector.definition import Definition
from projector.engine.workers import submit
from projector.parts.build import Built, Context, build_sealed
from projector.parts.part import Part, Segment, folder_of, list_parts
from projector.parts.plan import Listing, batches, definitions_of, read_sealed, tasks


@attrs.frozen
class Job:
    """Parts to build from one reading of some sealed segments."""

    source: str
    segments: tuple[Segment, ...]
    definitions: tuple[Definition, ...]

    @property
    def weight(self) -> int:
        """About what it takes: the bytes, as often as they are read."""
        return sum(each.raw_bytes for each in self.segments) * (1 + len(self.definitions))


def plan_jobs(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    wanted: Sequence[Definition],
) -> list[Job]:
    """The jobs that build what is missing over the sealed segments of a source."""
    mine = definitions_of(wanted, listing.source)
    done = [(each, _published(context, connection, listing, each)) for each in mine]
    return [
        Job(listing.source, tuple(batch), task.definitions)
        for task in tasks(listing, done)
        for batch in batches(
            [read_sealed(context.root, name) for name in task.segments], context.limits
        )
    ]


def do_jobs(context: Context, jobs: Sequence[Job]) -> list[Built]:
    """What each job built. The longest begins first: begun last, it would end alone."""
    futures = {
        job: submit(
            context.workers, build_sealed, context, job.source, job.segments, job.definitions
        )
        for job in sorted(jobs, key=lambda each: -each.weight)
    }
    return [futures[job].result() for job in jobs]


def _published(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    definition: Definition,
) -> list[Part]:
    found = list_parts(connection, folder_of(context.parts, listing.source, definition))
    return [part for part in found if part.covers <= listing.sealed_names]
