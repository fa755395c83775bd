"""The queue: rebuilt from the log it is the same; killed anywhere, no page is lost."""

import asyncio
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from eventlog.check.accept_loss import accept_loss
from eventlog.errors import Invalid, NotFound
from eventlog.files.listing import list_segments
from eventlog.format.event import PAGE
from eventlog.format.event_codec import decode
from eventlog.format.paths import sealed_path
from eventlog.read.reader import read_events
from eventlog.write.writer import close_stream, open_stream
from fetcher.crawl.report import RunReport
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.service.queue_commands import cancel_run, clean_runs, list_runs, retry_run
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.state.run_queue import LEASE_US, claim_task, close_queue, open_queue, release_lease
from fetcher.state.task import (
    CANCELLED,
    CLEANED,
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    Task,
    apply_event,
    decode_task_members,
)
from tests.fetcher.making import HURRIED, OTHER, Hand, Handle, lines, responses, upstream
from tests.fetcher.syncing import add_run, sync_once

CIVITAI = SOURCES["civitai"]
BASE = "http://127.0.0.1:1"


def add(root: Path, what: str = "models", **more: Any) -> Task:
    upstream = Upstream(CIVITAI, more.pop("base_url", BASE))
    return add_run(root, upstream, what, **{"now": Hand(), **more})


def drain(root: Path, handle: Handle, source: Source = CIVITAI, **more: Any) -> RunReport:
    """Work on what is in the queue, and nothing else."""
    emptied = attrs.evolve(
        source, listings=tuple(attrs.evolve(each, by_default=False) for each in source.listings)
    )
    return sync_with(root, emptied, handle, **more)


def sync_with(root: Path, source: Source, handle: Handle, **more: Any) -> RunReport:
    async def go() -> RunReport:
        async with upstream(handle) as origin:
            return await sync_once(root, source, origin, **more)

    return asyncio.run(go())


def listed(root: Path) -> list[Task]:
    return list_runs(root, "civitai", Hand())


def many(pages: int) -> Handle:
    """A listing of some pages."""

    async def handle(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", 0))
        onward = {"nextCursor": number + 1} if number + 1 < pages else {"total": pages}
        return web.json_response({"items": [{"id": number}], "metadata": onward})

    return handle


def test_higher_priority_goes_first_then_the_older_one(tmp_path: Path) -> None:
    clock = Hand()
    runs = [add(tmp_path, priority=priority, now=clock).run for priority in (0, 5, 0, 9, 5)]

    assert [task.run for task in listed(tmp_path)] == [runs[n] for n in (3, 1, 4, 0, 2)]


def test_a_claim_is_a_lease_and_comes_back_when_its_worker_dies(tmp_path: Path) -> None:
    run = add(tmp_path).run
    queue = open_queue(tmp_path, "civitai")

    assert claim_task(queue, "one", 0) is not None
    assert claim_task(queue, "two", LEASE_US - 1) is None
    again = claim_task(queue, "two", LEASE_US)
    assert again is not None and again.run == run
    release_lease(queue, run)
    assert claim_task(queue, "three", LEASE_US) is not None
    close_queue(queue)


def test_what_is_leased_is_in_progress_and_pending_after_a_rebuild(tmp_path: Path) -> None:
    clock = Hand()
    add(tmp_path)
    queue = open_queue(tmp_path, "civitai")
    claim_task(queue, "one", clock())
    close_queue(queue)

    assert [task.state for task in list_runs(tmp_path, "civitai", clock)] == [RUNNING]
    shutil.rmtree(tmp_path / "state")
    assert [task.state for task in list_runs(tmp_path, "civitai", clock)] == [PENDING]


def test_an_errand_is_an_address_or_a_listing_with_parameters(tmp_path: Path) -> None:
    asked = [
        add(tmp_path, "images", params={"modelId": "7"}, limit=50),
        add(tmp_path, f"{BASE}/models/15003"),
    ]

    assert [task.url for task in asked] == [
        f"{BASE}/images?limit=200&browsingLevel=31&sort=Newest&withMeta=true&modelId=7",
        f"{BASE}/models/15003",
    ]
    with pytest.raises(Invalid):
        add(tmp_path, "modles")


def test_a_secret_in_an_added_address_never_reaches_the_archive(tmp_path: Path) -> None:
    list_tasks = [
        add(tmp_path, f"{BASE}/models?token=hidden&limit=9"),
        add(tmp_path, "images", params={"API_KEY": "hidden"}),
    ]

    assert list_tasks[0].url == f"{BASE}/models?limit=9"
    assert "hidden" not in str(list_tasks)
    assert not any(b"hidden" in each.line for each in read_events(tmp_path))


def test_a_run_that_is_added_is_worked_on_and_completed(tmp_path: Path) -> None:
    run = add(tmp_path, "/models?limit=1").run

    drain(tmp_path, many(3))

    (task,) = listed(tmp_path)
    assert (task.run, task.state, task.pages, task.entities) == (run, COMPLETED, 3, 3)
    assert task.finished_at is not None
    assert (task.url, task.attempts, task.error) == (None, 0, None)


def test_a_single_request_is_a_run_too(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"id": 15003, "modelVersions": []})

    add(tmp_path, "/models/15003")
    drain(tmp_path, handle)

    assert [(task.state, task.entities) for task in listed(tmp_path)] == [(COMPLETED, 1)]


