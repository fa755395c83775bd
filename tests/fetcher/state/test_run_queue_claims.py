"""Claims: which worker gets which run, for how long, and the state that the queue shows."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventlog.clock import MINUTE
from eventlog.errors import NotFound
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.service.queue_commands import cancel_run, clean_runs, list_runs, retry_run
from fetcher.state.run_queue import (
    LEASE_US,
    RunQueue,
    claim_task,
    close_queue,
    find_task,
    is_outranked,
    list_tasks,
    open_queue,
    refresh_queue,
    release_lease,
    renew_lease,
    task_state,
)
from fetcher.state.task import CANCELLED, CLEANED, PENDING, RUNNING, Task
from tests.fetcher.making import OTHER, SteppingClock
from tests.fetcher.syncing import CIVITAI, NOWHERE, add_run, failing_at, work_on_queue


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RunQueue]:
    opened = open_queue(tmp_path, "civitai")
    yield opened
    close_queue(opened)


def add(queue: RunQueue, clock: SteppingClock, target: str = "/models", **settings: Any) -> Task:
    task = add_run(queue.root, Upstream(CIVITAI, NOWHERE), target, now=clock, **settings)
    refresh_queue(queue)
    return task


def claimed(queue: RunQueue, owner: str = "one", now: int = 0, **more: Any) -> str | None:
    task = claim_task(queue, owner, now, **more)
    return None if task is None else task.run


def test_the_highest_priority_is_claimed_first_then_the_oldest(queue: RunQueue) -> None:
    clock = SteppingClock()
    runs = [add(queue, clock, priority=priority).run for priority in (0, 5, 0, 9, 5)]

    claims = [claimed(queue, f"worker {n}") for n in range(6)]

    assert claims == [runs[n] for n in (3, 1, 4, 0, 2)] + [None]


def test_only_its_own_worker_can_claim_a_leased_run_again(queue: RunQueue) -> None:
    run = add(queue, SteppingClock()).run
    claimed(queue, "one")

    assert (claimed(queue, "two", MINUTE), claimed(queue, "one", MINUTE)) == (None, run)


def test_a_claim_can_be_restricted_to_some_runs(queue: RunQueue) -> None:
    clock = SteppingClock()
    runs = [add(queue, clock).run for _ in range(3)]

    assert claimed(queue, only={runs[1]}) == runs[1]
    assert claimed(queue, only=set()) is None


def test_a_cancelled_run_cannot_be_claimed(queue: RunQueue) -> None:
    clock = SteppingClock()
    run = add(queue, clock).run
    cancel_run(Crawler(queue.root, OTHER, clock), "civitai", run)
    refresh_queue(queue)

    assert (claimed(queue), task_state(queue, run)) == (None, CANCELLED)


def test_a_lease_expires_ten_minutes_after_its_last_renewal(queue: RunQueue) -> None:
    run = add(queue, SteppingClock()).run
    claimed(queue, "one", 0)
    renew_lease(queue, run, "one", 5 * MINUTE)

    assert claimed(queue, "two", 15 * MINUTE - 1) is None
    assert claimed(queue, "two", 15 * MINUTE) == run
    assert LEASE_US == 10 * MINUTE
    release_lease(queue, run)
    assert claimed(queue, "three", 15 * MINUTE) == run


def test_a_run_is_in_progress_until_its_lease_expires_or_is_released(queue: RunQueue) -> None:
    run = add(queue, SteppingClock()).run

    def shown(now: int) -> list[str]:
        return [task.state for task in list_tasks(queue, now)]

    assert shown(0) == [PENDING]
    claimed(queue, "one", 0)
    assert (shown(LEASE_US - 1), shown(LEASE_US)) == ([RUNNING], [PENDING])
    release_lease(queue, run)
    assert shown(0) == [PENDING]


def test_tasks_are_listed_by_state_and_cleaned_ones_only_on_request(queue: RunQueue) -> None:
    clock = SteppingClock()
    runs = [add(queue, clock).run for _ in range(4)]
    cancel_run(Crawler(queue.root, OTHER, clock), "civitai", runs[0])
    clean_runs(Crawler(queue.root, OTHER, clock), "civitai")
    cancel_run(Crawler(queue.root, OTHER, clock), "civitai", runs[1])
    refresh_queue(queue)
    claimed(queue, "one", 0)

    def shown(*states: str) -> list[str]:
        return [task.run for task in list_tasks(queue, 0, states)]

    assert shown() == runs[1:]
    assert (shown(CLEANED), shown(CANCELLED)) == ([runs[0]], [runs[1]])
    assert (shown(RUNNING), shown(PENDING)) == ([runs[2]], [runs[3]])
    assert shown(PENDING, RUNNING) == runs[2:]


def test_a_pending_run_of_higher_priority_outranks_a_run(queue: RunQueue) -> None:
    clock = SteppingClock()
    low, high = add(queue, clock, priority=1), add(queue, clock, priority=2)
    assert (is_outranked(queue, low), is_outranked(queue, high)) == (True, False)

    cancel_run(Crawler(queue.root, OTHER, clock), "civitai", high.run)
    refresh_queue(queue)

    assert not is_outranked(queue, low)


def test_a_run_is_found_by_a_unique_prefix_of_its_id(queue: RunQueue) -> None:
    clock = SteppingClock()
    models, images = add(queue, clock), add(queue, clock, "/images")

    assert find_task(queue, models.run).run == models.run
    assert find_task(queue, images.run[:18]).run == images.run
    with pytest.raises(NotFound, match="several runs begin"):
        find_task(queue, models.epoch)
    with pytest.raises(NotFound, match="no run begins"):
        find_task(queue, "%")


def test_a_rebuilt_queue_continues_at_the_same_page_in_any_order_of_writers(
    tmp_path: Path,
) -> None:
    clock, early = SteppingClock(), "00000001"
    settings: dict[str, Any] = {"writer": early, "now": clock}
    run = add_run(tmp_path, Upstream(CIVITAI, NOWHERE), "/models", **settings).run
    work_on_queue(tmp_path, failing_at("2", [True]), now=clock)
    retry_run(Crawler(tmp_path, early, clock), "civitai", run)
    before = list_runs(tmp_path, "civitai", clock)

    shutil.rmtree(tmp_path / "state")

    assert list_runs(tmp_path, "civitai", clock) == before
    assert [(str(task.url)[-9:], task.page_no) for task in before] == [("?cursor=2", 2)]
