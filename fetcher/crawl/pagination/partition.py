"""Partitions: a listing that the upstream cuts off silently continues in narrower runs.

The first parameter that can still be narrowed is used. Each of its values becomes a run
of its own, which is partitioned further by the next parameter if it is cut off, too. If
the list of values is complete, the new runs cover the rest of the listing. If the values
were only collected from entities, or nothing can be narrowed, the run is partial.
"""

from collections.abc import Sequence

import attrs

from fetcher.crawl.active_run import ActiveRun
from fetcher.record.journal import append_batch, batch_of
from fetcher.record.run_events import created_event, new_run_id
from fetcher.source import PAGE_CURSOR_PARAMS, Params, Partition, url_of
from fetcher.state.run_queue import refresh_queue
from fetcher.state.task import Task


async def continue_in_partitions(run: ActiveRun, params: Params) -> None:
    """Queues one run per value of a partition; the run is partial if they may not cover it."""
    base_params = without_cursor(params)
    entities = run.report.entities
    why = f"ended near {entities} entities, where the upstream cuts the listing off"
    chosen = choose_partition(run, base_params)
    if chosen is None:
        run.end(f"{why}; there is no narrower listing to continue with")
        return
    partition, values = chosen
    tasks = [_task(run, {**base_params, partition.param: value}) for value in values]
    drafts = [
        created_event(task, run.endpoint.path, {**base_params, partition.param: value})
        for task, value in zip(tasks, values, strict=True)
    ]
    await append_batch(run.crawl.context.journal, batch_of(*drafts))
    if run.crawl.selected_runs is not None:
        run.crawl.selected_runs.update(task.run for task in tasks)
    refresh_queue(run.crawl.queue)
    why = f"{why}; continues in {len(tasks)} runs by {partition.param}"
    if partition.is_exhaustive:
        run.publish(attrs.evolve(run.report, why=why))
    else:
        run.end(f"{why}, whose values come from entities and may be incomplete")


def without_cursor(params: Params) -> dict[str, str]:
    """Returns the parameters that all pages of a pagination have in common."""
    return {name: value for name, value in params.items() if name not in PAGE_CURSOR_PARAMS}


def choose_partition(run: ActiveRun, params: Params) -> tuple[Partition, Sequence[str]] | None:
    """Returns the first partition with more than one value, and its values."""
    for partition in run.listing.partitions if run.listing else ():
        if partition.is_exhaustive:
            values = tuple(partition.narrower_values(params))
        elif partition.param in params:
            values = ()
        else:
            values = tuple(run.partition_values.get(partition.param, ()))
        if len(values) > 1:
            return partition, values
    return None


def _task(run: ActiveRun, params: Params) -> Task:
    task = run.task
    return Task(
        run=new_run_id(task.epoch, task.listing),
        listing=task.listing,
        epoch=task.epoch,
        url=url_of(run.crawl.context.client.base_url, run.endpoint.path, params),
        priority=task.priority + 1,  # before the listings that follow this one
        target=None if task.target is None else max(1, task.target - run.report.entities),
    )
