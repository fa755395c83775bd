"""The run queue: its order, its leases, and that the log alone determines it."""

import random
import shutil
from pathlib import Path

import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.files.listing import list_segments
from eventlog.format.event_codec import decode
from eventlog.format.paths import sealed_path
from eventlog.read.reader import read_events
from eventlog.write.writer import close_stream, open_stream
from fetcher.service.queue_commands import list_runs
from fetcher.state.run_queue import claim_task, close_queue, open_queue
from fetcher.state.task import PENDING, RUNNING, Task, apply_event, decode_task_members
from tests.fetcher.making import OTHER, SteppingClock
from tests.fetcher.syncing import (
    add_civitai_run,
    fail_and_retry,
    failing_at,
    queued,
    work_on_queue,
)


def test_the_queue_is_ordered_by_priority_then_by_age(tmp_path: Path) -> None:
    clock = SteppingClock()
    runs = [
        add_civitai_run(tmp_path, priority=priority, now=clock).run for priority in (0, 5, 0, 9, 5)
    ]

    assert [task.run for task in queued(tmp_path)] == [runs[n] for n in (3, 1, 4, 0, 2)]


def test_a_leased_run_is_in_progress_and_after_a_rebuild_pending(tmp_path: Path) -> None:
    clock = SteppingClock()
    add_civitai_run(tmp_path)
    queue = open_queue(tmp_path, "civitai")
    claim_task(queue, "one", clock())
    close_queue(queue)

    assert [task.state for task in list_runs(tmp_path, "civitai", clock)] == [RUNNING]
    shutil.rmtree(tmp_path / "state")
    assert [task.state for task in list_runs(tmp_path, "civitai", clock)] == [PENDING]


def test_a_queue_rebuilt_from_the_log_is_the_same(tmp_path: Path) -> None:
    for target in ("/models", "/images", "creators"):
        add_civitai_run(tmp_path, target, priority=len(target), limit=3)
    work_on_queue(tmp_path, failing_at("1", [True]))
    add_civitai_run(tmp_path, "tags")
    before = queued(tmp_path)
    shutil.rmtree(tmp_path / "state")

    assert queued(tmp_path) == before


@pytest.mark.parametrize("seed", range(5))
def test_the_events_of_a_run_give_the_same_task_in_any_order_of_writers(
    tmp_path: Path, seed: int
) -> None:
    clock, is_failing = SteppingClock(), [True]
    run = add_civitai_run(tmp_path, "/models", now=clock).run
    fail_and_retry(tmp_path, failing_at("2", is_failing), run, clock, is_failing)
    events = [record.line for record in read_events(tmp_path)]
    by_writer: dict[str, list[bytes]] = {}
    for event in events:
        by_writer.setdefault(decode(event).writer, []).append(event)
    chance = random.Random(seed)

    def task_after(ordered: list[bytes]) -> Task | None:
        task = None
        for event in ordered:
            task = apply_event(task, decode(event), decode_task_members(event))
        return task

    mixed: list[bytes] = []
    while remaining := [stream for stream in by_writer.values() if stream]:
        mixed.append(chance.choice(remaining).pop(0))

    assert task_after(mixed) == task_after(events)


def test_a_run_in_an_accepted_loss_is_not_in_the_queue(tmp_path: Path) -> None:
    add_civitai_run(tmp_path)
    close_stream(open_stream(tmp_path, "civitai", OTHER, clock=SteppingClock()), seal_open=True)
    remaining = add_civitai_run(tmp_path, "images")
    assert len(queued(tmp_path)) == 2
    lost = list_segments(tmp_path, "civitai", OTHER)[0].name
    sealed_path(tmp_path, lost).unlink()
    accept_loss(tmp_path, lost, clock=SteppingClock())

    assert [task.run for task in queued(tmp_path)] == [remaining.run]
    shutil.rmtree(tmp_path / "state")
    assert [task.run for task in queued(tmp_path)] == [remaining.run]
