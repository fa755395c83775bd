"""Runs under way: the lease is kept, and others are given way to."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.clock import MINUTE
from fetcher.crawl.context import Crawl, Run, is_patient, look_round
from fetcher.crawl.report import ListingReport
from fetcher.record.run_events import SYNC_PRIORITY
from fetcher.service.open_crawl import Crawler, Upstream, open_crawl
from fetcher.service.queue_commands import cancel_run
from fetcher.sources import SOURCES
from fetcher.state.run_queue import LEASE_US, claim
from fetcher.state.task import CANCELLED, PENDING, Task
from tests.fetcher.making import OTHER, WRITER, Hand
from tests.fetcher.syncing import add_run

CIVITAI = SOURCES["civitai"]
BASE = "http://127.0.0.1:1"
NEVER = float("-inf")


def run_of(crawl: Crawl, task: Task) -> Run:
    told = ListingReport(listing=task.listing, run=task.run)
    run = Run(crawl, task, None, CIVITAI.endpoint("/models"), told)
    run.looked_at = NEVER
    return run


def add(root: Path, clock: Hand, **more: Any) -> Task:
    return add_run(root, Upstream(CIVITAI, BASE), "/models", now=clock, **more)


def under_way(
    root: Path, clock: Hand, what: Callable[[Run], None], priority: int = 0, **crawl: Any
) -> None:
    """Do something with a run that is claimed and worked on."""
    task = add(root, clock, priority=priority)

    async def go() -> None:
        async with open_crawl(Crawler(root, WRITER, clock), Upstream(CIVITAI, BASE)) as opened:
            claim(opened.queue, WRITER, clock())
            what(run_of(attrs.evolve(opened, **crawl), task))

    asyncio.run(go())


def test_a_run_renews_its_lease_while_it_is_worked_on(tmp_path: Path) -> None:
    clock = Hand()

    def what(run: Run) -> None:
        clock.at += LEASE_US - MINUTE
        look_round(run)
        clock.at += LEASE_US - MINUTE

        assert claim(run.crawl.queue, "another", clock()) is None
        clock.at += MINUTE
        assert claim(run.crawl.queue, "another", clock()) is not None

    under_way(tmp_path, clock, what)


def test_a_run_notices_that_it_was_cancelled(tmp_path: Path) -> None:
    clock = Hand()

    def what(run: Run) -> None:
        assert look_round(run) == PENDING
        cancel_run(tmp_path, "civitai", run.task.run, writer=OTHER, now=clock)
        run.looked_at = NEVER

        assert look_round(run) == CANCELLED

    under_way(tmp_path, clock, what)


@pytest.mark.parametrize(
    ("priority", "other", "yields"), [(0, 1, True), (0, 0, False), (3, 2, False), (3, 4, True)]
)
def test_a_run_gives_way_to_a_run_of_higher_priority(
    tmp_path: Path, priority: int, other: int, yields: bool
) -> None:
    clock = Hand()

    def what(run: Run) -> None:
        add(tmp_path, clock, priority=other)
        look_round(run)

        assert run.yields is yields
        assert run.is_paused() is yields

    under_way(tmp_path, clock, what, priority)


def test_a_sync_of_named_listings_gives_way_to_nothing_else_in_the_queue(tmp_path: Path) -> None:
    clock = Hand()

    def what(run: Run) -> None:
        add(tmp_path, clock, priority=7)
        look_round(run)

        assert not run.yields

    under_way(tmp_path, clock, what, only={"a run of this sync"})


@pytest.mark.parametrize(
    ("priority", "yields"), [(SYNC_PRIORITY - 1, True), (SYNC_PRIORITY, False)]
)
def test_a_due_sync_goes_before_what_people_queued_and_not_before_another_sync(
    tmp_path: Path, priority: int, yields: bool
) -> None:
    def what(run: Run) -> None:
        look_round(run)

        assert run.yields is yields

    under_way(tmp_path, Hand(), what, priority, is_sync_due=lambda: True)


def test_between_two_looks_a_run_does_not_read_the_log(tmp_path: Path) -> None:
    clock = Hand()

    def what(run: Run) -> None:
        run.looked_at = float("inf")
        cancel_run(tmp_path, "civitai", run.task.run, writer=OTHER, now=clock)

        assert look_round(run) == PENDING

    under_way(tmp_path, clock, what)


def test_only_what_people_queued_waits_for_the_next_budget(tmp_path: Path) -> None:
    def what(run: Run) -> None:
        crawl, task = run.crawl, run.task
        crawl.synced.add("of this sync")

        assert is_patient(crawl, task)
        assert not is_patient(crawl, attrs.evolve(task, run="of this sync"))
        assert not is_patient(crawl, attrs.evolve(task, priority=SYNC_PRIORITY))
        assert is_patient(crawl, attrs.evolve(task, priority=SYNC_PRIORITY - 1))

    under_way(tmp_path, Hand(), what)


@pytest.mark.parametrize(
    ("target", "durable", "underway", "is_full"),
    [(None, 9, 9, False), (3, 2, 0, False), (3, 3, 0, True), (3, 2, 1, True), (0, 0, 0, True)],
)
def test_a_run_is_full_with_what_is_durable_and_what_is_on_its_way(
    tmp_path: Path, target: int | None, durable: int, underway: int, is_full: bool
) -> None:
    def what(run: Run) -> None:
        run.task = attrs.evolve(run.task, target=target)
        run.told = attrs.evolve(run.told, entities=durable)
        run.underway = underway

        assert run.is_full() is is_full

    under_way(tmp_path, Hand(), what)


@pytest.mark.parametrize(
    ("entities", "is_silent"), [(49_499, False), (49_500, True), (50_000, True), (60_000, True)]
)
def test_an_end_within_a_hundredth_of_the_known_limit_is_no_end(
    tmp_path: Path, entities: int, is_silent: bool
) -> None:
    def what(run: Run) -> None:
        run.listing = attrs.evolve(CIVITAI.listing("images"), ends_silently_at=50_000)
        run.told = attrs.evolve(run.told, entities=entities)

        assert run.ended_silently() is is_silent
        run.listing = CIVITAI.listing("models")
        assert not run.ended_silently()

    under_way(tmp_path, Hand(), what)
