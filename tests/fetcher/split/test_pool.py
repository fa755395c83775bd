"""Splitter pool: the events are the same, whatever happens to the splitter processes."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from aiohttp import web

from eventlog.format.event import ENTITY, PAGE, PAGE_FAILED, exact_body
from fetcher.crawl.report import RunReport
from fetcher.simulator.app import make_app, serve
from fetcher.simulator.faults.plan import parse_faults
from fetcher.simulator.world.world import World
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.split import pool as splitter_pool
from fetcher.split.pool import PoolPolicy, SplitterProcess
from fetcher.split.response import SplitResponse
from tests.fetcher.making import (
    HURRIED,
    Hand,
    Handle,
    lines,
    page_of,
    recordings,
    response,
    responses,
)
from tests.fetcher.syncing import is_complete, sync_once, sync_with

EAGER = PoolPolicy(max_processes=2, min_split_bytes=0, min_split_share=0.0, min_page_bytes=0)
HERE = PoolPolicy(max_processes=0)
CIVITAI = SOURCES["civitai"]
ROOT = Path(__file__).parents[3]

Started = list[SplitterProcess]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The splitters that a test starts; each start waits until the splitter is ready."""
    begin, splitters = splitter_pool._start_splitter, Started()

    def begun(source: str) -> SplitterProcess:
        splitter = begin(source)
        assert select.select([splitter.connection], [], [], 60)[0]
        splitters.append(splitter)
        return splitter

    monkeypatch.setattr(splitter_pool, "_start_splitter", begun)
    return splitters


def source_of(name: str = "images", **params: str) -> Source:
    """Civitai with one listing, which is never partitioned."""
    listing = CIVITAI.listing(name)
    listing = attrs.evolve(
        listing, params={**listing.params, **params}, ends_silently_at=None, partitions=()
    )
    return attrs.evolve(CIVITAI, listings=(listing,))


def logged_events(root: Path) -> list[dict[str, Any]]:
    """Events of the log without times, ports and run ids."""
    events = []
    for line in lines(root, "civitai"):
        made = json.loads(attrs_free(line))
        made["exact"] = (exact_body(line) or b"").hex()
        events.append(made)
    return events


def attrs_free(line: Any) -> str:
    """An event as JSON, without the members that differ from run to run."""
    members = {
        name: getattr(line, name)
        for name in line.__struct_fields__
        if name not in ("observed_at", "body", "body_raw", "run", "url")
    }
    return json.dumps(members)


def crawl(
    root: Path, handle: Handle, pool_policy: PoolPolicy, source: Source | None = None
) -> RunReport:
    return sync_with(root, source or source_of(), handle, pool_policy=pool_policy)


def feed(pages: int, per_page: int = 20) -> Handle:
    """Upstream with this many pages of images."""

    async def handle(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", 0))
        items = [{"z": "é" * 50, "id": number * per_page + n, "a": [n]} for n in range(per_page)]
        onward = {"nextCursor": str(number + 1)} if number + 1 < pages else {"total": pages}
        body = orjson.dumps({"items": items, "metadata": onward})
        return web.Response(body=body, content_type="application/json")

    return handle


def test_a_pagination_logs_the_same_events_wherever_its_pages_are_split(
    tmp_path: Path, started: Started
) -> None:
    here = crawl(tmp_path / "here", feed(30), HERE)
    there = crawl(tmp_path / "there", feed(30), EAGER)

    assert len(started) == 2
    assert logged_events(tmp_path / "there") == logged_events(tmp_path / "here")
    assert is_complete(there)
    assert there.total("entities") == here.total("entities") == 600
    assert len(list(responses(tmp_path / "there", "civitai"))) == 30


def recorded(name: str) -> Handle:
    """Upstream that returns recorded pages one after the other."""
    files = sorted((recordings() / "civitai" / name).rglob("*.json"))
    bodies = [file.read_bytes() for file in files if b'"nextCursor"' in file.read_bytes()]
    assert len(bodies) > 1
    count = Counter[str]()

    async def handle(request: web.Request) -> web.Response:
        count["asked"] += 1
        place = count["asked"] - 1
        body = bodies[place] if place < len(bodies) else b'{"items":[],"metadata":{"total":1}}'
        return web.Response(body=body, content_type="application/json")

    return handle


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["images", "models"])
def test_recorded_pages_give_the_same_events_wherever_they_are_split(
    tmp_path: Path, started: Started, name: str
) -> None:
    for place, pool_policy in (("here", HERE), ("there", EAGER)):
        crawl(tmp_path / place, recorded(name), pool_policy, source_of(name))

    assert started
    assert logged_events(tmp_path / "there") == logged_events(tmp_path / "here")
    assert any(line["kind"] == ENTITY for line in logged_events(tmp_path / "there"))


