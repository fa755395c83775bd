"""Splitter pool: the logged events do not depend on where the pages are split."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from aiohttp import web

from eventlog.format.event import ENTITY, PAGE, PAGE_FAILED, exact_body
from fetcher.simulator.app import make_app, serve
from fetcher.simulator.faults.plan import parse_faults
from fetcher.simulator.world.world import World
from fetcher.source import Source
from fetcher.split.pool import PoolPolicy
from tests.fetcher.making import FAST_RETRIES, Handle, SteppingClock, lines, recordings, responses
from tests.fetcher.split.splitting import EAGER, HERE, Started, crawl, feed, source_of
from tests.fetcher.syncing import is_complete, sync_once


def logged_events(root: Path) -> list[dict[str, Any]]:
    """Events of the log without times, ports and run ids."""
    events = []
    for line in lines(root, "civitai"):
        members = {name: getattr(line, name) for name in line.__struct_fields__}
        event = {name: value for name, value in members.items() if name not in _VARIABLE}
        events.append(json.loads(json.dumps(event)) | {"exact": exact_body(line)})
    return events


_VARIABLE = ("observed_at", "body", "body_raw", "run", "url")
"""Members that differ from run to run."""


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
    remaining = iter(bodies)

    async def handle(request: web.Request) -> web.Response:
        body = next(remaining, b'{"items":[],"metadata":{"total":1}}')
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
    clock = SteppingClock()
    app = make_app(World(5, 60, 30), lambda: SteppingClock().at, parse_faults(FAULTS))
    async with serve(app, lambda: SteppingClock().at, port=port) as origin:
        await sync_once(
            root,
            source,
            origin + "/civitai/api/v1",
            clock,
            policy=attrs.evolve(FAST_RETRIES, attempts=8),
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


def misleading(request: web.Request) -> web.Response:
    """Pages 0 to 19. The prediction for page 7 is page 100, its next page is 8."""
    number = int(request.query.get("cursor", 0))
    items = json.dumps([{"id": number * 5 + n} for n in range(5)], separators=(",", ":"))
    metadata = json.dumps({"nextCursor": str(number + 1)} if number < 19 else {"total": 1})
    if number == 7:
        text = '{"metadata":{"nextCursor":"100"},"items":%s,"metadata":{"nextCursor":"8"},"z":[]}'
        return web.Response(text=text % items, content_type="application/json")
    text = f'{{"items":{items},"metadata":{metadata}}}'
    return web.Response(text=text, content_type="application/json")


def test_after_a_misprediction_the_pagination_returns_to_the_page(
    tmp_path: Path, started: Started
) -> None:
    requests = {"here": Counter[str](), "there": Counter[str]()}

    def counted(place: str) -> Handle:
        async def handle(request: web.Request) -> web.Response:
            requests[place][request.query.get("cursor", "")] += 1
            return misleading(request)

        return handle

    crawl(tmp_path / "here", counted("here"), HERE)
    there = crawl(tmp_path / "there", counted("there"), EAGER)

    assert requests["there"]["100"] == 1
    assert requests["here"]["100"] == 0
    assert requests["there"]["7"] == 1
    assert logged_events(tmp_path / "there") == logged_events(tmp_path / "here")
    assert is_complete(there)


def torn_at_seven(times: int) -> Handle:
    """Upstream whose page 7 is damaged in its middle for this many requests."""
    answer, requests = feed(12), Counter[str]()

    async def handle(request: web.Request) -> web.StreamResponse:
        cursor = request.query.get("cursor", "")
        requests[cursor] += 1
        page = await answer(request)
        assert isinstance(page, web.Response)
        if cursor == "7" and requests[cursor] <= times:
            assert isinstance(page.body, bytes)
            torn = page.body.replace(b'},{"z"', b'},{"z":[[', 1)
            return web.Response(body=torn, content_type="application/json")
        return page

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


def test_an_endless_pagination_ends_although_its_pages_are_prefetched(
    tmp_path: Path, started: Started
) -> None:
    requested: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        requested.append(request.query.get("cursor", "0"))
        items = [{"id": id_} for id_ in range(200)]
        metadata = {"nextCursor": str(int(requested[-1]) + 1)}
        body = orjson.dumps({"items": items, "metadata": metadata})
        return web.Response(body=body, content_type="application/json")

    report = crawl(tmp_path, handle, EAGER)

    assert started
    assert report.listings[0].state == "partial"
    assert "contain nothing new" in str(report.listings[0].why)
    assert 21 <= len(requested) < 60
