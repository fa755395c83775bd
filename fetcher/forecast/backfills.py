"""What is left of the backfills of a source. Pure."""

from collections.abc import Iterable
from math import ceil

import attrs

from fetcher.source import Source
from fetcher.state.priority import is_backfill
from fetcher.state.task import FINISHED, Task


@attrs.frozen(kw_only=True)
class BackfillLeft:
    """An unfinished backfill."""

    run: str
    listing: str
    requests: int
    """Requests that it has sent."""
    entities: int
    """Entities of the listing so far, with those before the backfill."""
    requests_left: int | None
    """None: the end of the listing is not known."""
    since: str
    """When it was queued, in RFC 3339."""


def backfills_left(source: Source, tasks: Iterable[Task]) -> tuple[BackfillLeft, ...]:
    """Returns the unfinished backfills among the runs of a queue, in their order.

    How much is left is known only if the source declares how many entities the listing has.
    """
    totals = {listing.name: listing.typical_entities for listing in source.listings}
    return tuple(
        _left(task, totals.get(task.listing))
        for task in tasks
        if is_backfill(task) and task.state not in FINISHED
    )


def _left(task: Task, total: int | None) -> BackfillLeft:
    entities = task.entities_before + task.entities
    per_request = task.entities / task.pages if task.pages and task.entities else None
    is_known = total is not None and per_request is not None
    return BackfillLeft(
        run=task.run,
        listing=task.listing,
        requests=task.pages,
        entities=entities,
        requests_left=ceil(max(0, total - entities) / per_request) if is_known else None,  # type: ignore[operator]
        since=task.created_at,
    )
