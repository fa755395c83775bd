"""Backfills: the rest of a long pagination, which waits in the queue behind all other runs.

    pages of the first 20,000 entities ──> run completed
                       └── next page ────> a run of low priority, which the service continues

So a sync ends in a foreseeable time. A listing that proves absence is always requested whole:
its first part alone would prove nothing. While a backfill of a listing is unfinished, syncs
request the first part only.

The entities that a backfill finds have follow-up requests, too: when it ends, each listing of its
sync that follows it gets a run of the same priority.
"""

import logging

import attrs

from eventlog.errors import Invalid
from fetcher.crawl.active_run import ActiveRun
from fetcher.crawl.pagination.partition import without_cursor
from fetcher.record.journal import append_batch, batch_of
from fetcher.record.run_events import created_event, new_run_id
from fetcher.source import Params, match_url, url_of
from fetcher.state.priority import BACKFILL_PRIORITY, is_backfill
from fetcher.state.run_queue import list_tasks, refresh_queue
from fetcher.state.task import CLEANED, COMPLETED, FAILED, PENDING, RUNNING, Task

_LOGGER = logging.getLogger(__name__)
REST_IS_QUEUED = "the rest is queued as"
"""Part of the reason why a run ended that left the rest to a backfill."""


async def continue_as_backfill(run: ActiveRun, params: Params) -> None:
    """Queues the rest of a run, from the page with these parameters on, unless it is queued."""
    refresh_queue(run.crawl.queue)
    backfill = find_backfill(run, params)
    if backfill is None:
        backfill = _task(run, params)
        draft = created_event(backfill, run.endpoint.path, params)
        await append_batch(run.crawl.context.journal, batch_of(draft))
        refresh_queue(run.crawl.queue)
        _LOGGER.debug("backfill queued: %s at %s", backfill.run, backfill.url)
    why = f"the first {run.report.entities:,} entities; {REST_IS_QUEUED} {backfill.run}"
    run.publish(attrs.evolve(run.report, why=f"{why}: hindlog fetch run"))


def find_backfill(run: ActiveRun, params: Params) -> Task | None:
    """Returns the unfinished backfill of the same pagination; None if there is none."""
    wanted = (run.endpoint.path, without_cursor(params))
    context = run.crawl.context
    for task in list_tasks(run.crawl.queue, context.clock(), (PENDING, RUNNING)):
        if not is_backfill(task) or task.url is None or task.run == run.task.run:
            continue
        try:
            endpoint, queued = match_url(context.source, context.client.base_url, task.url)
        except Invalid:  # of another base URL
            continue
        if (endpoint.path, without_cursor(queued)) == wanted:
            return task
    return None


async def queue_followers(run: ActiveRun) -> None:
    """Queues the follow-up requests of a backfill that ends: one run per listing that follows it
    and had a run in its sync, unless such a run is pending."""
    crawl, task = run.crawl, run.task
    refresh_queue(crawl.queue)
    states = (PENDING, RUNNING, COMPLETED, FAILED, CLEANED)
    of_sync = [other for other in list_tasks(crawl.queue, 0, states) if other.epoch == task.epoch]
    synced = {other.listing for other in of_sync}
    pending = {other.listing for other in of_sync if other.state in (PENDING, RUNNING)}
    for listing in crawl.context.source.listings:
        is_follower = any(follow.listing == task.listing for follow in listing.follow_ups)
        if is_follower and listing.name in synced - pending:
            follower = Task(
                run=new_run_id(task.epoch, listing.name),
                listing=listing.name,
                epoch=task.epoch,
                priority=BACKFILL_PRIORITY,
            )
            draft = created_event(follower, listing.path, listing.params)
            await append_batch(crawl.context.journal, batch_of(draft))


def _task(run: ActiveRun, params: Params) -> Task:
    task = run.task
    return Task(
        run=new_run_id(task.epoch, task.listing or "rest"),
        listing=task.listing,
        epoch=task.epoch,
        url=url_of(run.crawl.context.client.base_url, run.endpoint.path, params),
        priority=BACKFILL_PRIORITY,
        until_known=task.until_known,
        entities_before=task.entities_before + run.report.entities,
    )
