"""Priorities of runs: the queue is worked on from the highest to the lowest. Pure.

    added by a person (1000)  >  scheduled sync (100)  >  single sync (0)  >  backfill (-1000)

Partitions of a run have slightly higher priorities than the run itself. A run waits while one
of higher priority is pending.
"""

from fetcher.state.task import Task

MANUAL_PRIORITY = 1000
"""Priority of the runs that people add."""
SYNC_PRIORITY = 100
"""Priority of the runs that a scheduled sync creates."""
BACKFILL_PRIORITY = -1000
"""Priority of the rest of a long pagination."""


def is_of_sync(task: Task) -> bool:
    """Whether a scheduled sync created the run."""
    return SYNC_PRIORITY <= task.priority < MANUAL_PRIORITY


def is_backfill(task: Task) -> bool:
    """Whether only the service works on the run, when nothing else is to be done."""
    return task.priority < 0