FAULTS = "429:0.05,503:0.05,html:0.05,cut:0.05,torn:0.05,hostile:0.3,repeat:0.1,empty:0.02"


@pytest.mark.parametrize("name", ["images", pytest.param("models", marks=pytest.mark.slow)])
def test_hostile_pages_give_the_same_events_wherever_they_are_split(
    tmp_path: Path, started: Started, name: str
) -> None:
    source, port = source_of(name, limit="5"), 0
    for place, pool_policy in (("here", HERE), ("there", EAGER)):
        port = asyncio.run(under_faults(tmp_path / place, source, pool_policy, port))

    assert started
    assert logged_events(tmp_path / "there") == logged_events(tmp_path / "here")
    assert Counter(line["kind"] for line in logged_events(tmp_path / "there"))[PAGE] > 5


async def under_faults(root: Path, source: Source, pool_policy: PoolPolicy, port: int) -> int:
    """Crawls the simulator and returns its port, which occurs in the links of its pages."""
    clock = Hand()
    app = make_app(World(5, 60, 30), lambda: Hand().at, parse_faults(FAULTS))
    async with serve(app, lambda: Hand().at, port=port) as origin:
        await sync_once(
            root,
            source,
            origin + "/civitai/api/v1",
            clock,
            policy=attrs.evolve(HURRIED, attempts=8),
            chance=lambda: 0.5,
            pool_policy=pool_policy,
        )
    return int(origin.rpartition(":")[2])


def at_page(number: int, handle: Handle, act: Callable[[], None]) -> Handle:
    """The same upstream; calls `act` when this page is requested."""

    async def handled(request: web.Request) -> web.StreamResponse:
        if request.query.get("cursor") == str(number):
            act()
        return await handle(request)

    return handled


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_a_splitter_that_dies_or_hangs_costs_no_page_and_is_reported(
    tmp_path: Path, started: Started, sent: signal.Signals
) -> None:
    def strike() -> None:
        for splitter in started:
            splitter.process.send_signal(sent)

    pool_policy = attrs.evolve(EAGER, timeout_s=0.3)
    there = crawl(tmp_path / "there", at_page(10, feed(30), strike), pool_policy)
    crawl(tmp_path / "here", feed(30), HERE)

    assert len(started) == 2
    assert logged_events(tmp_path / "there") == logged_events(tmp_path / "here")
    assert is_complete(there)
    assert there.listings[0].splitters_lost == 2


def test_a_splitter_that_dies_while_idle_is_reported_too(started: Started) -> None:
    async def go() -> int:
        pool = splitter_pool.open_pool(CIVITAI, EAGER)
        splitter_pool.start_splitters(pool)
        started[0].process.kill()
        await until(lambda: started[0].connection.fileno() < 0)
        splitter_pool.close_pool(pool)
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
    async def most(source: Source) -> int:
        return splitter_pool.open_pool(source, EAGER).policy.max_processes

    other = attrs.evolve(CIVITAI, endpoints=CIVITAI.endpoints[:1])

    assert asyncio.run(most(CIVITAI)) == 2
    assert asyncio.run(most(attrs.evolve(CIVITAI, name="elsewhere"))) == 0
    assert asyncio.run(most(other)) == 0


def misleading(request: web.Request) -> web.Response:
    """Pages 0 to 19. The prediction for page 7 is page 100, its next page is 8."""
    number = int(request.query.get("cursor", 0))
    items = json.dumps([{"id": number * 5 + n} for n in range(5)], separators=(",", ":"))
    onward = json.dumps({"nextCursor": str(number + 1)} if number < 19 else {"total": 1})
    if number == 7:
        text = '{"metadata":{"nextCursor":"100"},"items":%s,"metadata":{"nextCursor":"8"},"z":[]}'
        return web.Response(text=text % items, content_type="application/json")
    text = f'{{"items":{items},"metadata":{onward}}}'
    return web.Response(text=text, content_type="application/json")


