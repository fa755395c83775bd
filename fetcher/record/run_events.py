"""`run` events and the names of runs."""

from os import urandom

from eventlog.format.event import RUN, Draft
from fetcher.source import Params
from fetcher.state.task import CREATED, Task

SYNC_PRIORITY = 100
"""Of runs that a schedule makes."""


def new_run_id(epoch: str, listing: str) -> str:
    """A name for a run that nobody has: its slot, its listing, and chance."""
    return f"{epoch}.{listing}.{urandom(4).hex()}"


def created_event(task: Task, endpoint: str, params: Params) -> Draft:
    """The event that puts a run into the queue."""
    members = {
        "state": CREATED,
        "listing": task.listing,
        "url": task.url,
        "priority": task.priority or None,
        "target": task.target,
        "until_known": task.until_known or None,
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
    """The event that gives a run another state, from outside."""
    members = {"state": state, "listing": task.listing, "why": why}
    return Draft(kind=RUN, run=task.run, epoch=task.epoch, members=members)
