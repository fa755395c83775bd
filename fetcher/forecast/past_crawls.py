"""The last crawl of each listing, from the queue."""

from collections.abc import Iterable, Mapping

from eventlog.errors import Invalid
from fetcher.crawl.pagination.backfill import REST_IS_QUEUED
from fetcher.forecast.estimate import PastCrawl, params_key
from fetcher.source import Source, match_url
from fetcher.state.priority import MANUAL_PRIORITY, is_backfill
from fetcher.state.task import COMPLETED, Task


def past_crawls(
    source: Source, base_url: str, tasks: Iterable[Task]
) -> dict[tuple[str, str | None], PastCrawl]:
    """Returns the last complete crawl of each listing with its parameters, by `past_key`.

    `tasks` are those of the queue, in any order. Runs that end at a limit, and those for new
    entities only, do not count.
    """
    complete = [
        task
        for task in tasks
        if task.state == COMPLETED and task.target is None and not task.until_known
    ]
    crawls: dict[tuple[str, str | None], PastCrawl] = {}
    for task in sorted(complete, key=_age):
        if task.listing and not is_backfill(task):
            key = _key(source, base_url, task)
            if key is not None:
                crawls[key] = _with_partitions(task, complete)
    return crawls


def last_runs(tasks: Iterable[Task]) -> Mapping[str, Task]:
    """Returns the latest run of each listing that has requested anything, or has ended."""
    begun = (task for task in tasks if task.pages or task.attempts or task.finished_at)
    return {task.listing: task for task in sorted(begun, key=_age) if not is_backfill(task)}


def _age(task: Task) -> tuple[str, int]:
    return (task.created_at, task.created_seq)


def _key(source: Source, base_url: str, task: Task) -> tuple[str, str | None] | None:
    """Returns name and parameters of a run; None if it belongs to another base URL."""
    if task.first_url is None:
        is_derived = any(
            listing.name == task.listing and listing.has_derived_requests
            for listing in source.listings
        )
        return (task.listing, None) if is_derived else None
    try:
        _, params = match_url(source, base_url, task.first_url)
    except Invalid:
        return None
    has_base = task.first_url.startswith(base_url.rstrip("/"))
    return (task.listing, params_key(params)) if has_base else None


def _with_partitions(task: Task, complete: Iterable[Task]) -> PastCrawl:
    """Returns a crawl together with the narrower runs in which it continued."""
    runs = [task] + [
        other
        for other in complete
        if other.listing == task.listing
        and other.epoch == task.epoch
        and _age(other) > _age(task)
        and task.priority < other.priority < task.priority + MANUAL_PRIORITY // 20
    ]
    return PastCrawl(
        requests=sum(run.pages for run in runs),
        entities=sum(run.entities for run in runs),
        is_whole=REST_IS_QUEUED not in (task.why or ""),
    )
