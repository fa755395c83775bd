"""The service syncs at its slots, works on the queue between them and stops cleanly."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
from aiohttp import web

from eventlog.clock import HOUR, MINUTE
from eventlog.format.event import HEARTBEAT, PAGE
from eventlog.write.writer import append_heartbeat, close_stream, open_stream
from fetcher.net.retry import Chance
from fetcher.service.open_crawl import CHANCE, Crawler, SyncBounds, Upstream
from fetcher.service.queue_commands import cancel_run, list_runs
from fetcher.service.service import ServicePlan, run_service
from fetcher.sources import SOURCES
from fetcher.state.priority import is_backfill
from fetcher.state.task import CANCELLED, COMPLETED, PENDING, Task
from tests.fetcher.making import (
    FAST_RETRIES,
    OTHER,
    START,
    WRITER,
    Handle,
    SteppingClock,
    lines,
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
    settings: dict[str, Any] = {"schedule": HOURLY, "jitter_s": 0, "poll_s": 0.02, **plan}

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


def test_a_sync_begins_at_its_slot_and_not_before(tmp_path: Path) -> None:
    async def act(service: Service) -> None:
        await service.idle()
        assert service.tasks() == []
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED])
        service.clock.at = START + 90 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED] * 2)

    service = serving(tmp_path, one_page, act)

    assert [task.epoch for task in service.tasks()] == ["2026-11-21T05", "2026-11-21T06"]


def test_a_sync_begins_after_a_random_share_of_the_jitter(tmp_path: Path) -> None:
    async def act(service: Service) -> None:
        service.clock.at = START + 39 * MINUTE
        await asyncio.sleep(0.2)
        assert service.tasks() == []
        service.clock.at = START + 40 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED])

    serving(tmp_path, one_page, act, jitter_s=1200, chance=lambda: 0.5)


def test_a_slot_is_skipped_while_the_previous_sync_is_in_progress(tmp_path: Path) -> None:
    requests: list[str] = []

    async def act(service: Service) -> None:
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED] * 2)
        service.clock.at = START + 150 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED] * 4)

    async def handle(request: web.Request) -> web.Response:
        requests.append(request.path)
        if len(requests) == 1:
            clocks[0].at = START + 90 * MINUTE
        return await one_page(request)

    clocks: list[SteppingClock] = []

    async def begin(service: Service) -> None:
        clocks.append(service.clock)
        await act(service)

    service = serving(tmp_path, handle, begin, listings=["models", "images"])

    assert service.announced == [
        "civitai: this scheduled sync is skipped, the previous one is in progress"
    ]
    assert requests == ["/models", "/images"] * 2


def test_a_service_limits_every_listing_of_its_syncs(tmp_path: Path) -> None:
    async def act(service: Service) -> None:
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED])

    service = serving(tmp_path, endless, act, limit=3)

    assert [(task.entities, task.target) for task in service.tasks()] == [(3, 3)]


def test_added_runs_are_worked_on_between_syncs(tmp_path: Path) -> None:
    async def act(service: Service) -> None:
        service.add("/images")
        await service.until(lambda: states(service) == [COMPLETED])

    serving(tmp_path, one_page, act)


def test_a_run_in_progress_can_be_cancelled(tmp_path: Path) -> None:
    async def act(service: Service) -> None:
        run = service.add("/images")
        await service.until(lambda: bool(service.tasks()) and service.tasks()[0].pages > 2)
        cancel_run(Crawler(service.root, OTHER, service.clock), "civitai", run)
        service.add("/models")  # starts when the other run has ended
        await service.until(lambda: sorted(states(service)) == [CANCELLED, COMPLETED])

    async def handle(request: web.Request) -> web.Response:
        return await (endless if request.path == "/images" else one_page)(request)

    serving(tmp_path, handle, act)


def test_an_added_run_yields_to_a_sync_and_continues_afterwards(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return await (endless if request.path == "/images" else one_page)(request)

    async def act(service: Service) -> None:
        service.add("/images", priority=0)
        await service.until(lambda: bool(service.tasks()) and service.tasks()[0].pages > 2)
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: COMPLETED in states(service))
        pages = next(task.pages for task in service.tasks() if task.state != COMPLETED)
        await service.until(lambda: any(task.pages > pages + 2 for task in service.tasks()))

    serving(tmp_path, handle, act)


def test_a_stopped_service_completes_the_current_page_and_leaves_the_run_pending(
    tmp_path: Path,
) -> None:
    async def act(service: Service) -> None:
        service.add("/images")
        await service.until(lambda: bool(service.tasks()) and service.tasks()[0].pages > 2)

    service = serving(tmp_path, endless, act)

    (task,) = service.tasks()
    assert task.state == PENDING
    assert task.url is not None and task.url.endswith(f"cursor={task.pages}")
    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert len(pages) == task.pages


def test_a_quiet_hour_has_a_heartbeat(tmp_path: Path) -> None:
    async def act(service: Service) -> None:
        await service.idle()
        assert len(lines(tmp_path, "civitai")) == 1  # the event before the service
        service.clock.at += HOUR + 11 * MINUTE
        await service.until(lambda: len(lines(tmp_path, "civitai")) > 1)

    serving(tmp_path, one_page, act, schedule="0 0 1 1 *")

    assert [line.kind for line in lines(tmp_path, "civitai")] == [HEARTBEAT] * 2


def test_the_request_budget_is_refilled_every_hour(tmp_path: Path) -> None:
    pages = []

    async def act(service: Service) -> None:
        service.add("/images")
        for hour in range(3):
            service.clock.at = START + hour * HOUR
            await service.until(lambda hour=hour: service.tasks()[0].pages >= 2 * (hour + 1))  # type: ignore[misc]
            pages.append(service.tasks()[0].pages)

    serving(tmp_path, endless, act, max_requests=2, schedule="0 0 1 1 *")

    assert pages == [2, 4, 6]


def test_missed_slots_are_announced_and_made_up_for_by_one_sync(tmp_path: Path) -> None:
    async def wake(service: Service) -> None:
        await service.until(lambda: states(service) == [COMPLETED])

    beat(tmp_path, SteppingClock())
    service = serving(tmp_path, one_page, wake, start=START + 5 * HOUR)

    assert service.announced == ["civitai: 5 scheduled syncs were missed; syncing now"]


def test_the_first_sync_begins_at_once(tmp_path: Path) -> None:
    async def act(service: Service) -> None:
        await service.until(lambda: states(service) == [COMPLETED])

    service = serving(tmp_path, one_page, act, is_new=True)

    assert service.announced == ["civitai: first sync, starting now"]
    assert service.clock.at < START + MINUTE


def test_a_run_added_by_a_person_goes_before_a_sync_in_progress(tmp_path: Path) -> None:
    requests: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request.path)
        return await (one_page if request.path == "/tags" else endless)(request)

    async def act(service: Service) -> None:
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: len(requests) > 2)
        service.add("/tags")
        await service.until(lambda: COMPLETED in states(service))

    service = serving(tmp_path, handle, act)

    assert requests.count("/tags") == 1
    assert [task.state for task in service.tasks() if task.listing == "models"] == [PENDING]


def test_the_service_continues_a_backfill_between_syncs_and_after_a_restart(
    tmp_path: Path,
) -> None:
    async def begin(service: Service) -> None:
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: any(task.pages > 2 for task in backfills(service)))

    async def go_on(service: Service) -> None:
        before = backfills(service)[0].pages
        await service.until(lambda: backfills(service)[0].pages > before + 2)

    serving(tmp_path, endless, begin, first_walk=5)
    service = serving(tmp_path, endless, go_on, first_walk=5, start=START + 31 * MINUTE)

    done, waiting = (
        [task for task in service.tasks() if (task.state == COMPLETED) is is_done]
        for is_done in (True, False)
    )
    assert [task.entities for task in done] == [5]
    assert [task.entities_before for task in waiting] == [5]


def backfills(service: Service) -> list[Task]:
    return [task for task in service.tasks() if is_backfill(task)]
