"""What the service works on first: people, then syncs, then backfills."""

from pathlib import Path

from aiohttp import web

from eventlog.clock import MINUTE
from fetcher.sources import SOURCES
from fetcher.state.priority import is_backfill
from fetcher.state.task import COMPLETED, PENDING, Task
from tests.fetcher.making import (
    START,
)
from tests.fetcher.serving import Service, endless, one_page, serving, states

CIVITAI = SOURCES["civitai"]
HOURLY = "30 * * * *"


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
