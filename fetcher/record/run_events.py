"""`run` events, and ids of runs."""

from os import urandom

from eventlog.format.event import RUN, Draft
from fetcher.source import Params
from fetcher.state.task import CREATED, Task


def new_run_id(epoch: str, listing: str) -> str:
    """Returns a unique run id: epoch, listing and a random suffix."""
    return f"{epoch}.{listing}.{urandom(4).hex()}"


def created_event(task: Task, endpoint: str, params: Params) -> Draft:
    """Returns the event that puts a run into the queue."""
    members = {
        "state": CREATED,
        "listing": task.listing,
        "url": task.url,
        "priority": task.priority or None,
        "target": task.target,
        "until_known": task.until_known or None,
        "entities_before": task.entities_before or None,
    }
    return Draft(
        kind=RUN,
        run=task.run,
        epoch=task.epoch,
        endpoint=endpoint,
        params=params,
        members=members,
    )


def decided_event(task: Task, state: str, why: str | None = None) -> Draft:
    """Returns the event that sets the state of a run."""
    members = {"state": state, "listing": task.listing, "why": why}
    return Draft(kind=RUN, run=task.run, epoch=task.epoch, members=members)
