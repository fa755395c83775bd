"""Syncs and queue commands whose settings are given by name, and upstreams for them."""

import asyncio
from pathlib import Path
from typing import Any

import attrs
from aiohttp import web

from eventlog.clock import Clock
from fetcher.crawl.report import RunReport
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
from fetcher.service.queue_commands import RunRequest, add_runs, list_runs, retry_run
from fetcher.service.sync import run_once
from fetcher.simulator.app import make_app, serve
from fetcher.simulator.faults.plan import parse_faults
from fetcher.simulator.world.world import World
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.state.task import Task
from tests.fetcher import making
from tests.fetcher.making import FAST_RETRIES, OTHER, WRITER, Handle, SteppingClock

CIVITAI = SOURCES["civitai"]
NOWHERE = "http://127.0.0.1:1"
"""A base URL at which nothing answers."""
KEY = "sk-test-0123456789"
WORLD = World(3, 40, 20)
SIMULATED_PATHS = {"civitai": "/civitai/api/v1", "openrouter": ""}
"""Path of each source on the simulated upstream."""


async def sync_once(
    root: Path, source: Source, base_url: str, now: Clock | None = None, **settings: Any
) -> RunReport:
    """One sync, fast and without long pauses between attempts.

    `settings` are fields of `Upstream`, `SyncBounds` and `Crawler`; the remaining ones are
    arguments of `run_once`.
    """
    settings = {"requests_per_minute": 600_000, "policy": FAST_RETRIES, **settings}
    upstream = Upstream(source, base_url, **_take(Upstream, settings))
    bounds = SyncBounds(**_take(SyncBounds, settings))
    crawler = Crawler(
        root, settings.pop("writer", WRITER), now or SteppingClock(), **_take(Crawler, settings)
    )
    return await run_once(crawler, upstream, bounds, **settings)


def sync_with(root: Path, source: Source, handle: Handle, **settings: Any) -> RunReport:
    """One sync with an upstream whose requests `handle` answers."""

    async def go() -> RunReport:
        async with making.upstream(handle) as origin:
            return await sync_once(root, source, origin, **settings)

    return asyncio.run(go())


def sync_simulated(
    root: Path,
    name: str,
    faults: str = "",
    clock: SteppingClock | None = None,
    served: list[tuple[str, int, bytes]] | None = None,
    **settings: Any,
) -> RunReport:
    """One sync with the simulated upstream.

    `served` receives the address, status and body of each of its responses.
    """
    clock = clock or SteppingClock()

    def note(address: str, status: int, body: bytes) -> None:
        if served is not None:
            served.append((address, status, body))

    async def go() -> RunReport:
        app = make_app(WORLD, lambda: clock.at, parse_faults(faults), note)
        async with serve(app, clock) as origin:
            base_url = origin + SIMULATED_PATHS[name]
            return await sync_once(root, SOURCES[name], base_url, clock, key=KEY, **settings)

    return asyncio.run(go())


def work_on_queue(
    root: Path, handle: Handle, source: Source = CIVITAI, **settings: Any
) -> RunReport:
    """Works on the runs in the queue without adding those of a sync."""
    listings = tuple(attrs.evolve(listing, by_default=False) for listing in source.listings)
    return sync_with(root, attrs.evolve(source, listings=listings), handle, **settings)


def paginated(pages: int) -> Handle:
    """Answers every request as a listing of this many pages with one entity each."""

    async def handle(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", 0))
        is_last = number + 1 >= pages
        metadata = {"total": pages} if is_last else {"nextCursor": number + 1}
        return web.json_response({"items": [{"id": number}], "metadata": metadata})

    return handle


def failing_at(cursor: str, is_failing: list[bool]) -> Handle:
    """A listing of four pages; the one with this cursor fails while `is_failing[0]`."""
    answer = paginated(4)

    async def handle(request: web.Request) -> web.StreamResponse:
        if is_failing[0] and request.query.get("cursor") == cursor:
            return web.json_response({"error": "busy"}, status=503)
        return await answer(request)

    return handle


def fail_and_retry(
    root: Path, handle: Handle, run: str, clock: SteppingClock, is_failing: list[bool]
) -> tuple[Task, Task]:
    """Works on a run until it fails, repairs the upstream and retries the run.

    Returns the task after the failure and after the retry.
    """
    work_on_queue(root, handle, now=clock)
    (failed,) = list_runs(root, "civitai", clock)
    is_failing[0] = False
    retry_run(Crawler(root, OTHER, clock), "civitai", run)
    work_on_queue(root, handle, now=clock)
    (retried,) = list_runs(root, "civitai", clock)
    return failed, retried


def is_complete(report: RunReport) -> bool:
    """Whether every listing of a sync is completed."""
    return all(listing.state == "completed" for listing in report.listings)


def _take(value: type[attrs.AttrsInstance], settings: dict[str, Any]) -> dict[str, Any]:
    """Removes the settings that are fields of a value and returns them."""
    names = [field.name for field in attrs.fields(value) if field.name in settings]
    return {name: settings.pop(name) for name in names}


def queued(root: Path) -> list[Task]:
    """The queue of Civitai."""
    return list_runs(root, "civitai", SteppingClock())


def add_run(
    root: Path,
    upstream: Upstream,
    target: str,
    *,
    writer: str = OTHER,
    now: Clock,
    **settings: Any,
) -> Task:
    """Queues a listing or URL and returns its run; `settings` are fields of `RunRequest`."""
    request = RunRequest(target, **settings)
    (task,) = add_runs(Crawler(root, writer, now), upstream, request)
    return task


def add_civitai_run(root: Path, target: str = "models", **settings: Any) -> Task:
    """Queues a listing or URL of Civitai and returns its run."""
    upstream = Upstream(CIVITAI, settings.pop("base_url", NOWHERE))
    return add_run(root, upstream, target, **{"now": SteppingClock(), **settings})
