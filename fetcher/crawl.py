"""Crawling: one run, from its first page to its end.

    run created ── page 1 ── page 2 … page k (`last`) ── run completed
                     │ durable before the next is asked for

A walk follows page cursors; a fan asks one question for each entity that earlier
listings found. Both leave a `run` event at each end that says what they covered.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from os import urandom

import attrs
import orjson

from eventlog.event import RUN, Draft
from fetcher.journal import of_drafts, page_build, record
from fetcher.observe import Observed, Place
from fetcher.report import ListingReport, Progress, Report
from fetcher.request import Answered, Desk, GivenUp, ask
from fetcher.source import Endpoint, Listing, Page, Params, no_paging

COMPLETED, PARTIAL, FAILED = "completed", "partial", "failed"


@attrs.frozen
class Crawl:
    """What the runs of one sync share."""

    desk: Desk
    epoch: str
    concurrency: int
    limit: int | None
    """Most entities of a listing."""
    report: Report
    leads: dict[str, dict[bytes, Params]] = attrs.field(factory=dict)
    """Per listing, the requests that earlier listings lead to."""


@attrs.define
class Run:
    """One run under way."""

    crawl: Crawl
    listing: Listing
    endpoint: Endpoint
    told: ListingReport
    expected: int | None = None
    stop: str | None = None
    """Why nothing more is asked."""

    def place(self, params: Params, page_no: int | None) -> Place:
        """Where the answer to a request belongs."""
        return Place(
            run=self.told.run,
            epoch=self.crawl.epoch,
            scope=self.endpoint.scope(params),
            page_no=page_no,
        )

    def tell(self, told: ListingReport) -> None:
        """Note what happened, and report it."""
        self.told = told
        source = self.crawl.desk.source.name
        self.crawl.report(Progress(source, self.told, self.expected))

    def is_full(self) -> bool:
        """Whether the run has as many entities as it was asked for."""
        limit = self.crawl.limit
        return limit is not None and self.told.entities >= limit


def new_run_id(epoch: str, listing: str) -> str:
    """A name for a run that nobody has: its slot, its listing, and chance."""
    return f"{epoch}.{listing}.{urandom(4).hex()}"


async def crawl_listing(crawl: Crawl, listing: Listing) -> ListingReport:
    """One run of a listing. Raises only for this machine's faults."""
    endpoint = crawl.desk.source.endpoint(listing.path)
    told = ListingReport(listing=listing.name, run=new_run_id(crawl.epoch, listing.name))
    run = Run(crawl, listing, endpoint, told)
    await _say(run, "created")
    if listing.follows:
        await _fan(run, list(crawl.leads.get(listing.name, {}).values()))
    else:
        await _walk(run, listing.params)
    run.tell(attrs.evolve(run.told, state=_state(run)))
    await _say(run, "failed" if run.told.state == FAILED else "completed")
    return run.told


def _state(run: Run) -> str:
    if run.told.failures == 0 and (run.stop is None or run.is_full()):
        return COMPLETED
    return PARTIAL if run.told.pages else FAILED


async def _say(run: Run, state: str) -> None:
    """Put a transition of the run into the log."""
    told = run.told
    ended = state != "created"
    members = {
        "state": state,
        "listing": told.listing,
        "pages": told.pages if ended else None,
        "entities": told.entities if ended else None,
        "partial": True if told.state == PARTIAL else None,
        "why": told.why,
    }
    draft = Draft(
        kind=RUN,
        run=told.run,
        epoch=run.crawl.epoch,
        endpoint=run.listing.path,
        params=run.listing.params,
        members=members,
    )
    await record(run.crawl.desk.journal, of_drafts(draft))


async def _walk(run: Run, params: Params) -> None:
    """Follow page cursors to the end."""
    asked: set[bytes] = set()
    page_no = 1
    while run.stop is None:
        asked.add(_name(params))
        page = await _one(run, params, page_no)
        if page is None or page.next is None:
            _end(run, page, page_no)
            return
        params = {**params, **page.next}
        page_no += 1
        if _name(params) in asked:
            _stop(run, f"page {page_no} was asked for before: the page cursor repeats")
        elif run.is_full():
            _stop(run, f"limit of {run.crawl.limit} reached")


def _end(run: Run, page: Page | None, page_no: int) -> None:
    """Say so where the last page was not the end."""
    most = run.listing.ends_silently_at
    if page is None:
        _stop(run, run.told.why or "no answer")
    elif not page.is_end:
        _stop(run, f"page {page_no} has no next page, and does not look like the end")
    elif most is not None and run.told.entities >= 0.99 * most:
        _stop(run, f"ended near {most} entities, where upstream stops without saying so")


def _name(params: Params) -> bytes:
    return sha256(orjson.dumps(sorted(params.items()))).digest()


def _stop(run: Run, why: str) -> None:
    run.stop = why
    run.tell(attrs.evolve(run.told, why=why))


async def _fan(run: Run, requests: Sequence[Params]) -> None:
    """Ask for each, `concurrency` at a time."""
    run.expected = len(requests)
    waiting = iter(requests)

    async def work() -> None:
        for params in waiting:
            if run.stop is not None:
                return
            if run.is_full():
                _stop(run, f"limit of {run.crawl.limit} reached")
                return
            await _one(run, params, 1)

    workers = [asyncio.create_task(work()) for _ in range(max(1, run.crawl.concurrency))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _one(run: Run, params: Params, page_no: int) -> Page | None:
    """One page, durable when this returns; what follows it. None: nothing, it was no answer."""
    desk = run.crawl.desk
    numbered = page_no if run.endpoint.continues is not None else None
    place = run.place(params, numbered)
    found = await ask(desk, place, run.endpoint, params)
    if isinstance(found, GivenUp):
        _fail(run, found)
        return None
    if not 200 <= found.response.status < 300:
        await _record(run, found, attrs.evolve(place, page_no=None))
        if not run.listing.follows:
            run.tell(attrs.evolve(run.told, why=f"status {found.response.status}"))
        return None
    count = len(found.parts.entities)
    page = (run.endpoint.continues or no_paging)(found.parts.envelope, params, count)
    is_last = page.is_end and numbered is not None
    await _record(run, found, attrs.evolve(place, next_url=page.next_url, is_last=is_last))
    return page


def _fail(run: Run, found: GivenUp) -> None:
    why = f"{found.error_class}: {found.what}"
    run.tell(attrs.evolve(run.told, failures=run.told.failures + 1, why=why))
    if found.stops_run:
        _stop(run, why)


async def _record(run: Run, found: Answered, place: Place) -> None:
    desk = run.crawl.desk
    result: list[Observed] = []
    await record(
        desk.journal, page_build(desk.journal, found.response, place, found.parts, result.append)
    )
    top = sum("*" not in entity.pointer for entity in found.parts.entities)
    told = attrs.evolve(
        run.told,
        pages=run.told.pages + 1,
        entities=run.told.entities + top,
        stored=run.told.stored + result[-1].stored,
        unchanged=run.told.unchanged + result[-1].unchanged,
        anomalies=run.told.anomalies + len(found.parts.misfits),
    )
    run.tell(told)
    _lead_on(run, found)


def _lead_on(run: Run, found: Answered) -> None:
    """Note the requests that these entities lead to."""
    for listing in run.crawl.desk.source.listings:
        for follow in listing.follows:
            if follow.listing != run.listing.name:
                continue
            leads = run.crawl.leads.setdefault(listing.name, {})
            for entity in found.parts.entities:
                params = follow.params(entity) if entity.type == follow.type else None
                if params is not None:
                    leads.setdefault(_name(params), params)
