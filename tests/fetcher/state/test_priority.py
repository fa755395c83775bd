"""Priorities: people go before syncs, syncs before backfills, partitions beside their run."""

import pytest

from fetcher.state.priority import (
    BACKFILL_PRIORITY,
    MANUAL_PRIORITY,
    SYNC_PRIORITY,
    is_backfill,
    is_of_sync,
)
from fetcher.state.task import Task

PARTITIONS = 4
"""Levels of partitions below a run; each has a priority that is higher by one."""


@pytest.mark.parametrize("level", range(PARTITIONS + 1))
@pytest.mark.parametrize(
    ("priority", "of_sync", "backfill"),
    [
        (MANUAL_PRIORITY, False, False),
        (SYNC_PRIORITY, True, False),
        (0, False, False),
        (BACKFILL_PRIORITY, False, True),
    ],
)
def test_a_partition_belongs_to_the_class_of_its_run(
    level: int, priority: int, of_sync: bool, backfill: bool
) -> None:
    task = Task(run="a", priority=priority + level)

    assert (is_of_sync(task), is_backfill(task)) == (of_sync, backfill)


def test_people_go_first_and_backfills_last() -> None:
    assert MANUAL_PRIORITY > SYNC_PRIORITY + PARTITIONS > SYNC_PRIORITY > PARTITIONS
    assert BACKFILL_PRIORITY + PARTITIONS < 0
