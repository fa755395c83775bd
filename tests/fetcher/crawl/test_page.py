"""One page: recorded with its place in the listing, its follow-up state and its counts."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from eventlog.format.event import PAGE, PAGE_FAILED
from fetcher.crawl.active_run import ActiveRun
from fetcher.crawl.page import fetch_page, record_failure
from fetcher.crawl.report import ListingReport
from fetcher.crawl.request import GivenUp, NotSent
from fetcher.net.circuit_breaker import CircuitBreaker
from fetcher.net.rate_limit import Budget
from fetcher.service.open_crawl import Crawler, Upstream, open_crawl
from fetcher.source import Continuation
from fetcher.split.response import MAX_URL_CHARS
from fetcher.state.task import Task
from tests.fetcher.making import FAST_RETRIES, WRITER, Handle, SteppingClock, lines, upstream
from tests.fetcher.syncing import CIVITAI, paginated


def in_run(
    root: Path, handle: Handle, act: Callable[[ActiveRun], Awaitable[Any]], **changes: Any
) -> Any:
    """Calls `act` with a run of the listing `models`; `changes` are fields of its task."""

    async def go() -> Any:
        async with upstream(handle) as origin:
            server = Upstream(CIVITAI, origin, None, 600_000, policy=FAST_RETRIES)
            async with open_crawl(Crawler(root, WRITER, SteppingClock()), server) as crawl:
                task = Task(run="run-1", listing="models", epoch="2026-11-21T05", **changes)
                report = ListingReport(listing="models", run=task.run)
                listing, endpoint = CIVITAI.listing("models"), CIVITAI.endpoint("/models")
                return await act(ActiveRun(crawl, task, listing, endpoint, report))

    return asyncio.run(go())


def answering(body: object, status: int = 200) -> Handle:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return handle


def test_a_page_is_durable_counted_and_names_the_next_page(tmp_path: Path) -> None:
    async def act(run: ActiveRun) -> None:
        outcome = await fetch_page(run, {"limit": "9"}, 4)

        assert outcome == Continuation({"cursor": "1"}, None, False)
        assert (run.report.pages, run.report.entities, run.report.stored) == (1, 1, 1)
        assert run.pending_entities == 0

    in_run(tmp_path, paginated(3), act)

    (page,) = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert (page.page_no, page.last, page.params) == (4, False, {"limit": "9"})


def test_the_last_page_of_a_listing_is_marked(tmp_path: Path) -> None:
    outcome = in_run(tmp_path, paginated(1), lambda run: fetch_page(run, {}, 1))

    assert outcome == Continuation(None, None, True)
    (page,) = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert page.last


def test_a_refusal_is_recorded_but_is_not_a_page_of_the_listing(tmp_path: Path) -> None:
    async def act(run: ActiveRun) -> None:
        assert await fetch_page(run, {}, 2) is None
        assert run.report.why == "status 404: upstream says 'gone'"

    in_run(tmp_path, answering({"error": "gone"}, 404), act)

    (page,) = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert (page.status, page.page_no, page.last) == (404, None, False)


def test_a_request_that_is_given_up_is_recorded_by_record_failure_only(tmp_path: Path) -> None:
    async def act(run: ActiveRun) -> None:
        failure = await fetch_page(run, {}, 1)
        assert isinstance(failure, GivenUp)
        kinds = [line.kind for line in lines(tmp_path, "civitai")]
        assert PAGE_FAILED not in kinds

        await record_failure(run, failure)

        assert (run.report.failures, run.stop_reason) == (1, None)
        assert str(run.report.why).startswith("server: ")

    in_run(tmp_path, answering({"error": "busy"}, 500), act)

    assert [line.kind for line in lines(tmp_path, "civitai")][-1] == PAGE_FAILED


def test_a_failure_ends_the_run_if_the_host_is_down(tmp_path: Path) -> None:
    async def act(run: ActiveRun) -> None:
        failure = await fetch_page(run, {}, 1)
        assert isinstance(failure, GivenUp)
        breaker = CircuitBreaker("timeout", 3)
        run.crawl = attrs.evolve(
            run.crawl, context=attrs.evolve(run.crawl.context, breaker=breaker)
        )
        await record_failure(run, failure)

        assert str(run.stop_reason).endswith("3 requests in a row: the host is down")

    in_run(tmp_path, answering({"error": "busy"}, 500), act)


@pytest.mark.parametrize("is_of_sync", [True, False])
def test_without_budget_a_run_of_a_sync_ends_and_another_one_pauses(
    tmp_path: Path, is_of_sync: bool
) -> None:
    async def act(run: ActiveRun) -> None:
        run.crawl = attrs.evolve(
            run.crawl, context=attrs.evolve(run.crawl.context, budget=Budget(0))
        )
        run.crawl.sync_runs.update({"run-1"} if is_of_sync else ())

        assert isinstance(await fetch_page(run, {}, 1), NotSent)

        assert run.is_preempted is not is_of_sync
        assert (run.stop_reason is not None) is is_of_sync

    in_run(tmp_path, paginated(1), act)


def test_a_next_page_with_a_too_long_url_is_removed_and_is_not_the_end(tmp_path: Path) -> None:
    body = {"items": [{"id": 1}], "metadata": {"nextCursor": "y" * MAX_URL_CHARS}}

    outcome = in_run(tmp_path, answering(body), lambda run: fetch_page(run, {}, 1))

    assert (outcome.next, outcome.is_end) == (None, False)


def test_a_run_for_new_entities_notices_a_page_of_known_ones(tmp_path: Path) -> None:
    async def act(run: ActiveRun) -> None:
        await fetch_page(run, {}, 1)
        assert not run.has_reached_known

        await fetch_page(run, {}, 2)
        assert run.has_reached_known

    in_run(tmp_path, answering({"items": [{"id": 1}], "metadata": {}}), act, until_known=True)
