"""The service: performs syncs by schedule and works on the queue between them.

    slot due ──> one run per listing ──> queue ──> crawled page by page
    `hindlog fetch add` ───────────────────┘

Syncs never overlap: a slot that is due while the previous sync is in progress is skipped
and reported. After a stop or a crash, the service continues with the unfinished runs.
"""

import asyncio
from collections.abc import Callable

import attrs

from eventlog.clock import SECOND, epoch_of
from eventlog.write.writer import roll_and_heartbeat
from fetcher.crawl.active_run import CHECK_S, Crawl
from fetcher.crawl.report import ListingReport, OnProgress, ignore_progress
from fetcher.net.outage import OnOutage, ignore_outage
from fetcher.service.open_crawl import NO_BOUNDS, Crawler, SyncBounds, Upstream, open_crawl
from fetcher.service.schedule import count_missed_slots, delay_us, next_slot
from fetcher.service.sync import create_runs, drain, plan_listings
from fetcher.state.priority import SYNC_PRIORITY, is_of_sync
from fetcher.state.run_queue import list_tasks, refresh_queue
from fetcher.state.task import PENDING, RUNNING

_POLL_S = 1.0
_JITTER_S = 30.0

Announce = Callable[[str], None]
"""Prints one line of text for the operator."""


@attrs.frozen(kw_only=True)
class ServicePlan:
    """Schedule of a service, and the bounds of its syncs."""

    schedule: str
    """Cron expression, in UTC."""
    bounds: SyncBounds = NO_BOUNDS
    jitter_s: float = _JITTER_S
    """Maximum random delay of a sync after its slot."""
    poll_s: float = _POLL_S
    """Maximum pause before the queue is read again."""
    check_s: float = CHECK_S
    """Least pause after which a run in progress checks whether it must end or yield."""


async def run_service(
    crawler: Crawler,
    upstream: Upstream,
    plan: ServicePlan,
    *,
    stopping: asyncio.Event,
    on_progress: OnProgress = ignore_progress,
    announce: Announce = lambda line: None,
    on_outage: OnOutage = ignore_outage,
) -> tuple[ListingReport, ...]:
    """Serves one source until `stopping` is set, then completes the current page.

    Returns the reports of the runs it worked on, in order.
    """
    opened = open_crawl(crawler, upstream, plan.bounds, on_progress, on_outage)
    async with opened as crawl:
        due = _first_due(crawl, plan, announce)
        crawl = attrs.evolve(
            crawl,
            stopping=stopping,
            is_sync_due=lambda: crawler.now() >= due,
            check_s=plan.check_s,
        )
        reports: list[ListingReport] = []
        while not stopping.is_set():
            refresh_queue(crawl.queue)
            crawl.context.budget.refill(epoch_of(crawler.now()))
            if crawl.is_sync_due():
                due = await _begin_sync(crawl, plan, announce)
            reports += await drain(crawl)
            await _pause(crawl, plan, due)
        return tuple(reports)


def _first_due(crawl: Crawl, plan: ServicePlan, announce: Announce) -> int:
    """Returns when the first sync is due: now if nothing was synced yet, or if slots have passed
    since the last event."""
    stream, now = crawl.context.journal.stream, crawl.context.clock()
    if not stream.last_observed:
        announce(f"{stream.source}: first sync, starting now")
        return now
    missed = count_missed_slots(plan.schedule, stream.last_observed, now)
    if missed:
        announce(f"{stream.source}: {missed} scheduled syncs were missed; syncing now")
        return now
    return _with_jitter(crawl, plan, next_slot(plan.schedule, now))


def _with_jitter(crawl: Crawl, plan: ServicePlan, slot: int) -> int:
    return slot + delay_us(plan.jitter_s, crawl.context.chance())


async def _begin_sync(crawl: Crawl, plan: ServicePlan, announce: Announce) -> int:
    """Puts a sync into the queue unless one is in progress; returns when the next is due."""
    now = crawl.context.clock()
    next_due = _with_jitter(crawl, plan, next_slot(plan.schedule, now))
    pending = list_tasks(crawl.queue, now, (PENDING, RUNNING))
    if any(is_of_sync(task) for task in pending):
        source = crawl.context.source.name
        announce(f"{source}: this scheduled sync is skipped, the previous one is in progress")
        return next_due
    listings = plan_listings(crawl.context.source, plan.bounds)
    await create_runs(crawl, listings, epoch_of(now), plan.bounds.limit, SYNC_PRIORITY)
    return next_due


async def _pause(crawl: Crawl, plan: ServicePlan, due: int) -> None:
    """Seals hours that are over, writes the heartbeat, then waits for the next poll or sync."""
    await asyncio.to_thread(roll_and_heartbeat, crawl.context.journal.stream)
    wait_s = min(plan.poll_s, max(0.0, (due - crawl.context.clock()) / SECOND))
    try:
        async with asyncio.timeout(wait_s or 0.001):
            await crawl.stopping.wait()
    except TimeoutError:
        return
