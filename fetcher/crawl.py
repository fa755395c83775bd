"""Crawling: one run, from where it stands to its end.

    run created ── page 1 ── page 2 … page k (`last`) ── run completed
                     │ durable before the next is asked for

A walk follows page cursors; a fan asks one question for each entity that earlier
listings found. A run that was interrupted goes on at the page after its last durable
one, or with the questions that have no answer in the log yet.
"""

import asyncio
from collections.abc import Sequence

import attrs

from fetcher.journal import page_build, record
from fetcher.leads import followers, lead_on, missing_origins, requests_of
from fetcher.observe import Observed, Place
from fetcher.queue import refresh, release
from fetcher.report import ListingReport
from fetcher.request import Answered, GivenUp, ask
from fetcher.run import Crawl, Run, look_round, request_name, say_end
from fetcher.source import Listing, Page, Params, match_url, no_paging, url_of
from fetcher.task import CANCELLED, COMPLETED, FAILED, Task

PARTIAL = "partial"
PAUSED = "paused"


async def crawl_task(crawl: Crawl, task: Task) -> ListingReport:
    """Work on a run until its end, or until `stopping`. Raises only for this machine's faults."""
    run, params = _begin(crawl, task)
    if run.listing is not None and run.listing.follows:
        missing = missing_origins(crawl, task, run.listing)
        await _fan(run, requests_of(crawl, task, run.listing))
        if missing and run.stop is None:
            run.is_broken = True
            _stop(run, f"{', '.join(missing)} did not come whole: not all is known to ask for")
    elif params is not None:
        await _walk(run, params)
    await _finish(run)
    refresh(crawl.queue)
    release(crawl.queue, task.run)
    return run.told


def _begin(crawl: Crawl, task: Task) -> tuple[Run, Params | None]:
    """The run, and what it asks first; None where its last page is there already."""
    desk = crawl.desk
    waiting = followers(crawl, task)
    listing = _listing(crawl, task.listing)
    told = ListingReport(
        listing=task.listing, run=task.run, pages=task.pages, entities=task.entities
    )
    if task.url is not None:
        endpoint, params = match_url(desk.source, desk.client.base_url, task.url)
        return Run(crawl, task, listing, endpoint, told, waiting), params
    path = listing.path if listing else desk.source.endpoints[0].path
    return Run(crawl, task, listing, desk.source.endpoint(path), told, waiting), None


def _listing(crawl: Crawl, name: str) -> Listing | None:
    return next((each for each in crawl.desk.source.listings if each.name == name), None)


async def _finish(run: Run) -> None:
    """Say how the run ended; nothing where it only paused."""
    if run.is_paused() and run.stop is None:
        run.tell(attrs.evolve(run.told, state=PAUSED))
        return
    if run.stop == CANCELLED:
        run.tell(attrs.evolve(run.told, state=CANCELLED))
        return
    state = _state(run)
    run.tell(attrs.evolve(run.told, state=state))
    await say_end(run, FAILED if run.is_broken else COMPLETED, partial=state == PARTIAL)


def _state(run: Run) -> str:
    if run.told.failures == 0 and (run.stop is None or run.is_full()):
        return COMPLETED
    return PARTIAL if run.told.pages else FAILED


async def _walk(run: Run, params: Params) -> None:
    """Follow page cursors to the end.

    While a page is made durable the next may be under way; but it is nobody's state, and
    nothing of it is written, before the page is.
    """
    asked: set[bytes] = set()
    page_no = run.task.page_no + 1
    try:
        while not _is_over(run) or run.has_landed():
            asked.add(request_name(params))
            page = await _one(run, params, page_no, asked)
            if page is None or page.next is None:
                _end(run, page, page_no)
                return
            params = {**params, **page.next}
            page_no += 1
            if request_name(params) in asked:
                _stop(run, f"page {page_no} was asked for before: the page cursor repeats")
    finally:
        await _let_go(run)


