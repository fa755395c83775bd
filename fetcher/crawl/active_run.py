"""State of a crawl: what the runs of a sync share, and one run in progress."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import attrs

from eventlog.body.split_rules import Entity
from eventlog.format.event import RUN, Draft
from fetcher.crawl.prefetch import Misprediction, Recorded
from fetcher.crawl.report import ListingReport, OnProgress, Progress
from fetcher.crawl.request import NotSent, RequestContext
from fetcher.record.journal import append_batch, batch_of
from fetcher.source import Endpoint, Listing, Params
from fetcher.split.pool import PoolPolicy, SplitterPool, default_pool_policy
from fetcher.split.repeats import SeenElements
from fetcher.split.response import PageContext
from fetcher.state.presence import Presence
from fetcher.state.priority import SYNC_PRIORITY, is_backfill, is_of_sync
from fetcher.state.run_queue import RunQueue, is_outranked, refresh_queue, renew_lease, task_state
from fetcher.state.stored_bodies import look_up
from fetcher.state.task import PENDING, Task

CHECK_S = 2.0
"""Default of `Crawl.check_s`."""


@attrs.frozen
class Crawl:
    """What the runs of one sync share."""

    context: RequestContext
    queue: RunQueue
    presence: Presence
    owner: str
    """Writer id under which runs are claimed."""
    concurrency: int
    """Maximum number of follow-up requests in flight."""
    on_progress: OnProgress
    follow_ups: dict[tuple[str, str], dict[bytes, Params]] = attrs.field(factory=dict)
    """Requests derived from entities of earlier listings: (epoch, listing) to requests."""
    collected_runs: set[tuple[str, str]] = attrs.field(factory=set)
    """Runs from whose first page on `follow_ups` has the requests of a listing: (run, listing)."""
    sync_runs: set[str] = attrs.field(factory=set)
    """The runs that this sync created."""
    selected_runs: set[str] | None = None
    """The only runs to work on; None: every run in the queue."""
    min_priority: int | None = None
    """The lowest priority of runs to work on; None: any."""
    stopping: asyncio.Event = attrs.field(factory=asyncio.Event)
    """If set, the current page is completed and nothing more is requested."""
    pool_policy: PoolPolicy = attrs.field(factory=default_pool_policy)
    """When pages are split in separate processes."""
    is_sync_due: Callable[[], bool] = lambda: False
    """Whether runs of lower priority must yield to a sync now."""
    first_walk: int | None = None
    """Number of entities after which the rest of a pagination becomes a backfill; None: never."""
    check_s: float = CHECK_S
    """Least pause in seconds after which a run checks again whether it was cancelled or must yield
    to another run."""


@attrs.define
class ActiveRun:
    """One run in progress."""

    crawl: Crawl
    task: Task
    listing: Listing | None
    """None: a single request, or a listing that was requested by its URL."""
    endpoint: Endpoint
    report: ListingReport
    followers: tuple[Listing, ...] = ()
    """Listings of the same epoch whose requests are derived from entities of this run."""
    expected: int | None = None
    """Total number of requests, if it is known."""
    stop_reason: str | None = None
    """Why nothing more is requested; None: the run continues."""
    has_failed: bool = False
    """Whether a part of the run was given up, so that the run can be retried."""
    checked_at_s: float = 0.0
    """When the queue was last checked, by the clock of the event loop."""
    pending_entities: int = 0
    """Entities that have arrived but are not durable yet."""
    pending_writes: deque[asyncio.Task[None]] | None = None
    """During pagination, the pages that are being recorded, oldest first."""
    pool: SplitterPool | None = None
    """During pagination, the processes that split its pages."""
    last_recorded: Recorded | None = None
    """Whether the last page whose next page was prefetched has been recorded."""
    misprediction: Misprediction | None = None
    """The page to which pagination has to return."""
    mispredictions: int = 0
    """Number of mispredictions so far."""
    seen: SeenElements | None = None
    """During pagination, what its pages contained."""
    is_preempted: bool = False
    """Whether the run yields to one of higher priority."""
    has_reached_known: bool = False
    """Whether the last page contained only known entities, in a run for new ones."""
    leaves_rest: bool = False
    """Whether the rest of the pagination becomes a backfill."""
    partition_values: dict[str, dict[str, None]] = attrs.field(factory=dict)
    """Per partition parameter, the values that entities of this run named, in order."""

    def place(self, params: Params, page_no: int | None) -> PageContext:
        """Returns the place of a response in this run."""
        return PageContext(
            run=self.task.run,
            epoch=self.task.epoch,
            scope=self.endpoint.scope(params),
            page_no=page_no,
        )

    def publish(self, report: ListingReport) -> None:
        """Replaces the report of the run and publishes it as progress."""
        self.report = report
        source = self.crawl.context.source.name
        self.crawl.on_progress(Progress(source, report, self.expected))

    def end(self, why: str) -> None:
        """Ends the run for this reason: nothing more is requested."""
        self.stop_reason = why
        self.publish(attrs.evolve(self.report, why=why))

    def has_silent_end(self) -> bool:
        """Whether the run received as much as the upstream ever serves of the listing.

        Then its last page is not the end of the listing, although it looks like it.
        """
        maximum = self.listing.ends_silently_at if self.listing else None
        count = self.task.entities_before + self.report.entities
        return maximum is not None and count >= 0.99 * maximum

    def note_partition_values(self, params: Params, entities: Iterable[Entity]) -> None:
        """Collects values for partitions that have no complete list of values.

        Does nothing while a partition with a complete list can still split the listing.
        """
        for partition in self.listing.partitions if self.listing else ():
            if partition.named_values is None:
                if len(tuple(partition.narrower_values(params))) > 1:
                    return
            elif partition.param not in params:
                values = self.partition_values.setdefault(partition.param, {})
                for entity in entities:
                    values.update(dict.fromkeys(partition.named_values(entity)))

    def has_reached_target(self) -> bool:
        """Whether as many entities have arrived as the run was asked for."""
        target, count = self.task.target, self.report.entities + self.pending_entities
        return target is not None and count >= target

    def has_reached_first_walk(self, params: Params) -> bool:
        """Whether the rest of the pagination, from these parameters on, is for a backfill."""
        bound, count = self.crawl.first_walk, self.report.entities + self.pending_entities
        is_bounded = self.task.target is None and not is_backfill(self.task)
        proves_absence = self.endpoint.scope(params) is not None
        return bound is not None and count >= bound and is_bounded and not proves_absence

    def is_paused(self) -> bool:
        """Whether the run stops here and stays in the queue, to be continued later."""
        return self.is_preempted or self.crawl.stopping.is_set()


def waits_for_budget(crawl: Crawl, task: Task) -> bool:
    """Whether a run without budget stays in the queue, instead of ending.

    True for runs of queue commands and backfills; false for runs of a sync, whose epoch passes.
    """
    return task.run not in crawl.sync_runs and not is_of_sync(task)


def stop_without_budget(run: ActiveRun, outcome: NotSent) -> None:
    """Ends a run whose budget is spent, or lets it wait for the next budget."""
    if run.crawl.context.budget.has_left:
        return
    if waits_for_budget(run.crawl, run.task):
        run.is_preempted = True
    else:
        run.end(outcome.why)


def check_known(run: ActiveRun, entities: Iterable[Entity]) -> None:
    """Notes whether a run for new entities has reached a page of known ones."""
    if run.task.until_known:
        keys = [
            (entity.type, entity.id, entity.shape)
            for entity in entities
            if "*" not in entity.pointer
        ]
        known = run.crawl.context.journal.stored_bodies
        run.has_reached_known = bool(keys) and all(look_up(known, key) for key in keys)


async def record_end(run: ActiveRun, state: str, *, partial: bool) -> None:
    """Records the `run` event that ends a run, with its counts."""
    report = run.report
    members = {
        "state": state,
        "listing": report.listing,
        "pages": report.pages,
        "entities": report.entities,
        "partial": partial or None,
        "why": report.why,
    }
    draft = Draft(
        kind=RUN,
        run=report.run,
        epoch=run.task.epoch,
        endpoint=run.endpoint.path,
        members=members,
    )
    await append_batch(run.crawl.context.journal, batch_of(draft))


def check_queue(run: ActiveRun) -> str:
    """Returns the state of the run in the queue, such as `cancelled`; renews its lease.

    Also notes whether the run must yield. Between checks, which are at least `Crawl.check_s`
    apart, returns `pending`.
    """
    now_s = asyncio.get_running_loop().time()
    if now_s - run.checked_at_s < run.crawl.check_s:
        return PENDING
    run.checked_at_s = now_s
    crawl, task = run.crawl, run.task
    refresh_queue(crawl.queue)
    renew_lease(crawl.queue, task.run, crawl.owner, crawl.context.clock())
    must_yield = crawl.is_sync_due() and task.priority < SYNC_PRIORITY
    run.is_preempted = must_yield or (
        crawl.selected_runs is None and is_outranked(crawl.queue, task)
    )
    return task_state(crawl.queue, task.run)