def test_a_target_ends_a_run(tmp_path: Path) -> None:
    add(tmp_path, "/models", limit=2)

    drain(tmp_path, many(9))

    assert [(task.state, task.entities) for task in listed(tmp_path)] == [(COMPLETED, 2)]


def failing_at(cursor: str, broken: list[bool]) -> Handle:
    whole = many(4)

    async def handle(request: web.Request) -> web.StreamResponse:
        if broken[0] and request.query.get("cursor") == cursor:
            return web.json_response({"error": "busy"}, status=503)
        return await whole(request)

    return handle


def test_a_failed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    broken, clock = [True], Hand()
    run = add(tmp_path, "/models", now=clock).run
    base = drain_twice(tmp_path, failing_at("2", broken), run, clock, broken)

    first, second = base
    assert (first.state, first.pages, first.error) == (FAILED, 2, "server")
    assert first.attempts == HURRIED.attempts
    assert first.url is not None and first.url.endswith("/models?cursor=2")
    assert (second.state, second.pages, second.error) == (COMPLETED, 4, None)
    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert [page.page_no for page in pages] == [1, 2, 3, 4]


def drain_twice(
    root: Path, handle: Handle, run: str, clock: Hand, broken: list[bool]
) -> tuple[Task, Task]:
    """Work on a run until it fails, mend upstream, retry; the run after each."""
    drain(root, handle, now=clock)
    (first,) = list_runs(root, "civitai", clock)
    broken[0] = False
    retry_run(Crawler(root, OTHER, clock), "civitai", run)
    drain(root, handle, now=clock)
    (second,) = list_runs(root, "civitai", clock)
    return first, second


def test_a_run_without_any_page_failed_and_is_retried(tmp_path: Path) -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.json_response({"error": "busy"}, status=503)

    clock = Hand()
    run = add(tmp_path, "/models", now=clock).run
    drain(tmp_path, busy, now=clock)
    assert [(task.state, task.error) for task in listed(tmp_path)] == [(FAILED, "server")]

    retry_run(Crawler(tmp_path, OTHER, clock), "civitai", run)
    assert [(t.state, t.error, t.attempts) for t in listed(tmp_path)] == [(PENDING, None, 0)]
    drain(tmp_path, many(3), now=clock)

    assert [(task.state, task.pages) for task in listed(tmp_path)] == [(COMPLETED, 3)]


def test_a_cancelled_run_is_not_worked_on(tmp_path: Path) -> None:
    run = add(tmp_path, "/models").run
    cancel_run(Crawler(tmp_path, OTHER, Hand()), "civitai", run[:-2])

    assert drain(tmp_path, many(3)).listings == ()
    assert [task.state for task in listed(tmp_path)] == [CANCELLED]
    with pytest.raises(Invalid, match="is cancelled"):
        cancel_run(Crawler(tmp_path, OTHER, Hand()), "civitai", run)
    with pytest.raises(NotFound, match="no run begins"):
        cancel_run(Crawler(tmp_path, OTHER, Hand()), "civitai", "nothing")


def test_cleaning_tidies_away_what_is_finished_and_never_the_log(tmp_path: Path) -> None:
    add(tmp_path, "/models")
    drain(tmp_path, many(2))
    waiting = add(tmp_path, "/models").run
    before = len(lines(tmp_path, "civitai"))

    clean_runs(Crawler(tmp_path, OTHER, Hand(at=Hand().at + 10**10)), "civitai")

    assert [task.run for task in listed(tmp_path)] == [waiting]
    assert len(lines(tmp_path, "civitai")) == before
    assert [each.state for each in list_runs(tmp_path, "civitai", Hand(), (CLEANED,))] == [CLEANED]


def test_a_queue_rebuilt_from_the_log_is_the_same(tmp_path: Path) -> None:
    broken = [True]
    for what in ("/models", "/images", "creators"):
        add(tmp_path, what, priority=len(what), limit=3)
    drain(tmp_path, failing_at("1", broken))
    add(tmp_path, "tags")
    before = listed(tmp_path)
    shutil.rmtree(tmp_path / "state")

    assert listed(tmp_path) == before


