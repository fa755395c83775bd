"""Opening a crawl: what its runs share is open inside the context and closed after it."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from eventlog.errors import Locked
from fetcher.crawl.active_run import Crawl
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream, open_crawl
from fetcher.sources import SOURCES
from tests.fetcher.making import WRITER, SteppingClock

UPSTREAM = Upstream(
    SOURCES["civitai"], "http://127.0.0.1:1", "sk-secret", requests_per_minute=90, contact="me"
)


def in_crawl(root: Path, act: Callable[[Crawl], Awaitable[None]], max_requests: int = 7) -> None:
    """Calls `act` with an open crawl."""

    async def go() -> None:
        async with open_crawl(
            Crawler(root, WRITER, SteppingClock()), UPSTREAM, SyncBounds(max_requests=max_requests)
        ) as crawl:
            await act(crawl)

    asyncio.run(go())


def test_a_crawl_keeps_to_the_rate_and_the_budget_of_its_upstream(tmp_path: Path) -> None:
    async def act(crawl: Crawl) -> None:
        assert crawl.context.limiter.throttle.per_second == 1.5
        assert crawl.context.budget.limit == 7
        assert crawl.owner == WRITER
        assert "contact: me" in crawl.context.client.session.headers["User-Agent"]

    in_crawl(tmp_path, act)


def test_a_second_crawl_of_the_same_stream_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    async def act(crawl: Crawl) -> None:
        with pytest.raises(Locked):
            async with open_crawl(Crawler(tmp_path, WRITER, SteppingClock()), UPSTREAM):
                pass

    in_crawl(tmp_path, act)
    in_crawl(tmp_path, accept)


async def accept(crawl: Crawl) -> None:
    assert not crawl.context.client.session.closed


def test_everything_is_closed_although_the_crawl_raises(tmp_path: Path) -> None:
    opened = []

    async def act(crawl: Crawl) -> None:
        opened.append(crawl)
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        in_crawl(tmp_path, act)

    assert opened[0].context.client.session.closed
    in_crawl(tmp_path, accept)


def test_garbage_collections_are_rare_during_every_crawl(tmp_path: Path) -> None:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)

    async def act(crawl: Crawl) -> None:
        assert gc.get_threshold()[0] == 10_000
        assert gc.get_freeze_count() > 0

    try:
        in_crawl(tmp_path, act)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_the_key_is_not_part_of_the_printed_upstream() -> None:
    assert "sk-secret" not in repr(UPSTREAM)
