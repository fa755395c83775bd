"""Works on one run of the queue, from its current page to its end.

    run created ── page 1 ── page 2 … page k (`last`) ── run completed

A listing is paginated by page cursors. A follow-up listing sends one request per entity
that earlier listings found; a probing listing, one per missing entity. An interrupted run
continues at the page after its last durable one, or with the requests that have no answer
in the log yet.
"""

import asyncio
from collections.abc import Sequence

import attrs

from eventlog.errors import Invalid
from fetcher.crawl.active_run import ActiveRun, Crawl, record_end
from fetcher.crawl.follow_ups import (
    begin_collecting,
    failed_origins,
    find_followers,
    pending_requests,
)
from fetcher.crawl.page import fetch_page, record_failure
from fetcher.crawl.pagination.backfill import queue_followers
from fetcher.crawl.pagination.paginate import must_stop, paginate
from fetcher.crawl.report import ListingReport
from fetcher.crawl.request import GivenUp
from fetcher.record.journal import append_batch, batch_of
from fetcher.record.run_events import decided_event
from fetcher.record.tombstones import gone_events
from fetcher.source import Listing, Params, match_url
from fetcher.state.omissions import read_omissions
from fetcher.state.presence import refresh_presence
from fetcher.state.priority import is_backfill
from fetcher.state.run_queue import refresh_queue, release_lease
from fetcher.state.task import CANCELLED, COMPLETED, FAILED, Task

PARTIAL = "partial"
PAUSED = "paused"


async def crawl_task(crawl: Crawl, task: Task) -> ListingReport:
    """Works on a run until its end or until `stopping` is set; returns its report.

    Raises only for faults of this machine (`LocalResource`, `Corrupt`).
    """
    try:
        run, params = _begin(crawl, task)
    except Invalid as error:  # the URL belongs to another base URL: the other runs continue
        return await _reject(crawl, task, error.what)
    refresh_presence(crawl.presence)
    if run.listing is not None and run.listing.has_derived_requests:
        await _fan_out(run, run.listing)
    elif params is not None:
        await paginate(run, params)
    elif run.has_silent_end():
        run.end("interrupted near its end, where the upstream cuts the listing off")
    await _finish(run)
    refresh_queue(crawl.queue)
    release_lease(crawl.queue, task.run)
    return run.report


def _begin(crawl: Crawl, task: Task) -> tuple[ActiveRun, Params | None]:
    """Returns the run and its next parameters; None if its last page is already durable."""
    context = crawl.context
    followers = find_followers(crawl, task)
    begin_collecting(crawl, task, followers)
    listing = _listing(crawl, task.listing)
    report = _report_so_far(crawl, task, listing)
    if task.url is not None:
        endpoint, params = match_url(context.source, context.client.base_url, task.url)
        return ActiveRun(crawl, task, listing, endpoint, report, followers), params
    path = listing.path if listing else context.source.endpoints[0].path
    endpoint = context.source.endpoint(path)
    return ActiveRun(crawl, task, listing, endpoint, report, followers), None


def _report_so_far(crawl: Crawl, task: Task, listing: Listing | None) -> ListingReport:
    """Returns the report of a run as of its events; in a new run everything is zero."""
    report = ListingReport(
        listing=task.listing, run=task.run, pages=task.pages, entities=task.entities
    )
    if not task.pages:
        return report
    omissions = read_omissions(crawl.queue.root, crawl.queue.source, task)
    requests_again = listing is not None and listing.has_derived_requests
    return attrs.evolve(
        report,
        failures=0 if requests_again else omissions.skipped,
        doubtful=omissions.doubtful,
        why=omissions.why,
    )


async def _reject(crawl: Crawl, task: Task, why: str) -> ListingReport:
    """Records that a run cannot be worked on."""
    await append_batch(crawl.context.journal, batch_of(decided_event(task, FAILED, why)))
    refresh_queue(crawl.queue)
    release_lease(crawl.queue, task.run)
    return ListingReport(listing=task.listing, run=task.run, state=FAILED, why=why)


def _listing(crawl: Crawl, name: str) -> Listing | None:
    listings = crawl.context.source.listings
    return next((listing for listing in listings if listing.name == name), None)


async def _finish(run: ActiveRun) -> None:
    """Records how the run ended, unless it only paused or was cancelled."""
    if run.is_paused() and run.stop_reason is None:
        run.publish(attrs.evolve(run.report, state=PAUSED))
        return
    if run.stop_reason == CANCELLED:
        run.publish(attrs.evolve(run.report, state=CANCELLED))
        return
    state = _final_state(run)
    run.publish(attrs.evolve(run.report, state=state))
    if is_backfill(run.task) and not run.has_failed:
        await queue_followers(run)
    await record_end(run, FAILED if run.has_failed else COMPLETED, partial=state == PARTIAL)


def _final_state(run: ActiveRun) -> str:
    has_reached_end = (
        run.stop_reason is None
        or run.has_reached_target()
        or run.has_reached_known
        or run.leaves_rest
    )
    if run.report.failures == run.report.doubtful == 0 and has_reached_end:
        return COMPLETED
    return PARTIAL if run.report.pages else FAILED


async def _fan_out(run: ActiveRun, listing: Listing) -> None:
    """Sends the follow-up requests or probes of a listing; records confirmed tombstones."""
    crawl, task = run.crawl, run.task
    failed = failed_origins(crawl, task, listing)
    await _send_all(run, pending_requests(crawl, task, listing))
    if failed and run.stop_reason is None:
        run.has_failed = True
        run.end(f"{', '.join(failed)} failed: the requests derived from it are incomplete")
    if listing.probe is not None:
        tombstones = gone_events(crawl.presence, listing.probe, task.run, task.epoch)
        if tombstones:
            await append_batch(crawl.context.journal, batch_of(*tombstones))


async def _send_all(run: ActiveRun, requests: Sequence[Params]) -> None:
    """Sends each request, at most `concurrency` at a time."""
    run.expected = run.report.pages + len(requests)
    waiting = iter(requests)

    async def work() -> None:
        for params in waiting:
            if must_stop(run):
                return
            outcome = await fetch_page(run, params, 1)
            if isinstance(outcome, GivenUp):
                run.has_failed = True
                await record_failure(run, outcome)

    workers = [asyncio.create_task(work()) for _ in range(max(1, run.crawl.concurrency))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
