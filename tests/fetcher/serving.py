"""A service that runs while a test acts, and handlers for its upstream."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
from aiohttp import web

from eventlog.write.writer import append_heartbeat, close_stream, open_stream
from fetcher.net.retry import Chance
from fetcher.service.open_crawl import CHANCE, Crawler, SyncBounds, Upstream
from fetcher.service.queue_commands import list_runs
from fetcher.service.service import ServicePlan, run_service
from fetcher.sources import SOURCES
from fetcher.state.task import Task
from tests.fetcher.making import (
    FAST_RETRIES,
    START,
    WRITER,
    Handle,
    SteppingClock,
    upstream,
)
from tests.fetcher.syncing import add_run

CIVITAI = SOURCES["civitai"]
HOURLY = "30 * * * *"


@attrs.define
class Service:
    """A service under test."""

    root: Path
    origin: str
    clock: SteppingClock
    announced: list[str]
    clock_reads: int = 0
    """How often the service has read its clock, which it does before each pause."""

    def now(self) -> int:
        self.clock_reads += 1
        return self.clock()

    def tasks(self) -> list[Task]:
        return list_runs(self.root, "civitai", self.clock)

    def add(self, target: str, **more: Any) -> str:
        upstream = Upstream(CIVITAI, self.origin)
        return add_run(self.root, upstream, target, now=self.clock, **more).run

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1500):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"condition not met in time: {self.tasks()}")

    async def idle(self) -> None:
        """Waits until the service has read its clock ten more times."""
        before = self.clock_reads
        await self.until(lambda: self.clock_reads > before + 10)


def serving(
    root: Path,
    handle: Handle,
    act: Callable[[Service], Awaitable[None]],
    start: int = START,
    max_requests: int | None = None,
    chance: Chance = CHANCE,
    is_new: bool = False,
    **plan: Any,
) -> Service:
    """Calls `act` while a service is running, then stops the service and returns it.

    `plan` are fields of `ServicePlan` and `SyncBounds`. Unless `is_new`, the stream has an event
    at `start`, so that no slot was missed.
    """
    clock, announced = SteppingClock(start), list[str]()
    bounds = SyncBounds(
        listings=plan.pop("listings", ["models"]),
        limit=plan.pop("limit", None),
        first_walk=plan.pop("first_walk", None),
        max_requests=max_requests,
    )
    settings: dict[str, Any] = {
        "schedule": HOURLY,
        "jitter_s": 0,
        "poll_s": 0.02,
        "check_s": 0.02,
        **plan,
    }

    if not is_new:
        beat(root, clock)

    async def go() -> Service:
        async with upstream(handle) as origin:
            service = Service(root, origin, clock, announced)
            crawler = Crawler(root, WRITER, service.now, chance=chance)
            await _while_serving(service, crawler, ServicePlan(bounds=bounds, **settings), act)
            return service

    return asyncio.run(go())


async def _while_serving(
    service: Service,
    crawler: Crawler,
    plan: ServicePlan,
    act: Callable[[Service], Awaitable[None]],
) -> None:
    """Runs the service; calls `act` once the first sync is scheduled, then stops the service."""
    stopping, has_schedule = asyncio.Event(), asyncio.Event()

    def announce(line: str) -> None:
        service.announced.append(line)
        has_schedule.set()

    def draw() -> float:
        has_schedule.set()
        return crawler.chance()

    server = Upstream(CIVITAI, service.origin, None, 600_000, 2, FAST_RETRIES)
    crawling = attrs.evolve(crawler, chance=draw)
    work = asyncio.create_task(
        run_service(crawling, server, plan, stopping=stopping, announce=announce)
    )
    try:
        await asyncio.wait_for(has_schedule.wait(), 60)
        await act(service)
    finally:
        stopping.set()
        await asyncio.wait_for(work, 120)


def beat(root: Path, clock: SteppingClock) -> None:
    """Appends a heartbeat to the stream, at the time of the clock."""
    stream = open_stream(root, "civitai", WRITER, clock=clock)
    try:
        if not stream.last_observed:
            append_heartbeat(stream)
    finally:
        close_stream(stream)


async def one_page(request: web.Request) -> web.Response:
    return web.json_response({"items": [{"id": 1}], "metadata": {"total": 1}})


async def endless(request: web.Request) -> web.Response:
    number = int(request.query.get("cursor", 0))
    await asyncio.sleep(0.01)
    body = {"items": [{"id": number}], "metadata": {"nextCursor": number + 1}}
    return web.json_response(body)


def states(service: Service) -> list[str]:
    return [task.state for task in service.tasks()]
