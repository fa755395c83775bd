"""Crawling: what a sync takes on, how much at once, and how it says that it is not whole."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from eventlog.clock import DAY, HOUR
from eventlog.errors import Unavailable
from eventlog.format.event import PAGE, PAGE_FAILED
from fetcher.crawl.report import ListingReport, RunReport
from fetcher.service.open_crawl import Upstream
from fetcher.service.probe_url import probe_url
from fetcher.service.queue_commands import list_runs, retry_run
from fetcher.service.sync import select_listings
from fetcher.source import Follow
from fetcher.sources import SOURCES
from fetcher.state.task import COMPLETED, FAILED, PENDING
from tests.fetcher.making import OTHER, Hand, Handle, lines
from tests.fetcher.state.test_run_queue import add, drain, listed, many, sync_with

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]


def models(count: int, answer: Handle) -> Handle:
    """An OpenRouter of so many models, whose endpoints are answered like this."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/endpoints"):
            return await answer(request)
        return web.json_response({"data": [{"id": f"a/{number}"} for number in range(count)]})

    return handle


async def endpoints(request: web.Request) -> web.Response:
    return web.json_response({"data": {"endpoints": [{"tag": "t"}]}})


def test_as_many_requests_as_are_allowed_are_under_way_at_once(tmp_path: Path) -> None:
    now, most = [0], [0]
    three = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        now[0] += 1
        most[0] = max(most[0], now[0])
        if now[0] == 3:
            three.set()
        await asyncio.wait_for(three.wait(), 60)
        now[0] -= 1
        return await endpoints(request)

    told = sync_with(tmp_path, OPENROUTER, models(9, answer), listings=["endpoints"], concurrency=3)

    assert (most[0], told.is_complete) == (3, True)


def test_a_sync_of_everything_works_on_the_queue_and_one_of_a_part_does_not(
    tmp_path: Path,
) -> None:
    run = add(tmp_path, "/creators").run

    for part in ({"listings": ["models"]}, {"limit": 5}):
        told = sync_with(tmp_path, CIVITAI, many(1), **part)
        assert run not in {each.run for each in told.listings}
    told = sync_with(tmp_path, CIVITAI, many(1))

    assert run in {each.run for each in told.listings}
    assert {task.state for task in listed(tmp_path)} == {COMPLETED}


def test_a_fan_of_which_a_request_was_given_up_failed_and_asks_only_that_again(
    tmp_path: Path,
) -> None:
    broken, asked, clock = [True], list[str](), Hand()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if broken[0] and request.path.endswith("/a/2/endpoints"):
            return web.json_response({"error": "busy"}, status=500)
        return await endpoints(request)

    handle = models(4, answer)
    told = sync_with(tmp_path, OPENROUTER, handle, listings=["endpoints"], now=clock)

    fan = told.listings[-1]
    assert (fan.state, fan.pages, fan.failures) == ("partial", 3, 1)
    (failed,) = list_runs(tmp_path, "openrouter", clock, (FAILED,))
    assert failed.run == fan.run
    assert sum(line.kind == PAGE_FAILED for line in lines(tmp_path, "openrouter")) == 1

    broken[0] = False
    asked.clear()
    retry_run(tmp_path, "openrouter", fan.run, writer=OTHER, now=clock)
    drain(tmp_path, handle, OPENROUTER, now=clock)

    assert asked == ["/api/v1/models/a/2/endpoints"]
    assert list_runs(tmp_path, "openrouter", clock, (FAILED,)) == []


def test_where_a_listing_failed_what_follows_it_is_not_whole(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if "output_modalities" in request.query:
            return web.json_response({"error": "busy"}, status=500)
        return await models(2, endpoints)(request)

    told = sync_with(tmp_path, OPENROUTER, handle, listings=["endpoints"])

    fan = told.listings[-1]
    assert (fan.listing, fan.state, fan.pages) == ("endpoints", "partial", 2)
    assert "models-all did not come whole" in str(fan.why)
    assert not told.is_complete


@pytest.mark.parametrize(("age", "asked"), [(7 * DAY - HOUR, 0), (7 * DAY + HOUR, 1)])
def test_what_a_listing_leads_to_is_asked_for_again_when_it_is_old(
    tmp_path: Path, age: int, asked: int
) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path == "/creators":
            return web.json_response({"items": [{"username": "ann"}], "metadata": {"total": 1}})
        body = {"items": [{"id": 1, "username": "ann"}], "metadata": {"total": 1}}
        return web.json_response(body)

    clock = Hand()
    settings: dict[str, Any] = {"listings": ["creators-of-images"], "now": clock}
    sync_with(tmp_path, CIVITAI, handle, **settings)
    clock.at += age
    told = sync_with(tmp_path, CIVITAI, handle, **settings)

    assert told.listings[-1].pages == asked
    assert Follow("a", "b", lambda entity: ()).max_age_us == 7 * DAY


def test_a_request_that_two_listings_lead_to_is_made_once(tmp_path: Path) -> None:
    told = sync_with(tmp_path, OPENROUTER, models(3, endpoints), listings=["endpoints"])

    assert [each.pages for each in told.listings] == [1, 1, 3]


def test_an_answer_that_is_no_success_ends_a_walk_in_part_and_says_so(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.query.get("cursor") == "2":
            return web.json_response({"error": "gone"}, status=404)
        return await many(9)(request)

    told = sync_with(tmp_path, CIVITAI, handle, listings=["models"])

    assert (told.listings[0].state, told.listings[0].why) == ("partial", "status 404")
    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert [(page.page_no, page.status) for page in pages] == [(1, 200), (2, 200), (None, 404)]
    assert [task.state for task in listed(tmp_path)] == [FAILED]


def test_a_plan_keeps_the_order_of_the_source_and_leaves_out_what_is_not_default() -> None:
    assert [each.name for each in select_listings(CIVITAI, ["images", "models"])] == [
        "models",
        "images",
    ]
    assert "creators" not in {each.name for each in select_listings(CIVITAI, None)}
    assert [each.name for each in select_listings(CIVITAI, ["models-of-images"])] == [
        "images",
        "versions-of-images",
        "models-of-images",
    ]


def test_a_probe_without_an_answer_is_unavailable() -> None:
    async def go() -> None:
        base = "http://127.0.0.1:9"
        await probe_url(Upstream(CIVITAI, base), f"{base}/models")

    with pytest.raises(Unavailable, match="connect"):
        asyncio.run(go())


@pytest.mark.parametrize(
    ("states", "is_complete"),
    [
        ([], True),
        (["completed", "completed"], True),
        (["completed", "partial"], False),
        (["failed"], False),
        (["cancelled", "completed"], False),
        (["paused"], False),
    ],
)
def test_a_sync_is_complete_only_if_every_listing_is(states: list[str], is_complete: bool) -> None:
    listings = tuple(
        ListingReport(listing="x", run="r", state=state, pages=number)
        for number, state in enumerate(states, 1)
    )
    report = RunReport("civitai", "2026-11-21T05", listings)

    assert report.is_complete is is_complete
    assert report.total("pages") == sum(range(len(states) + 1))


def test_a_run_is_left_as_it_is_where_a_stop_came_first(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    stopping.set()

    told = sync_with(tmp_path, CIVITAI, many(3), stopping=stopping)

    assert told.listings == ()
    assert {task.state for task in listed(tmp_path)} == {PENDING}
