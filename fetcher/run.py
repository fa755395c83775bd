"""Runs: what the runs of a sync share, and what each says into the log."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from os import urandom

import attrs
import orjson

from eventlog.event import RUN, Draft
from fetcher.journal import of_drafts, record
from fetcher.observe import Place
from fetcher.queue import Queue, is_outranked, refresh, renew, state_of
from fetcher.report import ListingReport, Progress, Report
from fetcher.request import Answered, Desk, GivenUp
from fetcher.source import Endpoint, Listing, Params
from fetcher.task import CREATED, PENDING, Task

SYNC_PRIORITY = 100
"""Of runs that a schedule makes."""
_LOOK_EVERY_S = 2.0
"""How often a run looks whether somebody cancelled it, or something else goes first."""


@attrs.frozen
class Crawl:
    """What the runs of one sync share."""

    desk: Desk
    queue: Queue
    owner: str
    concurrency: int
    report: Report
    leads: dict[tuple[str, str], dict[bytes, Params]] = attrs.field(factory=dict)
    """Per epoch and listing, the requests that listings before it lead to."""
    only: frozenset[str] | None = None
    """The runs that are worked on; None: whatever is in the queue."""
    stopping: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set: take nothing more on, finish the page."""
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
    ahead: asyncio.Task[Answered | GivenUp] | None = None
    """The request for the page after the one that is being made durable."""
    yields: bool = False
    """Whether something of higher priority goes first."""

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

    def is_full(self, more: int = 0) -> bool:
        """Whether the run has as many entities as it was asked for, with so many more."""
        return self.task.target is not None and self.told.entities + more >= self.task.target

    def has_landed(self) -> bool:
        """Whether the answer asked for ahead is there: it is kept, also where the run ends."""
        return self.ahead is not None and self.ahead.done()

    def is_paused(self) -> bool:
        """Whether the run is left as it is, to be gone on with later."""
        return self.yields or self.crawl.stopping.is_set()


def new_run_id(epoch: str, listing: str) -> str:
    """A name for a run that nobody has: its slot, its listing, and chance."""
    return f"{epoch}.{listing}.{urandom(4).hex()}"


def request_name(params: Params) -> bytes:
    """What tells the requests to one endpoint apart."""
    return sha256(orjson.dumps(sorted(params.items()))).digest()


def created(task: Task, endpoint: str, params: Params) -> Draft:
    """The event that puts a run into the queue."""
    members = {
        "state": CREATED,
        "listing": task.listing,
        "url": task.url,
        "priority": task.priority or None,
        "target": task.target,
    }
    return Draft(
        kind=RUN,
        run=task.run,
        epoch=task.epoch,
        endpoint=endpoint,
        params=params,
        members=members,
    )


def decided(task: Task, state: str, why: str | None = None) -> Draft:
    """The event that gives a run another state, from outside."""
    members = {"state": state, "listing": task.listing, "why": why}
    return Draft(kind=RUN, run=task.run, epoch=task.epoch, members=members)


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
