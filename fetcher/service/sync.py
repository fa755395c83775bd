"""Syncs: crawl every listing of a source once, all under one epoch."""

import asyncio
from collections.abc import Sequence

import attrs

from eventlog.clock import epoch_of
from eventlog.write.writer import append_heartbeat
from fetcher.crawl.active_run import Crawl, waits_for_budget
from fetcher.crawl.report import ListingReport, OnProgress, RunReport, ignore_progress
from fetcher.crawl.run_task import crawl_task
from fetcher.listing_params import param_sets
from fetcher.net.outage import OnOutage, ignore_outage
from fetcher.record.journal import append_batch, batch_of
from fetcher.record.run_events import created_event, new_run_id
from fetcher.service.open_crawl import NO_BOUNDS, Crawler, SyncBounds, Upstream, open_crawl
from fetcher.source import Listing, Source, url_of
from fetcher.state.run_queue import claim_task, refresh_queue, release_lease
from fetcher.state.task import Task


async def run_once(
    crawler: Crawler,
    upstream: Upstream,
    bounds: SyncBounds = NO_BOUNDS,
    *,
    on_progress: OnProgress = ignore_progress,
    stopping: asyncio.Event | None = None,
    on_outage: OnOutage = ignore_outage,
) -> RunReport:
    """Performs one sync; everything fetched is durable when this returns.

    Unless it has a `limit`, it also works on the other runs in the queue: on those that queue
    commands created, and on those that were interrupted. Backfills wait for the service.
    Once `stopping` is set, the current page is completed and the remaining runs stay in the
    queue. Failures of the upstream never raise: they are in the report and in the log.
    Raises `Locked`, `LocalResource` or `Corrupt`.
    """
    source = upstream.source
    listings = plan_listings(source, bounds)
    async with open_crawl(crawler, upstream, bounds, on_progress, on_outage) as crawl:
        epoch = epoch_of(crawler.now())
        runs = await create_runs(crawl, listings, epoch, bounds.limit)
        crawl = attrs.evolve(
            crawl,
            selected_runs=None if bounds.limit is None else runs,
            min_priority=0,
            stopping=stopping or crawl.stopping,
        )
        reports = await drain(crawl)
        append_heartbeat(crawl.context.journal.stream)
    return RunReport(source.name, epoch, reports)


def select_listings(source: Source, names: Sequence[str] | None) -> tuple[Listing, ...]:
    """Returns the named listings and those that they follow, in the order of a sync.

    None selects the listings that are synced by default. Raises `Invalid` for an unknown
    name.
    """
    if names is None:
        return tuple(listing for listing in source.listings if listing.by_default)
    selected = {source.listing(name).name for name in names}
    for listing in reversed(source.listings):
        if listing.name in selected:
            selected.update(follow.listing for follow in listing.follow_ups)
    return tuple(listing for listing in source.listings if listing.name in selected)


def plan_listings(source: Source, bounds: SyncBounds) -> tuple[Listing, ...]:
    """Returns a listing for each run of a sync, with its parameters. Raises `Invalid`."""
    return tuple(
        attrs.evolve(listing, params=params)
        for listing in select_listings(source, bounds.listings)
        for params in param_sets(listing.params, bounds.params.get(listing.name, {}))
    )


async def create_runs(
    crawl: Crawl,
    listings: Sequence[Listing],
    epoch: str,
    limit: int | None,
    priority: int = 0,
) -> set[str]:
    """Puts one run per listing into the queue and returns their ids."""
    context = crawl.context
    runs: set[str] = set()
    for listing in listings:
        url = (
            None
            if listing.has_derived_requests
            else url_of(context.client.base_url, listing.path, listing.params)
        )
        run = new_run_id(epoch, listing.name)
        task = Task(
            run=run, listing=listing.name, epoch=epoch, url=url, target=limit, priority=priority
        )
        await append_batch(
            context.journal, batch_of(created_event(task, listing.path, listing.params))
        )
        runs.add(run)
    refresh_queue(crawl.queue)
    crawl.sync_runs.update(runs)
    return runs


async def drain(crawl: Crawl) -> tuple[ListingReport, ...]:
    """Works on the queue until it is empty, `stopping` is set, or a sync is due.

    Without budget for further requests, the runs that only the queue commands created stay
    in the queue. Returns the last report of each run.
    """
    reports: dict[str, ListingReport] = {}
    while not crawl.stopping.is_set() and not crawl.is_sync_due():
        now, lowest = crawl.context.clock(), crawl.min_priority
        task = claim_task(crawl.queue, crawl.owner, now, crawl.selected_runs, lowest)
        if task is None:
            break
        if not crawl.context.budget.has_left and waits_for_budget(crawl, task):
            release_lease(crawl.queue, task.run)
            break
        reports[task.run] = await crawl_task(crawl, task)
    return tuple(reports.values())
