"""Runs: which of them a sync works on, its concurrency, and how it reports failures."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from eventlog.clock import DAY, HOUR
from eventlog.format.event import PAGE, PAGE_FAILED
from fetcher.service.open_crawl import Crawler
from fetcher.service.queue_commands import list_runs, retry_run
from fetcher.source import FollowUp
from fetcher.sources import SOURCES
from fetcher.state.task import COMPLETED, FAILED, PENDING
from tests.fetcher.making import OTHER, Handle, SteppingClock, lines
from tests.fetcher.syncing import (
    add_civitai_run,
    is_complete,
    paginated,
    queued,
    sync_with,
    work_on_queue,
)

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]


def models(count: int, answer: Handle) -> Handle:
    """OpenRouter with `count` models; `answer` handles the requests for endpoints."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/endpoints"):
            return await answer(request)
        return web.json_response({"data": [{"id": f"a/{number}"} for number in range(count)]})

    return handle


async def endpoints(request: web.Request) -> web.Response:
    return web.json_response({"data": {"endpoints": [{"tag": "t"}]}})


def test_follow_up_requests_are_sent_up_to_the_configured_concurrency(tmp_path: Path) -> None:
    in_flight, maximum = [0], [0]
    three = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        in_flight[0] += 1
        maximum[0] = max(maximum[0], in_flight[0])
        if in_flight[0] == 3:
            three.set()
        await asyncio.wait_for(three.wait(), 60)
        in_flight[0] -= 1
        return await endpoints(request)

    report = sync_with(
        tmp_path, OPENROUTER, models(9, answer), listings=["endpoints"], concurrency=3
    )

    assert (maximum[0], is_complete(report)) == (3, True)


def test_a_sync_with_a_limit_works_on_no_other_runs_of_the_queue(tmp_path: Path) -> None:
    run = add_civitai_run(tmp_path, "/creators").run

    report = sync_with(tmp_path, CIVITAI, paginated(1), limit=5)

    assert run not in {listing.run for listing in report.listings}


@pytest.mark.parametrize("listings", [None, ["models"], ["tags"]])
def test_a_sync_of_any_listings_resumes_what_was_queued_or_interrupted(
    tmp_path: Path, listings: list[str] | None
) -> None:
    stopping = asyncio.Event()
    queued_run = add_civitai_run(tmp_path, "/creators").run
    interrupted = sync_with(
        tmp_path,
        CIVITAI,
        paginated(30),
        listings=["models"],
        limit=100,
        stopping=stopping,
        on_progress=lambda progress: stopping.set(),
    ).listings[0]
    assert interrupted.state == "paused" and interrupted.pages < 30

    report = sync_with(tmp_path, CIVITAI, paginated(30), listings=listings)

    resumed = {listing.run: listing.pages for listing in report.listings}
    assert (resumed[queued_run], resumed[interrupted.run]) == (30, 30)
    assert {task.state for task in queued(tmp_path)} == {COMPLETED}


def test_a_retried_run_sends_only_the_follow_up_requests_that_failed(
    tmp_path: Path,
) -> None:
    broken, requested, clock = [True], list[str](), SteppingClock()

    async def answer(request: web.Request) -> web.Response:
        requested.append(request.path)
        if broken[0] and request.path.endswith("/a/2/endpoints"):
            return web.json_response({"error": "busy"}, status=500)
        return await endpoints(request)

    handle = models(4, answer)
    report = sync_with(tmp_path, OPENROUTER, handle, listings=["endpoints"], now=clock)

    follow_up = report.listings[-1]
    assert (follow_up.state, follow_up.pages, follow_up.failures) == ("partial", 3, 1)
    (failed,) = list_runs(tmp_path, "openrouter", clock, (FAILED,))
    assert failed.run == follow_up.run
    assert sum(line.kind == PAGE_FAILED for line in lines(tmp_path, "openrouter")) == 1

    broken[0] = False
    requested.clear()
    retry_run(Crawler(tmp_path, OTHER, clock), "openrouter", follow_up.run)
    work_on_queue(tmp_path, handle, OPENROUTER, now=clock)

    assert requested == ["/api/v1/models/a/2/endpoints"]
    assert list_runs(tmp_path, "openrouter", clock, (FAILED,)) == []


def test_a_follow_up_listing_is_partial_if_a_listing_that_it_follows_failed(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if "output_modalities" in request.query:
            return web.json_response({"error": "busy"}, status=500)
        return await models(2, endpoints)(request)

    report = sync_with(tmp_path, OPENROUTER, handle, listings=["endpoints"])

    follow_up = report.listings[-1]
    assert (follow_up.listing, follow_up.state, follow_up.pages) == ("endpoints", "partial", 2)
    assert "models-all failed" in str(follow_up.why)
    assert not is_complete(report)


@pytest.mark.parametrize(("age", "requests"), [(7 * DAY - HOUR, 0), (7 * DAY + HOUR, 1)])
def test_follow_up_requests_are_repeated_once_the_entity_is_old(
    tmp_path: Path, age: int, requests: int
) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path == "/creators":
            return web.json_response({"items": [{"username": "ann"}], "metadata": {"total": 1}})
        body = {"items": [{"id": 1, "username": "ann"}], "metadata": {"total": 1}}
        return web.json_response(body)

    clock = SteppingClock()
    settings: dict[str, Any] = {"listings": ["creators-of-images"], "now": clock}
    sync_with(tmp_path, CIVITAI, handle, **settings)
    clock.at += age
    report = sync_with(tmp_path, CIVITAI, handle, **settings)

    assert report.listings[-1].pages == requests
    assert FollowUp("a", "b", lambda entity: ()).max_age_us == 7 * DAY


def test_a_follow_up_request_derived_from_two_listings_is_sent_once(tmp_path: Path) -> None:
    report = sync_with(tmp_path, OPENROUTER, models(3, endpoints), listings=["endpoints"])

    assert [listing.pages for listing in report.listings] == [1, 1, 3]


def test_a_status_404_ends_a_pagination_as_partial(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.query.get("cursor") == "2":
            return web.json_response({"error": "gone"}, status=404)
        return await paginated(9)(request)

    report = sync_with(tmp_path, CIVITAI, handle, listings=["models"])

    listing = report.listings[0]
    assert (listing.state, listing.why) == ("partial", "status 404: upstream says 'gone'")
    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert [(page.page_no, page.status) for page in pages] == [(1, 200), (2, 200), (None, 404)]
    assert [task.state for task in queued(tmp_path)] == [FAILED]


def test_no_run_is_started_after_a_stop(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    stopping.set()

    report = sync_with(tmp_path, CIVITAI, paginated(3), stopping=stopping)

    assert report.listings == ()
    assert {task.state for task in queued(tmp_path)} == {PENDING}