@pytest.mark.parametrize("seed", range(5))
def test_the_events_of_a_run_give_the_same_task_in_any_order_of_writers(
    tmp_path: Path, seed: int
) -> None:
    clock, broken = Hand(), [True]
    run = add(tmp_path, "/models", now=clock).run
    drain_twice(tmp_path, failing_at("2", broken), run, clock, broken)
    events = [each.line for each in read_events(tmp_path)]
    by_writer: dict[str, list[bytes]] = {}
    for event in events:
        by_writer.setdefault(decode(event).writer, []).append(event)
    chance = random.Random(seed)

    def folded(order: list[bytes]) -> Task | None:
        task = None
        for event in order:
            task = apply_event(task, decode(event), decode_task_members(event))
        return task

    mixed: list[bytes] = []
    streams = [list(each) for each in by_writer.values()]
    while any(streams):
        mixed.append(chance.choice([each for each in streams if each]).pop(0))

    assert folded(mixed) == folded(events)


class Killed(Exception):
    """A process that ends without a word."""


def killed_at(count: int) -> Callable[[object], None]:
    """A report that ends the process the nth time something is told."""
    left = [count]

    def tell(progress: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    return tell


@pytest.mark.parametrize("after", range(1, 13))
def test_killed_at_any_step_a_run_goes_on_and_no_page_has_effect_twice(
    tmp_path: Path, after: int
) -> None:
    clock = Hand()
    add(tmp_path, "/models", now=clock)

    with suppress(Killed):
        drain(tmp_path, many(10), now=clock, on_progress=killed_at(after))
    clock.at += LEASE_US
    drain(tmp_path, many(10), now=clock)

    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert [page.page_no for page in pages] == list(range(1, 11))
    assert len({page.run for page in pages}) == 1
    assert len(list(responses(tmp_path, "civitai"))) == 10
    assert [(task.state, task.entities) for task in listed(tmp_path)] == [(COMPLETED, 10)]


@pytest.mark.parametrize("after", [1, 3, 6, 9])
def test_a_fan_that_was_interrupted_asks_only_what_has_no_answer(
    tmp_path: Path, after: int
) -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/endpoints"):
            asked.append(request.path)
            return web.json_response({"data": {"endpoints": [{"tag": "t"}]}})
        return web.json_response({"data": [{"id": f"a/{number}"} for number in range(9)]})

    clock = Hand()
    with suppress(Killed):
        sync_endpoints(
            tmp_path, handle, clock, listings=["endpoints"], on_progress=killed_at(4 + after)
        )
    assert len(asked) == after
    clock.at += LEASE_US
    sync_endpoints(tmp_path, handle, clock)

    assert sorted(asked) == [f"/api/v1/models/a/{number}/endpoints" for number in range(9)]
    fan = [line for line in lines(tmp_path, "openrouter") if line.kind == PAGE and line.params]
    assert len({page.run for page in fan if "author" in page.params}) == 1
    assert {task.state for task in list_runs(tmp_path, "openrouter", clock)} == {COMPLETED}


def sync_endpoints(root: Path, handle: Handle, clock: Hand, **more: Any) -> RunReport:
    """A sync of what is named, or only of what an earlier one left."""
    source = SOURCES["openrouter"]
    if "listings" in more:
        return sync_with(root, source, handle, now=clock, concurrency=1, **more)
    return drain(root, handle, source, now=clock, concurrency=1, **more)


def test_a_run_whose_address_is_of_no_endpoint_fails_and_the_others_go_on(tmp_path: Path) -> None:
    add(tmp_path, base_url="http://127.0.0.1:1/elsewhere", priority=5)

    async def go() -> RunReport:
        async with upstream(many(1)) as origin:
            return await sync_once(tmp_path, CIVITAI, origin + "/v1")

    told = asyncio.run(go())

    assert (told.listings[0].state, "no endpoint" in str(told.listings[0].why)) == (FAILED, True)
    assert len(told.listings) > 1
    assert {each.state for each in told.listings[1:3]} == {COMPLETED}


def test_what_people_queued_waits_for_the_next_budget(tmp_path: Path) -> None:
    task = add(tmp_path, "/models?limit=1")

    pages = []
    for _ in range(3):
        drain(tmp_path, many(7), max_requests=3)
        pages.append([(each.state, each.pages) for each in listed(tmp_path)])

    assert pages == [[(PENDING, 3)], [(PENDING, 6)], [(COMPLETED, 7)]]
    assert listed(tmp_path)[0].run == task.run


def test_a_run_that_was_given_up_with_its_segment_is_not_queued(tmp_path: Path) -> None:
    add(tmp_path)
    close_stream(open_stream(tmp_path, "civitai", OTHER, clock=Hand()), seal_open=True)
    kept = add(tmp_path, "images")
    assert len(listed(tmp_path)) == 2
    lost = list_segments(tmp_path, "civitai", OTHER)[0].name
    sealed_path(tmp_path, lost).unlink()
    accept_loss(tmp_path, lost, clock=Hand())

    assert [task.run for task in listed(tmp_path)] == [kept.run]
    shutil.rmtree(tmp_path / "state")
    assert [task.run for task in listed(tmp_path)] == [kept.run]
