"""Crawling: one run, from where it stands to its end.

    run created ── page 1 ── page 2 … page k (`last`) ── run completed
                     │ durable before the next is asked for

A walk follows page cursors; a fan asks one question for each entity that earlier
listings found, or that is missed. A run that was interrupted goes on at the page after
its last durable one, or with the questions that have no answer in the log yet.
"""

import asyncio
from collections.abc import Sequence

import attrs

from eventlog.errors import Invalid
from fetcher.crawl.context import Crawl, Run, say_end
from fetcher.crawl.follow_ups import followers, missing_origins, requests_of
from fetcher.crawl.page import give_up, one
from fetcher.crawl.pagination import is_over, walk
from fetcher.crawl.report import ListingReport
from fetcher.crawl.request import GivenUp
from fetcher.record.journal import of_drafts, record
from fetcher.record.run_events import decided
from fetcher.record.tombstones import gone
from fetcher.source import Listing, Params, match_url
from fetcher.state.presence import keep_up
from fetcher.state.run_queue import refresh, release
from fetcher.state.task import CANCELLED, COMPLETED, FAILED, Task

PARTIAL = "partial"
PAUSED = "paused"


async def crawl_task(crawl: Crawl, task: Task) -> ListingReport:
    """Work on a run until its end, or until `stopping`. Raises only for this machine's faults."""
    try:
        run, params = _begin(crawl, task)
    except Invalid as error:  # an address of another configuration: the other runs go on
        return await _refuse(crawl, task, error.what)
    keep_up(crawl.presence)
    if run.listing is not None and run.listing.is_led:
        await _fan_out(run, run.listing)
    elif params is not None:
        await walk(run, params)
    elif run.ended_silently():
        run.end("interrupted where it ended, near the most that upstream gives")
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


async def _refuse(crawl: Crawl, task: Task, why: str) -> ListingReport:
    """A run that cannot be worked on fails."""
    await record(crawl.desk.journal, of_drafts(decided(task, FAILED, why)))
    refresh(crawl.queue)
    release(crawl.queue, task.run)
    return ListingReport(listing=task.listing, run=task.run, state=FAILED, why=why)


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
    is_enough = run.stop is None or run.is_full() or run.has_met_known
    if run.told.failures == 0 and is_enough:
        return COMPLETED
    return PARTIAL if run.told.pages else FAILED


async def _fan_out(run: Run, listing: Listing) -> None:
    """Ask what a listing is led to, and say what that cannot cover."""
    crawl, task = run.crawl, run.task
    missing = missing_origins(crawl, task, listing)
    await _fan(run, requests_of(crawl, task, listing))
    if missing and run.stop is None:
        run.is_broken = True
        run.end(f"{', '.join(missing)} did not come whole: not all is known to ask for")
    if listing.probe is not None:
        found = gone(crawl.presence, listing.probe, task.run, task.epoch)
        if found:
            await record(crawl.desk.journal, of_drafts(*found))


async def _fan(run: Run, requests: Sequence[Params]) -> None:
    """Ask for each, `concurrency` at a time."""
    run.expected = run.told.pages + len(requests)
    waiting = iter(requests)

    async def work() -> None:
        for params in waiting:
            if is_over(run):
                return
            found = await one(run, params, 1)
            if isinstance(found, GivenUp):
                run.is_broken = True
                await give_up(run, found)

    workers = [asyncio.create_task(work()) for _ in range(max(1, run.crawl.concurrency))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
