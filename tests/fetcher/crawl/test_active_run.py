"""Runs in progress renew their lease, notice cancellation and yield to other runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.clock import MINUTE
from fetcher.crawl.active_run import ActiveRun, Crawl, check_queue, waits_for_budget
from fetcher.crawl.report import ListingReport
from fetcher.service.open_crawl import Crawler, Upstream, open_crawl
from fetcher.service.queue_commands import cancel_run
from fetcher.sources import SOURCES
from fetcher.state.priority import SYNC_PRIORITY
from fetcher.state.run_queue import LEASE_US, claim_task
from fetcher.state.task import CANCELLED, PENDING, Task
from tests.fetcher.making import OTHER, WRITER, SteppingClock
from tests.fetcher.syncing import add_run

CIVITAI = SOURCES["civitai"]
BASE = "http://127.0.0.1:1"
NEVER = float("-inf")


def run_of(crawl: Crawl, task: Task) -> ActiveRun:
    report = ListingReport(listing=task.listing, run=task.run)
    run = ActiveRun(crawl, task, None, CIVITAI.endpoint("/models"), report)
    run.checked_at_s = NEVER
    return run


def add(root: Path, clock: SteppingClock, **more: Any) -> Task:
    return add_run(root, Upstream(CIVITAI, BASE), "/models", now=clock, **more)


def with_claimed_run(
    root: Path,
    clock: SteppingClock,
    act: Callable[[ActiveRun], None],
    priority: int = 0,
    **changes: Any,
) -> None:
    """Queues and claims a run, and calls `act` with it; `changes` are fields of its `Crawl`."""
    task = add(root, clock, priority=priority)

    async def go() -> None:
        async with open_crawl(Crawler(root, WRITER, clock), Upstream(CIVITAI, BASE)) as opened:
            claim_task(opened.queue, WRITER, clock())
            act(run_of(attrs.evolve(opened, **changes), task))

    asyncio.run(go())


def test_a_run_renews_its_lease_while_it_is_worked_on(tmp_path: Path) -> None:
    clock = SteppingClock()

    def act(run: ActiveRun) -> None:
        clock.at += LEASE_US - MINUTE
        check_queue(run)
        clock.at += LEASE_US - MINUTE

        assert claim_task(run.crawl.queue, "another", clock()) is None
        clock.at += MINUTE
        assert claim_task(run.crawl.queue, "another", clock()) is not None

    with_claimed_run(tmp_path, clock, act)


def test_a_run_notices_that_it_was_cancelled(tmp_path: Path) -> None:
    clock = SteppingClock()

    def act(run: ActiveRun) -> None:
        assert check_queue(run) == PENDING
        cancel_run(Crawler(tmp_path, OTHER, clock), "civitai", run.task.run)
        run.checked_at_s = NEVER

        assert check_queue(run) == CANCELLED

    with_claimed_run(tmp_path, clock, act)


@pytest.mark.parametrize(
    ("priority", "other", "yields"), [(0, 1, True), (0, 0, False), (3, 2, False), (3, 4, True)]
)
def test_a_run_yields_to_a_run_of_higher_priority(
    tmp_path: Path, priority: int, other: int, yields: bool
) -> None:
    clock = SteppingClock()

    def act(run: ActiveRun) -> None:
        add(tmp_path, clock, priority=other)
        check_queue(run)

        assert run.is_preempted is yields
        assert run.is_paused() is yields

    with_claimed_run(tmp_path, clock, act, priority)


def test_a_sync_of_named_listings_does_not_yield_to_other_runs_in_the_queue(tmp_path: Path) -> None:
    clock = SteppingClock()

    def act(run: ActiveRun) -> None:
        add(tmp_path, clock, priority=7)
        check_queue(run)

        assert not run.is_preempted

    with_claimed_run(tmp_path, clock, act, selected_runs={"a run of this sync"})


@pytest.mark.parametrize(
    ("priority", "yields"), [(SYNC_PRIORITY - 1, True), (SYNC_PRIORITY, False)]
)
def test_runs_of_queue_commands_yield_to_a_due_sync_and_runs_of_a_sync_do_not(
    tmp_path: Path, priority: int, yields: bool
) -> None:
    def act(run: ActiveRun) -> None:
        check_queue(run)

        assert run.is_preempted is yields

    with_claimed_run(tmp_path, SteppingClock(), act, priority, is_sync_due=lambda: True)


def test_between_two_checks_a_run_does_not_read_the_log(tmp_path: Path) -> None:
    clock = SteppingClock()

    def act(run: ActiveRun) -> None:
        run.checked_at_s = float("inf")
        cancel_run(Crawler(tmp_path, OTHER, clock), "civitai", run.task.run)

        assert check_queue(run) == PENDING

    with_claimed_run(tmp_path, clock, act)


def test_only_runs_of_queue_commands_wait_for_the_next_budget(tmp_path: Path) -> None:
    def act(run: ActiveRun) -> None:
        crawl, task = run.crawl, run.task
        crawl.sync_runs.add("of this sync")

        assert waits_for_budget(crawl, task)
        assert not waits_for_budget(crawl, attrs.evolve(task, run="of this sync"))
        assert not waits_for_budget(crawl, attrs.evolve(task, priority=SYNC_PRIORITY))
        assert waits_for_budget(crawl, attrs.evolve(task, priority=SYNC_PRIORITY - 1))

    with_claimed_run(tmp_path, SteppingClock(), act)


@pytest.mark.parametrize(
    ("target", "durable", "pending", "is_reached"),
    [(None, 9, 9, False), (3, 2, 0, False), (3, 3, 0, True), (3, 2, 1, True), (0, 0, 0, True)],
)
def test_durable_and_pending_entities_count_towards_the_target(
    tmp_path: Path, target: int | None, durable: int, pending: int, is_reached: bool
) -> None:
    def act(run: ActiveRun) -> None:
        run.task = attrs.evolve(run.task, target=target)
        run.report = attrs.evolve(run.report, entities=durable)
        run.pending_entities = pending

        assert run.has_reached_target() is is_reached

    with_claimed_run(tmp_path, SteppingClock(), act)


@pytest.mark.parametrize(
    ("entities", "is_silent"), [(49_499, False), (49_500, True), (50_000, True), (60_000, True)]
)
def test_an_end_within_one_percent_of_the_known_maximum_is_silent(
    tmp_path: Path, entities: int, is_silent: bool
) -> None:
    def act(run: ActiveRun) -> None:
        run.listing = attrs.evolve(CIVITAI.listing("images"), ends_silently_at=50_000)
        run.report = attrs.evolve(run.report, entities=entities)

        assert run.has_silent_end() is is_silent
        run.listing = CIVITAI.listing("models")
        assert not run.has_silent_end()

    with_claimed_run(tmp_path, SteppingClock(), act)
