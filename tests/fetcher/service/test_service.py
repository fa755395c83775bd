"""The service syncs at its slots, works on the queue between them and stops cleanly."""

import asyncio
from pathlib import Path

from aiohttp import web

from eventlog.clock import HOUR, MINUTE
from eventlog.format.event import HEARTBEAT, PAGE
from fetcher.service.open_crawl import Crawler
from fetcher.service.queue_commands import cancel_run
from fetcher.sources import SOURCES
from fetcher.state.task import CANCELLED, COMPLETED, PENDING
from tests.fetcher.making import (
    OTHER,
    START,
    SteppingClock,
    lines,
)
from tests.fetcher.serving import Service, beat, endless, one_page, serving, states

CIVITAI = SOURCES["civitai"]
HOURLY = "30 * * * *"


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
