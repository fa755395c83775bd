"""The rest of a long pagination becomes a backfill: nothing is lost and nothing comes twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from fetcher.crawl.report import RunReport
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream, open_crawl
from fetcher.service.sync import drain, run_once
from fetcher.source import Source
from fetcher.state.priority import BACKFILL_PRIORITY, is_backfill
from fetcher.state.task import COMPLETED, PENDING, Task
from tests.fetcher.crawl.pagination.test_paginate import CIVITAI, Feed, all_but, ids, source
from tests.fetcher.making import FAST_RETRIES, WRITER, Handle, SteppingClock, upstream
from tests.fetcher.syncing import add_run, queued

Act = Callable[[Crawler, Upstream], Awaitable[None]]


def with_upstream(root: Path, crawled: Source, handle: Handle, act: Act) -> None:
    """Calls `act` while an upstream answers, always with the same base URL."""

    async def go() -> None:
        async with upstream(handle) as origin:
            server = Upstream(crawled, origin, None, 600_000, 2, FAST_RETRIES)
            await act(Crawler(root, WRITER, SteppingClock()), server)

    asyncio.run(go())


def sync(crawler: Crawler, server: Upstream, **bounds: Any) -> Awaitable[RunReport]:
    return run_once(crawler, server, SyncBounds(**bounds))


async def work_on_everything(crawler: Crawler, server: Upstream, **bounds: Any) -> None:
    """Works on the queue as the service does between syncs."""
    async with open_crawl(crawler, server, SyncBounds(**bounds)) as crawl:
        await drain(crawl)


def backfills(root: Path) -> list[Task]:
    return [task for task in queued(root) if is_backfill(task)]


@pytest.mark.parametrize("bound", [1, 16, 17, 84, 99])
def test_a_sync_ends_at_the_first_walk_and_the_backfill_has_the_rest(
    tmp_path: Path, bound: int
) -> None:
    feed = Feed(100)
    first = min(100, -(-bound // 16) * 16)  # pages are kept whole

    async def act(crawler: Crawler, server: Upstream) -> None:
        (listing,) = (await sync(crawler, server, first_walk=bound)).listings
        assert ids(tmp_path) == set(range(100, 100 - first, -1))
        assert listing.state == COMPLETED
        assert (backfills(tmp_path) == []) is (first == 100)
        if first < 100:
            (rest,) = backfills(tmp_path)
            assert (rest.state, rest.priority, rest.entities_before) == (
                PENDING,
                BACKFILL_PRIORITY,
                first,
            )
            assert f"the first {first} entities; the rest is queued as {rest.run}" in str(
                listing.why
            )
        await work_on_everything(crawler, server, first_walk=bound)

    with_upstream(tmp_path, source(), feed.handle, act)

    assert ids(tmp_path) == all_but(100)
    assert max(feed.requested.values()) == 1
    assert {task.state for task in queued(tmp_path)} == {COMPLETED}


def test_a_listing_that_ends_within_the_first_walk_has_no_backfill(tmp_path: Path) -> None:
    async def act(crawler: Crawler, server: Upstream) -> None:
        (listing,) = (await sync(crawler, server, first_walk=100)).listings
        assert listing.why is None

    with_upstream(tmp_path, source(), Feed(100).handle, act)

    assert backfills(tmp_path) == []


def test_while_a_backfill_is_unfinished_syncs_add_no_other(tmp_path: Path) -> None:
    async def act(crawler: Crawler, server: Upstream) -> None:
        for _ in range(3):
            (listing,) = (await sync(crawler, server, first_walk=16)).listings
            (rest,) = backfills(tmp_path)
            assert rest.run in str(listing.why)
        await work_on_everything(crawler, server, first_walk=16)
        await sync(crawler, server, first_walk=16)

    with_upstream(tmp_path, source(), Feed(50).handle, act)

    assert [task.state for task in backfills(tmp_path)] == [COMPLETED, PENDING]


def test_a_killed_run_continues_and_queues_one_backfill(tmp_path: Path) -> None:
    """The process dies after the event that queues the backfill, before that of the end."""

    async def act(crawler: Crawler, server: Upstream) -> None:
        add_run(tmp_path, server, "images", now=SteppingClock(), priority=0)
        with pytest.raises(RuntimeError, match="killed"):
            async with open_crawl(crawler, server, SyncBounds(first_walk=16)) as crawl:
                await drain(attrs.evolve(crawl, on_progress=die_at_backfill))
        (rest,) = backfills(tmp_path)
        async with open_crawl(crawler, server, SyncBounds(first_walk=16)) as crawl:
            await drain(attrs.evolve(crawl, min_priority=0))
        assert [task.run for task in backfills(tmp_path)] == [rest.run]

    def die_at_backfill(progress: Any) -> None:
        if "queued as" in str(progress.listing.why):
            raise RuntimeError("killed")

    feed = Feed(50)
    with_upstream(tmp_path, source(), feed.handle, act)

    assert sum(feed.requested.values()) == 1
    assert [task.state for task in queued(tmp_path) if not is_backfill(task)] == [COMPLETED]


def test_a_silent_end_is_noticed_although_the_pagination_is_in_two_runs(tmp_path: Path) -> None:
    def matches(id_: int, query: Mapping[str, str]) -> bool:
        return bool(int(query["browsingLevel"]) >> id_ % 5 & 1)

    async def act(crawler: Crawler, server: Upstream) -> None:
        await sync(crawler, server, first_walk=64)
        await work_on_everything(crawler, server, first_walk=64)

    feed = Feed(300, end=100, matches=matches)
    with_upstream(tmp_path, source(most=100), feed.handle, act)

    assert ids(tmp_path) == all_but(300)
    assert all(is_backfill(task) for task in queued(tmp_path)[1:])


def test_a_limit_and_a_listing_that_proves_absence_leave_no_backfill(tmp_path: Path) -> None:
    scoped = source()
    endpoints = tuple(
        attrs.evolve(endpoint, scope=lambda params: "/images") for endpoint in scoped.endpoints
    )

    async def limited(crawler: Crawler, server: Upstream) -> None:
        await sync(crawler, server, first_walk=16, limit=20)

    async def whole(crawler: Crawler, server: Upstream) -> None:
        await sync(crawler, server, first_walk=16)

    with_upstream(tmp_path / "a", scoped, Feed(50).handle, limited)
    with_upstream(tmp_path / "b", attrs.evolve(scoped, endpoints=endpoints), Feed(50).handle, whole)

    assert backfills(tmp_path / "a") == backfills(tmp_path / "b") == []
    assert len(ids(tmp_path / "a")) == 32
    assert ids(tmp_path / "b") == all_but(50)


def test_a_backfill_of_another_query_does_not_count(tmp_path: Path) -> None:
    async def act(crawler: Crawler, server: Upstream) -> None:
        add_run(tmp_path, server, "images", now=SteppingClock(), params={"username": "a"})
        add_run(tmp_path, server, "images", now=SteppingClock(), params={"username": "b"})
        async with open_crawl(crawler, server, SyncBounds(first_walk=16)) as crawl:
            await drain(attrs.evolve(crawl, min_priority=0))

    with_upstream(tmp_path, source(), Feed(50).handle, act)

    assert len(backfills(tmp_path)) == 2


def test_what_only_a_backfill_finds_gives_rise_to_follow_up_requests_once(tmp_path: Path) -> None:
    """Image 7 names the model version 7; the version belongs to the model 7."""
    feed = Feed(50, members=lambda id_: {"modelVersionIds": [id_]})
    details: Counter[str] = Counter()

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/images":
            return await feed.handle(request)
        details[request.path] += 1
        id_ = int(request.path.rpartition("/")[2])
        return web.json_response({"id": id_, "modelId": id_, "modelVersions": []})

    async def act(crawler: Crawler, server: Upstream) -> None:
        await sync(crawler, server, first_walk=16)
        assert len(details) == 2 * 16
        await work_on_everything(crawler, server, first_walk=16)

    with_upstream(tmp_path, with_followers(), handle, act)

    paths = ("/model-versions", "/models")
    assert details == Counter({f"{path}/{id_}": 1 for path in paths for id_ in range(1, 51)})
    assert {task.state for task in queued(tmp_path)} == {COMPLETED}


def with_followers() -> Source:
    """Civitai with images in pages of 16, their versions and the models of these."""
    names = ("versions-of-images", "models-of-images")
    followers = [attrs.evolve(CIVITAI.listing(name), by_default=True) for name in names]
    return attrs.evolve(CIVITAI, listings=(*source().listings, *followers))
