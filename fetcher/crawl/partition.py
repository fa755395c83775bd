"""Partitions: a walk that ends where upstream stops without saying so, cut into shorter ones.

The first parameter that can still be narrowed is taken; each part is a run of its own,
and is cut again by the next parameter where it ends the same way. Where the values are
all there are, the parts cover what the walk did not; where they were only met on the way,
or nothing can be narrowed any more, the run says that it is partial.
"""

from collections.abc import Sequence

import attrs

from fetcher.crawl.context import Run
from fetcher.record.journal import of_drafts, record
from fetcher.record.run_events import created, new_run_id
from fetcher.source import WHERE_TO, Params, Partition, url_of
from fetcher.state.run_queue import refresh
from fetcher.state.task import Task


async def go_on_in_parts(run: Run, params: Params) -> None:
    """Queue what is left of a walk, part by part; say how much of it that covers."""
    asked = {name: value for name, value in params.items() if name not in WHERE_TO}
    entities = run.told.entities
    why = f"ended near {entities} entities, where upstream stops without saying so"
    found = cut(run, asked)
    if found is None:
        run.end(f"{why}; nothing is left to cut it by")
        return
    partition, values = found
    tasks = [_task(run, {**asked, partition.param: value}) for value in values]
    drafts = [
        created(task, run.endpoint.path, {**asked, partition.param: value})
        for task, value in zip(tasks, values, strict=True)
    ]
    await record(run.crawl.desk.journal, of_drafts(*drafts))
    if run.crawl.only is not None:
        run.crawl.only.update(task.run for task in tasks)
    refresh(run.crawl.queue)
    why = f"{why}; goes on in {len(tasks)} runs by {partition.param}"
    if partition.is_whole:
        run.tell(attrs.evolve(run.told, why=why))
    else:
        run.end(f"{why}, of those met: there may be others")


def cut(run: Run, params: Params) -> tuple[Partition, Sequence[str]] | None:
    """The first partition that makes the walk shorter, and its values."""
    for each in run.listing.partitions if run.listing else ():
        if each.is_whole:
            values = tuple(each.narrower(params))
        else:
            values = () if each.param in params else tuple(run.met.get(each.param, ()))
        if len(values) > 1:
            return each, values
    return None


def _task(run: Run, params: Params) -> Task:
    task = run.task
    return Task(
        run=new_run_id(task.epoch, task.listing),
        listing=task.listing,
        epoch=task.epoch,
        url=url_of(run.crawl.desk.client.base_url, run.endpoint.path, params),
        priority=task.priority + 1,  # before what follows this listing
        target=None if task.target is None else max(1, task.target - run.told.entities),
    )