def test_after_a_misprediction_the_pagination_goes_back(tmp_path: Path, started: Started) -> None:
    asked = {"here": Counter[str](), "there": Counter[str]()}

    def counted(place: str) -> Handle:
        async def handle(request: web.Request) -> web.Response:
            asked[place][request.query.get("cursor", "")] += 1
            return misleading(request)

        return handle

    crawl(tmp_path / "here", counted("here"), HERE)
    there = crawl(tmp_path / "there", counted("there"), EAGER)

    assert asked["there"]["100"] == 1
    assert asked["here"]["100"] == 0
    assert asked["there"]["7"] == 1
    assert logged_events(tmp_path / "there") == logged_events(tmp_path / "here")
    assert is_complete(there)


def torn_at_seven(times: int) -> Handle:
    """Upstream whose page 7 is damaged in its middle for this many requests."""
    whole, asked = feed(12), Counter[str]()

    async def handle(request: web.Request) -> web.StreamResponse:
        cursor = request.query.get("cursor", "")
        asked[cursor] += 1
        answer = await whole(request)
        assert isinstance(answer, web.Response)
        if cursor == "7" and asked[cursor] <= times:
            assert isinstance(answer.body, bytes)
            torn = answer.body.replace(b'},{"z"', b'},{"z":[[', 1)
            return web.Response(body=torn, content_type="application/json")
        return answer

    return handle


@pytest.mark.parametrize("times", [1, 100])
def test_a_page_that_is_damaged_in_its_middle_is_retried_as_usual(
    tmp_path: Path, started: Started, times: int
) -> None:
    crawl(tmp_path / "here", torn_at_seven(times), HERE)
    crawl(tmp_path / "there", torn_at_seven(times), EAGER)

    kinds = Counter(line["kind"] for line in logged_events(tmp_path / "there"))
    assert started
    assert kinds[PAGE] == (12 if times == 1 else 7)
    assert kinds[PAGE_FAILED] == (0 if times == 1 else 1)
    assert logged_events(tmp_path / "there") == logged_events(tmp_path / "here")


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
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in listed.read_text().split()] if listed.exists() else []


def lives(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(6000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the condition was not met in time")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    "sent",
    [
        signal.SIGKILL,
        *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGTERM)),
    ],
)
def test_no_splitter_outlives_its_crawl_however_that_ended(
    tmp_path: Path, sent: signal.Signals
) -> None:
    app = web.Application()
    app.router.add_get("/images", feed(100_000))

    async def go() -> list[int]:
        async with serve(app, Hand()) as origin:
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
            await until(lambda: not any(map(lives, pids)))
            return pids

    assert len(asyncio.run(go())) == 2


def test_a_crawl_that_is_cancelled_as_an_answer_comes_ends(started: Started) -> None:
    async def go() -> None:
        pool = splitter_pool.open_pool(CIVITAI, attrs.evolve(EAGER, max_processes=1))
        try:
            splitter_pool.start_splitters(pool)
            answer = response(page_of({"id": 7}), "/images")
            await until(lambda: splitter_pool.can_offload(pool, answer))
            handed = splitter_pool.offload(pool, answer, CIVITAI.endpoint("/images").rules({}))
            assert handed is not None
            (done,) = started[0].pending.values()
            done.add_done_callback(lambda _: taking.cancel())
            taking = asyncio.create_task(handed)
            with pytest.raises(asyncio.CancelledError):
                await taking
        finally:
            splitter_pool.close_pool(pool)

    asyncio.run(go())


def test_splitters_ignore_signals_of_the_terminal(started: Started) -> None:
    async def go() -> SplitResponse:
        pool = splitter_pool.open_pool(CIVITAI, attrs.evolve(EAGER, max_processes=1))
        try:
            splitter_pool.start_splitters(pool)
            for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                started[0].process.send_signal(sent)
            answer = response(page_of({"id": 7}), "/images")
            await until(lambda: splitter_pool.can_offload(pool, answer))
            rules = CIVITAI.endpoint("/images").rules({})
            handed = splitter_pool.offload(pool, answer, rules)
            assert handed is not None
            parts = await handed
            assert pool.lost == 0
            return parts
        finally:
            splitter_pool.close_pool(pool)

    assert [each.id for each in asyncio.run(go()).entities] == ["7"]
    assert os.getpgid(0) not in {each.process.pid for each in started}
