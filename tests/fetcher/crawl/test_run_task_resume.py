"""Added runs: worked on page by page, continued after a failure, a kill or a spent budget."""

import asyncio
import itertools
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from eventlog.format.event import PAGE
from fetcher.crawl.report import OnProgress, Progress, RunReport
from fetcher.service.open_crawl import Crawler
from fetcher.service.queue_commands import list_runs, retry_run
from fetcher.sources import SOURCES
from fetcher.state.run_queue import LEASE_US
from fetcher.state.task import COMPLETED, FAILED, PENDING
from tests.fetcher.making import (
    FAST_RETRIES,
    OTHER,
    Handle,
    SteppingClock,
    lines,
    responses,
    upstream,
)
from tests.fetcher.syncing import (
    CIVITAI,
    add_civitai_run,
    fail_and_retry,
    failing_at,
    paginated,
    queued,
    sync_once,
    sync_with,
    work_on_queue,
)


def test_an_added_run_is_worked_on_and_completed(tmp_path: Path) -> None:
    run = add_civitai_run(tmp_path, "/models?limit=1").run

    work_on_queue(tmp_path, paginated(3))

    (task,) = queued(tmp_path)
    assert (task.run, task.state, task.pages, task.entities) == (run, COMPLETED, 3, 3)
    assert task.finished_at is not None
    assert (task.url, task.attempts, task.error) == (None, 0, None)


def test_a_single_request_is_a_run(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"id": 15003, "modelVersions": []})

    add_civitai_run(tmp_path, "/models/15003")
    work_on_queue(tmp_path, handle)

    assert [(task.state, task.entities) for task in queued(tmp_path)] == [(COMPLETED, 1)]


def test_a_run_ends_when_it_has_reached_its_limit(tmp_path: Path) -> None:
    add_civitai_run(tmp_path, "/models", limit=2)

    work_on_queue(tmp_path, paginated(9))

    assert [(task.state, task.entities) for task in queued(tmp_path)] == [(COMPLETED, 2)]


def test_a_retried_run_continues_at_the_page_that_failed(tmp_path: Path) -> None:
    is_failing, clock = [True], SteppingClock()
    run = add_civitai_run(tmp_path, "/models", now=clock).run

    handle = failing_at("2", is_failing)
    failed, retried = fail_and_retry(tmp_path, handle, run, clock, is_failing)

    assert (failed.state, failed.pages, failed.error) == (FAILED, 2, "server")
    assert failed.attempts == FAST_RETRIES.attempts
    assert failed.url is not None and failed.url.endswith("/models?cursor=2")
    assert (retried.state, retried.pages, retried.error) == (COMPLETED, 4, None)
    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert [page.page_no for page in pages] == [1, 2, 3, 4]


def test_a_run_that_failed_at_its_first_page_can_be_retried(tmp_path: Path) -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.json_response({"error": "busy"}, status=503)

    clock = SteppingClock()
    run = add_civitai_run(tmp_path, "/models", now=clock).run
    work_on_queue(tmp_path, busy, now=clock)
    assert [(task.state, task.error) for task in queued(tmp_path)] == [(FAILED, "server")]

    retry_run(Crawler(tmp_path, OTHER, clock), "civitai", run)
    (pending,) = queued(tmp_path)
    assert (pending.state, pending.error, pending.attempts) == (PENDING, None, 0)
    work_on_queue(tmp_path, paginated(3), now=clock)

    assert [(task.state, task.pages) for task in queued(tmp_path)] == [(COMPLETED, 3)]


class Killed(Exception):
    """Ends a crawl in place of a kill of its process."""


def killed_at(count: int) -> OnProgress:
    """Raises `Killed` at this report of progress, counted from 1."""
    reports = itertools.count(1)

    def on_progress(progress: Progress) -> None:
        if next(reports) == count:
            raise Killed

    return on_progress


@pytest.mark.parametrize("after", range(1, 13))
def test_a_run_that_is_killed_at_any_step_continues_and_records_no_page_twice(
    tmp_path: Path, after: int
) -> None:
    clock = SteppingClock()
    add_civitai_run(tmp_path, "/models", now=clock)

    with suppress(Killed):
        work_on_queue(tmp_path, paginated(10), now=clock, on_progress=killed_at(after))
    clock.at += LEASE_US
    work_on_queue(tmp_path, paginated(10), now=clock)

    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert [page.page_no for page in pages] == list(range(1, 11))
    assert len({page.run for page in pages}) == 1
    assert len(list(responses(tmp_path, "civitai"))) == 10
    assert [(task.state, task.entities) for task in queued(tmp_path)] == [(COMPLETED, 10)]


@pytest.mark.parametrize("after", [1, 3, 6, 9])
def test_an_interrupted_follow_up_run_sends_only_the_requests_without_an_answer(
    tmp_path: Path, after: int
) -> None:
    requested: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/endpoints"):
            requested.append(request.path)
            return web.json_response({"data": {"endpoints": [{"tag": "t"}]}})
        return web.json_response({"data": [{"id": f"a/{number}"} for number in range(9)]})

    clock = SteppingClock()
    with suppress(Killed):
        sync_endpoints(
            tmp_path, handle, clock, listings=["endpoints"], on_progress=killed_at(4 + after)
        )
    assert len(requested) == after
    clock.at += LEASE_US
    sync_endpoints(tmp_path, handle, clock)

    assert sorted(requested) == [f"/api/v1/models/a/{number}/endpoints" for number in range(9)]
    pages = [line for line in lines(tmp_path, "openrouter") if line.kind == PAGE]
    assert len({page.run for page in pages if "author" in page.params}) == 1
    assert {task.state for task in list_runs(tmp_path, "openrouter", clock)} == {COMPLETED}


def sync_endpoints(root: Path, handle: Handle, clock: SteppingClock, **more: Any) -> RunReport:
    """One sync of the named listings; without names, only the runs in the queue."""
    source = SOURCES["openrouter"]
    if "listings" in more:
        return sync_with(root, source, handle, now=clock, concurrency=1, **more)
    return work_on_queue(root, handle, source, now=clock, concurrency=1, **more)


def test_a_run_with_a_url_of_no_endpoint_fails_and_the_others_continue(tmp_path: Path) -> None:
    add_civitai_run(tmp_path, base_url="http://127.0.0.1:1/elsewhere", priority=5)

    async def go() -> RunReport:
        async with upstream(paginated(1)) as origin:
            return await sync_once(tmp_path, CIVITAI, origin + "/v1")

    report = asyncio.run(go())

    assert report.listings[0].state == FAILED
    assert "no endpoint" in str(report.listings[0].why)
    assert len(report.listings) > 1
    assert {listing.state for listing in report.listings[1:3]} == {COMPLETED}


def test_added_runs_wait_for_the_next_budget(tmp_path: Path) -> None:
    run = add_civitai_run(tmp_path, "/models?limit=1").run

    pages = []
    for _ in range(3):
        work_on_queue(tmp_path, paginated(7), max_requests=3)
        pages.append([(task.state, task.pages) for task in queued(tmp_path)])

    assert pages == [[(PENDING, 3)], [(PENDING, 6)], [(COMPLETED, 7)]]
    assert queued(tmp_path)[0].run == run
