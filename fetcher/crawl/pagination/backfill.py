"""Backfills: the rest of a long pagination, which waits in the queue behind all other runs.

    pages of the first 20,000 entities ──> run completed
                       └── next page ────> a run of low priority, which the service continues

So a sync ends in a foreseeable time. A listing that proves absence is always requested whole:
its first part alone would prove nothing. While a backfill of a listing is unfinished, syncs
request the first part only.
"""

import attrs

from eventlog.errors import Invalid
from fetcher.crawl.active_run import ActiveRun
from fetcher.crawl.pagination.partition import without_cursor
from fetcher.record.journal import append_batch, batch_of
from fetcher.record.run_events import created_event, new_run_id
from fetcher.source import Params, match_url, url_of
from fetcher.state.priority import BACKFILL_PRIORITY, is_backfill
from fetcher.state.run_queue import list_tasks, refresh_queue
from fetcher.state.task import PENDING, RUNNING, Task


async def continue_as_backfill(run: ActiveRun, params: Params) -> None:
    """Queues the rest of a run, from the page with these parameters on, unless it is queued."""
    refresh_queue(run.crawl.queue)
    backfill = find_backfill(run, params)
    if backfill is None:
        backfill = _task(run, params)
        draft = created_event(backfill, run.endpoint.path, params)
        await append_batch(run.crawl.context.journal, batch_of(draft))
        refresh_queue(run.crawl.queue)
    why = f"the first {run.report.entities:,} entities; the rest is queued as {backfill.run}"
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
