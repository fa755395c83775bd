"""Runs: what the runs of a sync share, and what each says into the log."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import attrs

from eventlog.body.split_rules import Entity
from eventlog.format.event import RUN, Draft
from fetcher.crawl.prefetch import Mistaken, Turn
from fetcher.crawl.report import ListingReport, Progress, Report
from fetcher.crawl.request import Desk
from fetcher.record.journal import of_drafts, record
from fetcher.record.run_events import SYNC_PRIORITY
from fetcher.source import Endpoint, Listing, Params
from fetcher.split.pool import Splitting, Terms, terms_here
from fetcher.split.response import Place
from fetcher.state.presence import Presence
from fetcher.state.run_queue import Queue, is_outranked, refresh, renew, state_of
from fetcher.state.task import PENDING, Task

_LOOK_EVERY_S = 2.0
"""How often a run looks whether somebody cancelled it, or something else goes first."""


@attrs.frozen
class Crawl:
    """What the runs of one sync share."""

    desk: Desk
    queue: Queue
    presence: Presence
    owner: str
    concurrency: int
    report: Report
    leads: dict[tuple[str, str], dict[bytes, Params]] = attrs.field(factory=dict)
    """Per epoch and listing, the requests that listings before it lead to."""
    synced: set[str] = attrs.field(factory=set)
    """The runs of this sync."""
    only: set[str] | None = None
    """The runs that are worked on; None: whatever is in the queue."""
    stopping: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set: take nothing more on, finish the page."""
    terms: Terms = attrs.field(factory=terms_here)
    """When pages are taken apart by processes of their own."""
    is_sync_due: Callable[[], bool] = lambda: False
    """Whether runs of lower priority make room for a sync now."""


@attrs.define
class Run:
    """One run under way."""

    crawl: Crawl
    task: Task
    listing: Listing | None
    """None: a single request, or a listing asked for by its URL."""
    endpoint: Endpoint
    told: ListingReport
    followers: tuple[Listing, ...] = ()
    """The listings that wait for what this run finds."""
    expected: int | None = None
    stop: str | None = None
    """Why nothing more is asked."""
    is_broken: bool = False
    """Whether something of it was given up: it can be retried."""
    looked_at: float = 0.0
    underway: int = 0
    """Entities that have come and are not durable yet."""
    behind: deque[asyncio.Task[None]] | None = None
    """Of a walk, the pages that are being made durable, oldest first."""
    splitting: Splitting | None = None
    """Of a walk, the processes that take its pages apart."""
    turn: Turn | None = None
    """Of the page that was gone ahead of last."""
    mistaken: Mistaken | None = None
    """What the walk has to go back to."""
    mistakes: int = 0
    """How often it went back."""
    yields: bool = False
    """Whether something of higher priority goes first."""
    has_met_known: bool = False
    """Whether the last page held nothing new, where only what is new was asked for."""
    met: dict[str, dict[str, None]] = attrs.field(factory=dict)
    """Per parameter of a partition, the values that entities of the walk named."""

    def place(self, params: Params, page_no: int | None) -> Place:
        """Where the answer to a request belongs."""
        return Place(
            run=self.task.run,
            epoch=self.task.epoch,
            scope=self.endpoint.scope(params),
            page_no=page_no,
        )

    def tell(self, told: ListingReport) -> None:
        """Note what happened, and report it."""
        self.told = told
        source = self.crawl.desk.source.name
        self.crawl.report(Progress(source, self.told, self.expected))

    def end(self, why: str) -> None:
        """Ask nothing more, for this reason."""
        self.stop = why
        self.tell(attrs.evolve(self.told, why=why))

    def ended_silently(self) -> bool:
        """Whether as much came as upstream ever gives: then the end was none."""
        most = self.listing.ends_silently_at if self.listing else None
        return most is not None and self.told.entities >= 0.99 * most

    def meet(self, params: Params, entities: Iterable[Entity]) -> None:
        """Note the values by which the walk could be cut, where nothing else is left for it."""
        for each in self.listing.partitions if self.listing else ():
            if each.met is None:
                if len(tuple(each.narrower(params))) > 1:
                    return
            elif each.met is not None and each.param not in params:
                values = self.met.setdefault(each.param, {})
                for entity in entities:
                    values.update(dict.fromkeys(each.met(entity)))

    def look_round(self) -> str:
        """The state that others gave the run meanwhile. Now and then; renews the claim."""
        return look_round(self)

    def is_full(self) -> bool:
        """Whether the run has as many entities as it was asked for."""
        target, got = self.task.target, self.told.entities + self.underway
        return target is not None and got >= target

    def is_paused(self) -> bool:
        """Whether the run is left as it is, to be gone on with later."""
        return self.yields or self.crawl.stopping.is_set()


def is_patient(crawl: Crawl, task: Task) -> bool:
    """Whether a run waits in the queue for the next budget: people asked for it, no schedule."""
    return task.run not in crawl.synced and task.priority < SYNC_PRIORITY


async def say_end(run: Run, state: str, *, partial: bool) -> None:
    """Put the end of a run into the log."""
    told = run.told
    members = {
        "state": state,
        "listing": told.listing,
        "pages": told.pages,
        "entities": told.entities,
        "partial": partial or None,
        "why": told.why,
    }
    draft = Draft(
        kind=RUN,
        run=told.run,
        epoch=run.task.epoch,
        endpoint=run.endpoint.path,
        members=members,
    )
    await record(run.crawl.desk.journal, of_drafts(draft))


def look_round(run: Run) -> str:
    """The state that others gave the run meanwhile. Now and then; renews the claim."""
    now_s = asyncio.get_running_loop().time()
    if now_s - run.looked_at < _LOOK_EVERY_S:
        return PENDING
    run.looked_at = now_s
    crawl, task = run.crawl, run.task
    refresh(crawl.queue)
    renew(crawl.queue, task.run, crawl.owner, crawl.desk.clock())
    is_due = crawl.is_sync_due() and task.priority < SYNC_PRIORITY
    run.yields = is_due or (crawl.only is None and is_outranked(crawl.queue, task))
    return state_of(crawl.queue, task.run)