async def _let_go(run: Run) -> None:
    """Give up the request that is under way."""
    if run.ahead is not None:
        run.ahead.cancel()
        await asyncio.wait([run.ahead])
        run.ahead = None


def _go_ahead(run: Run, params: Params, page: Page, page_no: int, asked: set[bytes]) -> None:
    """Ask for the page after this one, where it is clear that it will be wanted."""
    if page.next is None or run.stop is not None or run.is_paused():
        return
    onward = {**params, **page.next}
    if request_name(onward) not in asked:
        place = run.place(onward, page_no + 1)
        run.ahead = asyncio.create_task(ask(run.crawl.desk, place, run.endpoint, onward))


def _is_over(run: Run) -> bool:
    """Whether nothing more is asked."""
    if run.stop is None and run.is_full():
        _stop(run, f"limit of {run.task.target} reached")
    if run.stop is None and look_round(run) == CANCELLED:
        _stop(run, CANCELLED)
    return run.stop is not None or run.is_paused()


def _end(run: Run, page: Page | None, page_no: int) -> None:
    """Say so where the last page was not the end."""
    most = run.listing.ends_silently_at if run.listing else None
    if run.endpoint.continues is None:
        return
    if page is None:
        run.is_broken = True
        _stop(run, run.told.why or "no answer")
    elif not page.is_end:
        _stop(run, f"page {page_no} has no next page, and does not look like the end")
    elif most is not None and run.told.entities >= 0.99 * most:
        _stop(run, f"ended near {most} entities, where upstream stops without saying so")


def _stop(run: Run, why: str) -> None:
    run.stop = why
    run.tell(attrs.evolve(run.told, why=why))


async def _fan(run: Run, requests: Sequence[Params]) -> None:
    """Ask for each, `concurrency` at a time."""
    run.expected = run.told.pages + len(requests)
    waiting = iter(requests)

    async def work() -> None:
        for params in waiting:
            if _is_over(run):
                return
            await _one(run, params, 1)

    workers = [asyncio.create_task(work()) for _ in range(max(1, run.crawl.concurrency))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _one(
    run: Run, params: Params, page_no: int, asked: set[bytes] | None = None
) -> Page | None:
    """One page, durable when this returns; what follows it. None: nothing, it was no answer.

    `asked`: of a walk, which may go ahead to a page that was not asked for yet.
    """
    desk = run.crawl.desk
    numbered = page_no if run.endpoint.continues is not None else None
    place = run.place(params, numbered)
    ahead, run.ahead = run.ahead, None
    found = await (ahead or ask(desk, place, run.endpoint, params))
    if isinstance(found, GivenUp):
        _fail(run, found)
        return None
    if not 200 <= found.response.status < 300:
        await _record(run, found, attrs.evolve(place, page_no=None))
        if run.listing is None or not run.listing.follows:
            run.tell(attrs.evolve(run.told, why=f"status {found.response.status}"))
        return None
    count = len(found.parts.entities)
    page = (run.endpoint.continues or no_paging)(found.parts.envelope, params, count)
    if asked is not None and not run.is_full(count):
        _go_ahead(run, params, page, page_no, asked)
    await _record(run, found, _onward(run, place, params, page))
    return page


def _onward(run: Run, place: Place, params: Params, page: Page) -> Place:
    """The place with what is asked next: the state of the run, should it end here."""
    if page.next is None:
        return attrs.evolve(place, is_last=page.is_end and place.page_no is not None)
    base_url = run.crawl.desk.client.base_url
    return attrs.evolve(
        place, next_url=url_of(base_url, run.endpoint.path, {**params, **page.next})
    )


def _fail(run: Run, found: GivenUp) -> None:
    why = f"{found.error_class}: {found.what}"
    run.is_broken = True
    run.tell(attrs.evolve(run.told, failures=run.told.failures + 1, why=why))
    if found.stops_run:
        _stop(run, why)
    elif run.crawl.desk.reach.is_down:
        _stop(run, f"{why}; {run.crawl.desk.reach.in_a_row} requests in a row: the host is down")


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
    lead_on(run, found.parts.entities)
