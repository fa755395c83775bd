"""Splitter processes: when they are started, what they survive, and that they always end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from fetcher.simulator.app import serve
from fetcher.source import Source
from fetcher.split.pool import (
    PoolPolicy,
    SplitterPool,
    can_offload,
    close_pool,
    offload,
    open_pool,
    start_splitters,
)
from fetcher.split.response import SplitResponse
from tests.fetcher.making import SteppingClock, page_of, response
from tests.fetcher.split.splitting import EAGER, Started, crawl, feed, until
from tests.fetcher.syncing import CIVITAI, is_complete

ROOT = Path(__file__).parents[3]
ONE_PROCESS = attrs.evolve(EAGER, max_processes=1)


def test_a_splitter_that_dies_while_idle_is_reported_too(started: Started) -> None:
    async def go() -> int:
        pool = open_pool(CIVITAI, EAGER)
        start_splitters(pool)
        started[0].process.kill()
        await until(lambda: started[0].connection.fileno() < 0)
        close_pool(pool)
        return pool.lost

    assert asyncio.run(go()) == 1


def test_if_no_process_can_be_started_all_pages_are_split_in_the_crawl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-python"))
    there = crawl(tmp_path, feed(5), EAGER)

    assert is_complete(there)
    assert there.listings[0].splitters_lost == 1


def test_a_short_pagination_and_one_that_waits_for_upstream_have_no_splitters(
    tmp_path: Path, started: Started
) -> None:
    feed_of_three = feed(3, 200)

    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return await feed_of_three(request)

    crawl(tmp_path / "short", feed_of_three, PoolPolicy(max_processes=2))
    crawl(tmp_path / "slow", slow, PoolPolicy(max_processes=2, min_split_bytes=0))

    assert started == []


def test_only_registered_sources_have_splitters() -> None:
    async def max_processes(source: Source) -> int:
        return open_pool(source, EAGER).policy.max_processes

    other = attrs.evolve(CIVITAI, endpoints=CIVITAI.endpoints[:1])

    assert asyncio.run(max_processes(CIVITAI)) == 2
    assert asyncio.run(max_processes(attrs.evolve(CIVITAI, name="elsewhere"))) == 0
    assert asyncio.run(max_processes(other)) == 0


CRAWLER = """
import asyncio, sys
from pathlib import Path
from eventlog.clock import now_us
from fetcher.sources import SOURCES
from fetcher.split.pool import PoolPolicy
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
from fetcher.service.sync import run_once

policy = PoolPolicy(max_processes=2, min_split_bytes=0, min_split_share=0.0, min_page_bytes=0)
asyncio.run(run_once(
    Crawler(Path(sys.argv[1]), "1a2b3c4d", now_us, pool_policy=policy),
    Upstream(SOURCES["civitai"], sys.argv[2], requests_per_minute=600_000),
    SyncBounds(listings=["images"]),
))
"""


def children(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in file.read_text().split()] if file.exists() else []


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    "sent",
    [
        signal.SIGKILL,
        *(
            pytest.param(number, marks=pytest.mark.slow)
            for number in (signal.SIGINT, signal.SIGTERM)
        ),
    ],
)
def test_no_splitter_outlives_its_crawl_however_that_ended(
    tmp_path: Path, sent: signal.Signals
) -> None:
    app = web.Application()
    app.router.add_get("/images", feed(100_000))

    async def go() -> list[int]:
        async with serve(app, SteppingClock()) as origin:
            crawler = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", CRAWLER, str(tmp_path), origin),
                cwd=ROOT,
                stderr=subprocess.DEVNULL,
            )
            await until(lambda: len(children(crawler.pid)) == 2)
            pids = children(crawler.pid)
            await asyncio.sleep(0.3)
            crawler.send_signal(sent)
            await crawler.wait()
            await until(lambda: not any(map(is_alive, pids)))
            return pids

    assert len(asyncio.run(go())) == 2


async def offload_page(pool: SplitterPool) -> Coroutine[Any, Any, SplitResponse]:
    """Hands a page with one entity to a splitter; returns the coroutine of its parts."""
    page = response(page_of({"id": 7}), "/images")
    await until(lambda: can_offload(pool, page))
    parts = offload(pool, page, CIVITAI.endpoint("/images").rules({}))
    assert parts is not None
    return parts


def test_a_crawl_that_is_cancelled_while_a_reply_arrives_ends(started: Started) -> None:
    async def go() -> None:
        pool = open_pool(CIVITAI, ONE_PROCESS)
        try:
            start_splitters(pool)
            parts = await offload_page(pool)
            (reply,) = started[0].pending.values()
            reply.add_done_callback(lambda _: task.cancel())
            task = asyncio.create_task(parts)
            with pytest.raises(asyncio.CancelledError):
                await task
        finally:
            close_pool(pool)

    asyncio.run(go())


def test_splitters_ignore_signals_of_the_terminal(started: Started) -> None:
    async def go() -> SplitResponse:
        pool = open_pool(CIVITAI, ONE_PROCESS)
        try:
            start_splitters(pool)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                started[0].process.send_signal(number)
            parts = await (await offload_page(pool))
            assert pool.lost == 0
            return parts
        finally:
            close_pool(pool)

    assert [entity.id for entity in asyncio.run(go()).entities] == ["7"]
    assert os.getpgid(0) not in {splitter.process.pid for splitter in started}
