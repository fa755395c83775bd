"""The service: syncs at their slots, works on the queue between them, stops cleanly."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from eventlog.clock import HOUR, MINUTE, SECOND
from eventlog.errors import Invalid
from eventlog.format.event import HEARTBEAT, PAGE
from fetcher.net.retry import Chance
from fetcher.service.open_crawl import CHANCE, Crawler, SyncBounds, Upstream
from fetcher.service.queue_commands import cancel_run, list_runs
from fetcher.service.schedule import check_schedule, delay_us, missed_slots, next_slot
from fetcher.service.service import ServicePlan, run_service
from fetcher.sources import SOURCES
from fetcher.state.task import CANCELLED, COMPLETED, PENDING, Task
from tests.fetcher.making import HURRIED, OTHER, START, WRITER, Hand, Handle, lines, upstream
from tests.fetcher.syncing import add_run

CIVITAI = SOURCES["civitai"]
HOURLY = "30 * * * *"


@attrs.define
class Service:
    """A service under test."""

    root: Path
    origin: str
    clock: Hand
    told: list[str]
    looks: int = 0
    """How often the service has looked at its clock, which it does before each rest."""

    def now(self) -> int:
        self.looks += 1
        return self.clock()

    def tasks(self) -> list[Task]:
        return list_runs(self.root, "civitai", self.clock)

    def add(self, what: str, **more: Any) -> str:
        upstream = Upstream(CIVITAI, self.origin)
        return add_run(self.root, upstream, what, now=self.clock, **more).run

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(1500):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"never came about: {self.tasks()}")

    async def idle(self) -> None:
        """Let the service look at its clock and rest some times."""
        before = self.looks
        await self.until(lambda: self.looks > before + 10)


def serving(
    root: Path,
    handle: Handle,
    what: Callable[[Service], Awaitable[None]],
    start: int = START,
    most: int | None = None,
    chance: Chance = CHANCE,
    **plan: Any,
) -> Service:
    """Do something while a service runs, then stop it."""
    clock, told = Hand(start), list[str]()
    bounds = SyncBounds(
        listings=plan.pop("listings", ["models"]), limit=plan.pop("limit", None), max_requests=most
    )
    settings: dict[str, Any] = {"schedule": HOURLY, "jitter_s": 0, "poll_s": 0.02, **plan}

    async def go() -> Service:
        stopping = asyncio.Event()
        async with upstream(handle) as origin:
            service = Service(root, origin, clock, told)
            begun = asyncio.Event()  # it knows by then when the next sync is due

            def tell(line: str) -> None:
                told.append(line)
                begun.set()

            def draw() -> float:
                begun.set()
                return chance()

            work = asyncio.create_task(
                run_service(
                    Crawler(root, WRITER, service.now, chance=draw),
                    Upstream(CIVITAI, origin, None, 600_000, 2, HURRIED),
                    ServicePlan(bounds=bounds, **settings),
                    stopping=stopping,
                    announce=tell,
                )
            )
            try:
                await asyncio.wait_for(begun.wait(), 60)
                await what(service)
            finally:
                stopping.set()
                await asyncio.wait_for(work, 120)
            return service

    return asyncio.run(go())


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
    async def what(service: Service) -> None:
        await service.idle()
        assert service.tasks() == []
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED])
        service.clock.at = START + 90 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED] * 2)

    service = serving(tmp_path, one_page, what)

    assert [task.epoch for task in service.tasks()] == ["2026-11-21T05", "2026-11-21T06"]


def test_a_sync_begins_late_by_its_share_of_the_jitter(tmp_path: Path) -> None:
    async def what(service: Service) -> None:
        service.clock.at = START + 39 * MINUTE
        await asyncio.sleep(0.2)
        assert service.tasks() == []
        service.clock.at = START + 40 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED])

    serving(tmp_path, one_page, what, jitter_s=1200, chance=lambda: 0.5)


def test_a_slot_is_left_out_while_the_last_sync_is_under_way(tmp_path: Path) -> None:
    asked: list[str] = []

    async def what(service: Service) -> None:
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED] * 2)
        service.clock.at = START + 150 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED] * 4)

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        if len(asked) == 1:
            clocks[0].at = START + 90 * MINUTE
        return await one_page(request)

    clocks: list[Hand] = []

    async def begin(service: Service) -> None:
        clocks.append(service.clock)
        await what(service)

    service = serving(tmp_path, handle, begin, listings=["models", "images"])

    assert service.told == [
        "civitai: this scheduled sync is skipped, the previous one is in progress"
    ]
    assert asked == ["/models", "/images"] * 2


def test_a_service_limits_every_listing_of_its_syncs(tmp_path: Path) -> None:
    async def what(service: Service) -> None:
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: states(service) == [COMPLETED])

    service = serving(tmp_path, endless, what, limit=3)

    assert [(task.entities, task.target) for task in service.tasks()] == [(3, 3)]


def test_what_is_added_is_worked_on_between_syncs(tmp_path: Path) -> None:
    async def what(service: Service) -> None:
        service.add("/images")
        await service.until(lambda: states(service) == [COMPLETED])

    serving(tmp_path, one_page, what)


def test_a_run_under_way_can_be_cancelled(tmp_path: Path) -> None:
    async def what(service: Service) -> None:
        run = service.add("/images")
        await service.until(lambda: bool(service.tasks()) and service.tasks()[0].pages > 2)
        cancel_run(service.root, "civitai", run, writer=OTHER, now=service.clock)
        service.add("/models")  # its turn comes when the other is over
        await service.until(lambda: sorted(states(service)) == [CANCELLED, COMPLETED])

    async def handle(request: web.Request) -> web.Response:
        return await (endless if request.path == "/images" else one_page)(request)

    serving(tmp_path, handle, what)


def test_a_sync_goes_before_what_was_added_which_then_goes_on(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return await (endless if request.path == "/images" else one_page)(request)

    async def what(service: Service) -> None:
        service.add("/images")
        await service.until(lambda: bool(service.tasks()) and service.tasks()[0].pages > 2)
        service.clock.at = START + 30 * MINUTE
        await service.until(lambda: COMPLETED in states(service))
        pages = next(task.pages for task in service.tasks() if task.state != COMPLETED)
        await service.until(lambda: any(task.pages > pages + 2 for task in service.tasks()))

    serving(tmp_path, handle, what)


def test_it_stops_after_the_page_under_way_and_goes_on_later(tmp_path: Path) -> None:
    async def what(service: Service) -> None:
        service.add("/images")
        await service.until(lambda: bool(service.tasks()) and service.tasks()[0].pages > 2)

    service = serving(tmp_path, endless, what)

    (task,) = service.tasks()
    assert task.state == PENDING
    assert task.url is not None and task.url.endswith(f"cursor={task.pages}")
    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert len(pages) == task.pages


def test_a_quiet_hour_has_a_heartbeat(tmp_path: Path) -> None:
    async def what(service: Service) -> None:
        service.clock.at += 11 * MINUTE
        await service.until(lambda: bool(lines(tmp_path, "civitai")))

    serving(tmp_path, one_page, what)

    assert [line.kind for line in lines(tmp_path, "civitai")] == [HEARTBEAT]


def test_the_budget_of_requests_is_filled_anew_every_hour(tmp_path: Path) -> None:
    pages = []

    async def what(service: Service) -> None:
        service.add("/images")
        for hour in range(3):
            service.clock.at = START + hour * HOUR
            await service.until(lambda hour=hour: service.tasks()[0].pages >= 2 * (hour + 1))  # type: ignore[misc]
            pages.append(service.tasks()[0].pages)

    serving(tmp_path, endless, what, most=2, schedule="0 0 1 1 *")

    assert pages == [2, 4, 6]


def test_slots_that_nobody_looked_at_are_told_and_made_up_for_once(tmp_path: Path) -> None:
    async def rest(service: Service) -> None:
        service.clock.at += 11 * MINUTE
        await service.until(lambda: bool(lines(tmp_path, "civitai")))

    async def wake(service: Service) -> None:
        await service.until(lambda: states(service) == [COMPLETED])

    serving(tmp_path, one_page, rest)
    service = serving(tmp_path, one_page, wake, start=START + 5 * HOUR)

    assert service.told == ["civitai: 5 scheduled syncs were missed; syncing now"]


def test_slots_are_counted_in_utc_and_never_twice() -> None:
    assert next_slot(HOURLY, START) == START + 30 * MINUTE
    assert next_slot(HOURLY, START + 30 * MINUTE) == START + 90 * MINUTE
    assert missed_slots(HOURLY, START, START + 29 * MINUTE) == 0
    assert missed_slots(HOURLY, START, START + 5 * HOUR) == 5
    assert missed_slots(HOURLY, START, START + 30 * MINUTE) == 1
    assert missed_slots(HOURLY, START + 30 * MINUTE, START + 30 * MINUTE) == 0
    assert missed_slots(HOURLY, START, START + 99 * HOUR, most=7) == 7


def test_the_jitter_of_a_slot_is_a_share_of_the_longest() -> None:
    assert [delay_us(30.0, chance) for chance in (0.0, 0.5, 1.0)] == [0, 15 * SECOND, 30 * SECOND]


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "hourly", "0 0 30 2 *"])
def test_a_schedule_that_no_clock_meets_is_refused(expression: str) -> None:
    with pytest.raises(Invalid, match="expected five cron fields"):
        check_schedule(expression)
