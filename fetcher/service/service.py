"""The service: syncs by schedule, and the queue in between, until it is stopped.

    slot due ──> one run for each listing ──> queue ──> worked on, page by page
    somebody's `fetch add` ────────────────────┘

A sync that is still under way when the next slot comes is not overlapped: that slot is
left out, and said. After a stop or a crash what was under way goes on.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from eventlog.clock import SECOND, Clock, epoch_of
from eventlog.write.writer import keep_hours
from fetcher.crawl.context import Crawl
from fetcher.crawl.report import ListingReport, Report, silent
from fetcher.net.retry import Chance
from fetcher.record.run_events import SYNC_PRIORITY
from fetcher.service.schedule import delay_us, missed_slots, next_slot
from fetcher.service.sync import CHANCE, Upstream, create_runs, drain, open_crawl, plan
from fetcher.source import Source
from fetcher.state.run_queue import refresh, tasks
from fetcher.state.task import PENDING, RUNNING

_POLL_S = 1.0
_JITTER_S = 30.0

Told = Callable[[str], None]
"""Takes one line for people."""


@attrs.frozen(kw_only=True)
class Plan:
    """What a service does, and when."""

    schedule: str
    listings: Sequence[str] | None = None
    limit: int | None = None
    jitter_s: float = _JITTER_S
    poll_s: float = _POLL_S


async def run_service(
    root: Path,
    source: Source,
    upstream: Upstream,
    what: Plan,
    *,
    writer: str,
    now: Clock,
    stopping: asyncio.Event,
    report: Report = silent,
    tell: Told = lambda line: None,
    chance: Chance = CHANCE,
    contact: str | None = None,
) -> tuple[ListingReport, ...]:
    """Serve one source until `stopping`; what was done. The page under way is finished."""
    opened = open_crawl(root, source, upstream, writer, now, report, chance, contact)
    async with opened as crawl:
        due = _first_due(crawl, what, tell)
        crawl = attrs.evolve(crawl, stopping=stopping, is_sync_due=lambda: now() >= due)
        done: list[ListingReport] = []
        while not stopping.is_set():
            refresh(crawl.queue)
            crawl.desk.budget.refill(epoch_of(now()))
            if crawl.is_sync_due():
                due = await _begin_sync(crawl, what, tell, due)
            done += await drain(crawl)
            await _rest(crawl, what, due)
        return tuple(done)


def _first_due(crawl: Crawl, what: Plan, tell: Told) -> int:
    """The next slot; where slots passed since the log's last event, that is said."""
    stream, now = crawl.desk.journal.stream, crawl.desk.clock()
    if stream.last_observed:
        missed = missed_slots(what.schedule, stream.last_observed, now)
        if missed:
            tell(f"{stream.source}: {missed} slots passed while nobody looked; syncing now")
            return now
    return _with_jitter(crawl, what, next_slot(what.schedule, now))


def _with_jitter(crawl: Crawl, what: Plan, slot: int) -> int:
    return slot + delay_us(what.jitter_s, crawl.desk.chance())


async def _begin_sync(crawl: Crawl, what: Plan, tell: Told, due: int) -> int:
    """Put a sync into the queue, unless one is under way; when the next one is due."""
    now = crawl.desk.clock()
    onward = _with_jitter(crawl, what, next_slot(what.schedule, now))
    pending = tasks(crawl.queue, now, (PENDING, RUNNING))
    if any(task.priority >= SYNC_PRIORITY for task in pending):
        tell(f"{crawl.desk.source.name}: this slot is left out, the last sync is still under way")
        return onward
    wanted = plan(crawl.desk.source, what.listings)
    await create_runs(crawl, wanted, epoch_of(now), what.limit, SYNC_PRIORITY)
    return onward


async def _rest(crawl: Crawl, what: Plan, due: int) -> None:
    """Wait a little; seal an hour that is over, and say that the writer lives."""
    await asyncio.to_thread(keep_hours, crawl.desk.journal.stream)
    wait_s = min(what.poll_s, max(0.0, (due - crawl.desk.clock()) / SECOND))
    try:
        async with asyncio.timeout(wait_s or 0.001):
            await crawl.stopping.wait()
    except TimeoutError:
        return
