"""Follow-up requests: collected during a sync, and derived again from the log after it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import attrs
from aiohttp import web

from eventlog.body.split_rules import Entity
from fetcher.crawl.active_run import ActiveRun, Crawl
from fetcher.crawl.follow_ups import (
    failed_origins,
    find_followers,
    note_follow_ups,
    pending_requests,
)
from fetcher.crawl.report import ListingReport
from fetcher.service.open_crawl import Crawler, Upstream, open_crawl
from fetcher.service.sync import create_runs
from fetcher.sources import SOURCES
from fetcher.state.task import Task
from tests.fetcher.making import WRITER, SteppingClock, upstream
from tests.fetcher.syncing import NOWHERE, sync_once, sync_with

OPENROUTER = SOURCES["openrouter"]
EPOCH = "2026-11-21T05"
FOLLOWER = OPENROUTER.listing("endpoints")


def model(id_: str) -> Entity:
    return Entity("/data", "model", "list", id_, b"{}", None)


def in_crawl(
    root: Path, names: tuple[str, ...], act: Callable[[Crawl, dict[str, Task]], None]
) -> None:
    """Queues one run per listing and calls `act` with the crawl and the tasks by listing."""

    async def go() -> None:
        nowhere = Upstream(OPENROUTER, NOWHERE)
        async with open_crawl(Crawler(root, WRITER, SteppingClock()), nowhere) as crawl:
            runs = await create_runs(
                crawl, [OPENROUTER.listing(name) for name in names], EPOCH, None
            )
            ids = {run.split(".")[1]: run for run in runs}
            tasks = {name: Task(run=ids[name], listing=name, epoch=EPOCH) for name in names}
            act(crawl, tasks)

    asyncio.run(go())


def run_of(crawl: Crawl, task: Task) -> ActiveRun:
    """The run of a task in progress, with its followers."""
    report = ListingReport(listing=task.listing, run=task.run)
    endpoint = OPENROUTER.endpoint("/api/v1/models")
    return ActiveRun(crawl, task, None, endpoint, report, find_followers(crawl, task))


def test_only_listings_with_an_unfinished_run_of_the_epoch_follow(tmp_path: Path) -> None:
    def act(crawl: Crawl, tasks: dict[str, Task]) -> None:
        models = tasks["models"]

        assert [listing.name for listing in find_followers(crawl, models)] == ["endpoints"]
        assert find_followers(crawl, attrs.evolve(models, epoch="2026-11-21T06")) == ()
        assert find_followers(crawl, tasks["endpoints"]) == ()

    in_crawl(tmp_path, ("models", "endpoints"), act)


def test_requests_are_collected_once_and_in_order(tmp_path: Path) -> None:
    def act(crawl: Crawl, tasks: dict[str, Task]) -> None:
        for name in ("models", "models-all"):
            note_follow_ups(run_of(crawl, tasks[name]), map(model, ("a/2", "a/1", "~a/latest")))

        assert pending_requests(crawl, tasks["endpoints"], FOLLOWER) == [
            {"author": "a", "slug": "2"},
            {"author": "a", "slug": "1"},
        ]

    in_crawl(tmp_path, ("models", "models-all", "endpoints"), act)


def test_after_a_restart_the_requests_are_derived_from_the_pages_in_the_log(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "a/1"}, {"id": "a/2"}]})

    sync_with(tmp_path, OPENROUTER, handle, listings=["models"])

    def act(crawl: Crawl, tasks: dict[str, Task]) -> None:
        assert crawl.follow_ups == {}
        requests = pending_requests(crawl, tasks["endpoints"], FOLLOWER)
        assert [params["slug"] for params in requests] == ["1", "2"]

        later = attrs.evolve(tasks["endpoints"], epoch="2026-11-21T06")
        assert pending_requests(crawl, later, FOLLOWER) == []

    in_crawl(tmp_path, ("endpoints",), act)


def test_only_failed_listings_that_are_followed_are_failed_origins(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"error": "busy"}, status=500)

    sync_with(tmp_path, OPENROUTER, handle, listings=["models-all", "providers"])

    def act(crawl: Crawl, tasks: dict[str, Task]) -> None:
        assert failed_origins(crawl, tasks["endpoints"], FOLLOWER) == ["models-all"]
        later = attrs.evolve(tasks["endpoints"], epoch="2026-11-21T06")
        assert failed_origins(crawl, later, FOLLOWER) == []

    in_crawl(tmp_path, ("endpoints",), act)


def test_after_a_restart_a_body_in_assets_gives_rise_to_its_requests(tmp_path: Path) -> None:
    row = {"slug": "a/1", "permaslug": "a/1-x", "endpoint": {"variant": "free"}}

    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"data": [{**row, "description": "x" * 13_000_000}]})

    sync_with(tmp_path, OPENROUTER, handle, listings=["catalog"])

    def act(crawl: Crawl, tasks: dict[str, Task]) -> None:
        requests = pending_requests(crawl, tasks["stats"], OPENROUTER.listing("stats"))

        assert requests == [{"permaslug": "a/1-x", "variant": "free"}]

    assert any((tmp_path / "assets").rglob("*"))
    in_crawl(tmp_path, ("stats",), act)


def test_a_listing_of_which_another_process_requested_a_part_gives_rise_to_all_its_requests(
    tmp_path: Path,
) -> None:
    """The first process stops after `models`, the second one requests `models-all`."""
    asked: list[str] = []
    stopping = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path.endswith("/endpoints"):
            return web.json_response({"data": {"endpoints": []}})
        is_all = "output_modalities" in request.query
        if not is_all and request.path.endswith("/models"):
            stopping.set()
        ids = ("a/2", "a/3") if is_all else ("a/1", "a/2")
        return web.json_response({"data": [{"id": id_} for id_ in ids]})

    async def go() -> None:
        async with upstream(handle) as origin:
            names = ["models", "models-all", "endpoints"]
            await sync_once(tmp_path, OPENROUTER, origin, listings=names, stopping=stopping)
            assert asked == ["/api/v1/models"]
            await sync_once(tmp_path, OPENROUTER, origin, listings=["providers"])

    asyncio.run(go())

    endpoints = [path.split("/")[5] for path in asked if path.endswith("/endpoints")]
    assert sorted(endpoints) == ["1", "2", "3"]
