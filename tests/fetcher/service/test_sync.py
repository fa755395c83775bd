"""Syncs over real HTTP are complete and durable, and report what is missing."""

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from eventlog.clock import HOUR
from eventlog.errors import Invalid, LocalResource
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED, RUN, Line
from fetcher.crawl.report import Progress, RunReport
from fetcher.net.http import HttpLimits
from fetcher.net.retry import RetryPolicy
from fetcher.service.open_crawl import Upstream
from fetcher.service.probe_url import probe_url
from fetcher.service.sync import select_listings
from fetcher.simulator.app import make_app, serve
from fetcher.simulator.faults.plan import parse_faults
from fetcher.simulator.world.world import World
from fetcher.sources import SOURCES
from tests.fetcher.making import START, Hand, Handle, lines, responses, upstream
from tests.fetcher.syncing import is_complete, sync_once

WORLD = World(3, 40, 20)
KEY = "sk-test-0123456789"
BASES = {"civitai": "/civitai/api/v1", "openrouter": ""}
BOTH = pytest.mark.parametrize("name", BASES)


async def synced(root: Path, name: str, base_url: str, clock: Hand, **more: Any) -> RunReport:
    return await sync_once(root, SOURCES[name], base_url, clock, key=KEY, **more)


def sync(
    root: Path, name: str, faults: str = "", clock: Hand | None = None, **more: Any
) -> RunReport:
    """One sync with the simulator."""
    clock = clock or Hand()
    served: list[tuple[str, int, bytes]] | None = more.pop("served", None)

    def note(address: str, status: int, body: bytes) -> None:
        if served is not None:
            served.append((address, status, body))

    async def go() -> RunReport:
        app = make_app(WORLD, lambda: clock.at, parse_faults(faults), note)
        async with serve(app, clock) as origin:
            return await synced(root, name, origin + BASES[name], clock, **more)

    return asyncio.run(go())


def sync_with(root: Path, name: str, handle: Handle, **more: Any) -> RunReport:
    """One sync with an upstream whose requests `handle` answers."""

    async def go() -> RunReport:
        async with upstream(handle) as origin:
            return await synced(root, name, origin, Hand(), **more)

    return asyncio.run(go())


def pages(events: Sequence[Line]) -> list[Line]:
    return [line for line in events if line.kind == PAGE]


@BOTH
def test_a_sync_keeps_every_response_byte_for_byte(tmp_path: Path, name: str) -> None:
    served: list[tuple[str, int, bytes]] = []

    report = sync(tmp_path, name, served=served)

    assert is_complete(report), report
    assert sorted(responses(tmp_path, name)) == sorted(body for _, _, body in served)
    assert {page.epoch for page in pages(lines(tmp_path, name))} == {report.epoch}


@BOTH
def test_the_next_sync_stores_only_what_changed(tmp_path: Path, name: str) -> None:
    clock = Hand()
    first = sync(tmp_path, name, clock=clock)
    clock.at += 6 * HOUR
    second = sync(tmp_path, name, clock=clock)

    assert first.total("unchanged") < first.total("stored")
    assert 0 < second.total("stored") < first.total("stored")
    assert second.total("unchanged") > 0
    assert len(list(responses(tmp_path, name))) == first.total("pages") + second.total("pages")


def test_openrouter_listings_prove_absence_and_civitai_listings_never(tmp_path: Path) -> None:
    sync(tmp_path, "openrouter")
    sync(tmp_path, "civitai")

    scopes = {page.scope for page in pages(lines(tmp_path, "openrouter"))}
    assert {
        "/api/v1/models",
        "/api/v1/models?output_modalities=all",
        "/api/v1/providers",
        "/api/frontend/v1/catalog/models",
    } <= scopes
    assert any(str(scope).endswith("/endpoints") for scope in scopes)
    assert None not in scopes
    assert all(page.last for page in pages(lines(tmp_path, "openrouter")) if page.status == 200)
    assert {page.scope for page in pages(lines(tmp_path, "civitai"))} == {None}


def test_endpoints_of_every_model_except_aliases_are_fetched(tmp_path: Path) -> None:
    sync(tmp_path, "openrouter", listings=["endpoints"])

    events = lines(tmp_path, "openrouter")
    models = {line.id for line in events if line.type == "model"}
    requested = {
        f"{page.params['author']}/{page.params['slug']}"
        for page in pages(events)
        if page.endpoint and page.endpoint.endswith("/endpoints")
    }
    assert requested == {name for name in models if name and not name.startswith("~")}
    endpoint = next(line for line in events if line.type == "endpoint")
    assert (endpoint.parent_type, endpoint.id and endpoint.id.split("#")[0]) == (
        "model",
        endpoint.parent_id,
    )


FAULTS = (
    "429:0.3",
    "500:0.3",
    "502:0.2",
    "503:0.3",
    "504:0.2",
    "520:0.2",
    "html:0.3",
    "cut:0.3",
    "torn:0.3",
    "wronglength:0.3",
    "hostile:0.5",
    "drift:0.5",
    "repeat:0.5",
    "stale:0.5",
    "slow:0.1:0.05",
    "stall:0.1:3",
    "redirect:0.1",
    "cursor:0.1",
)


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize("name", ["civitai", pytest.param("openrouter", marks=pytest.mark.slow)])
def test_under_every_fault_no_served_body_is_lost(tmp_path: Path, name: str, faults: str) -> None:
    served: list[tuple[str, int, bytes]] = []
    policy = RetryPolicy(attempts=12, base_s=0.001, max_wait_s=0.002, max_retry_after_s=0.002)

    report = sync(
        tmp_path, name, faults, served=served, policy=policy, limits=HttpLimits(read_s=0.3)
    )

    assert is_complete(report), report
    recorded = set(responses(tmp_path, name))
    recorded |= {raw(line) for line in lines(tmp_path, name) if line.kind == ANOMALY}
    for address, _, body in served:
        is_recorded = body in recorded or any(body.startswith(part) for part in recorded if part)
        assert is_recorded or not body, address


def raw(line: Line) -> bytes:
    return base64.b64decode(line.body_raw or "")


def test_a_request_that_is_given_up_is_recorded_and_the_run_is_partial(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if "cursor" in request.query:
            return web.json_response({"error": "Server busy"}, status=503)
        body = {"items": [{"id": 1}], "metadata": {"nextCursor": "a|1"}}
        return web.json_response(body)

    report = sync_with(tmp_path, "civitai", handle, listings=["models"])

    assert (report.listings[0].state, report.listings[0].failures) == ("partial", 1)
    events = lines(tmp_path, "civitai")
    failed = [line for line in events if line.kind == PAGE_FAILED]
    assert len(failed) == 1
    assert sum(line.kind == ANOMALY for line in events) == 1


def test_a_page_cursor_that_repeats_ends_the_run(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        following = {"": "a", "a": "b", "b": "a"}[request.query.get("cursor", "")]
        body = {"items": [{"id": 1}], "metadata": {"nextCursor": following}}
        return web.json_response(body)

    report = sync_with(tmp_path, "civitai", handle, listings=["images"])

    assert (report.listings[0].state, report.listings[0].pages) == ("partial", 3)
    assert "repeats" in str(report.listings[0].why)


def test_a_page_without_items_and_metadata_does_not_count_as_the_end(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if "cursor" not in request.query:
            return web.json_response({"items": [{"id": 1}], "metadata": {"nextCursor": 101}})
        return web.json_response({"items": [], "metadata": {}})

    report = sync_with(tmp_path, "civitai", handle, listings=["images"])

    assert report.listings[0].state == "partial"
    assert pages(lines(tmp_path, "civitai"))[-1].params["cursor"] == "101"


def test_a_blocked_region_stops_the_run_at_once(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"code": "REGION_BLOCKED"}, status=451)

    report = sync_with(tmp_path, "civitai", handle, listings=["models"])

    assert (report.listings[0].state, report.listings[0].failures) == ("failed", 1)
    assert str(report.listings[0].why).startswith("region")


def test_a_429_that_retries_cannot_resolve_is_not_retried(tmp_path: Path) -> None:
    requests = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request.path_qs)
        text = "You've requested too many pages, please use cursors instead"
        return web.json_response({"error": text}, status=429)

    sync_with(tmp_path, "civitai", handle, listings=["models"])

    assert len(requests) == 1


def test_a_failed_request_says_nothing_about_presence_in_its_scope(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/endpoints"):
            return web.Response(status=500)
        return web.json_response({"data": [{"id": "a/b"}, {"id": "c/d"}]})

    report = sync_with(tmp_path, "openrouter", handle, listings=["endpoints"])

    assert report.listings[-1].state == "failed"
    scopes = {page.scope for page in pages(lines(tmp_path, "openrouter"))}
    assert scopes == {"/api/v1/models", "/api/v1/models?output_modalities=all"}


def test_a_missing_detail_is_a_page_without_a_roster(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/endpoints"):
            return web.json_response({"error": {"code": 404}}, status=404)
        return web.json_response({"data": [{"id": "a/b"}]})

    sync_with(tmp_path, "openrouter", handle, listings=["endpoints"])

    page = pages(lines(tmp_path, "openrouter"))[-1]
    assert (page.status, page.roster, page.last, page.page_no) == (404, {}, False, None)
    assert orjson.loads(bytes(page.body)) == {"error": {"code": 404}}


def test_a_limit_ends_a_listing_after_whole_pages(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", 0))
        items = [{"id": number * 10 + place} for place in range(10)]
        return web.json_response({"items": items, "metadata": {"nextCursor": number + 1}})

    report = sync_with(tmp_path, "civitai", handle, listings=["models"], limit=25)

    assert (report.listings[0].entities, report.listings[0].state) == (30, "completed")
    assert not pages(lines(tmp_path, "civitai"))[-1].last


def test_the_key_is_in_no_file_of_the_archive(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        link = f"http://127.0.0.1/models?token={KEY}&cursor=2"
        metadata = {} if "cursor" in request.query else {"nextPage": link}
        return web.json_response({"items": [{"id": 1}], "metadata": metadata})

    report = sync_with(tmp_path, "civitai", handle, listings=["models"])

    assert report.listings[0].pages == 2
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_runs_begin_and_end_in_the_log(tmp_path: Path) -> None:
    report = sync(tmp_path, "civitai", listings=["models"])

    events = lines(tmp_path, "civitai")
    assert [line.kind for line in (events[0], events[-2])] == [RUN, RUN]
    assert {line.run for line in events[:-1]} == {report.listings[0].run}


def test_a_clock_a_day_ahead_of_upstream_stops_the_sync(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        headers = {"Date": "Thu, 19 Nov 2026 05:00:00 GMT"}
        return web.json_response({"items": [], "metadata": {}}, headers=headers)

    with pytest.raises(LocalResource, match="upstream says"):
        sync_with(tmp_path, "civitai", handle, listings=["models"])


def test_progress_is_reported_page_by_page(tmp_path: Path) -> None:
    progress: list[Progress] = []

    sync(tmp_path, "openrouter", listings=["endpoints"], on_progress=progress.append)

    endpoints = [update for update in progress if update.listing.listing == "endpoints"]
    counts = [update.listing.pages for update in endpoints]
    assert counts == sorted(counts)
    assert endpoints[-1].expected == counts[-1] > 10


def test_the_listings_that_a_named_listing_follows_are_selected_too() -> None:
    names = [listing.name for listing in select_listings(SOURCES["openrouter"], ["endpoints"])]

    assert names == ["models", "models-all", "endpoints"]
    with pytest.raises(Invalid, match="no listing 'modles'"):
        select_listings(SOURCES["openrouter"], ["modles"])


def test_a_probe_shows_the_split_and_writes_nothing(tmp_path: Path) -> None:
    async def go() -> int:
        async with serve(WORLD, lambda: START) as origin:
            base = origin + BASES["civitai"]
            result = await probe_url(Upstream(SOURCES["civitai"], base), f"{base}/models?limit=3")
            return sum(entity.type == "model" for entity in result.parts.entities)

    assert asyncio.run(go()) == 3


def test_unknown_versions_and_models_of_images_are_fetched(
    tmp_path: Path,
) -> None:
    clock = Hand()
    first = sync(tmp_path, "civitai", clock=clock, listings=["models-of-images"])
    again = sync(tmp_path, "civitai", clock=clock, listings=["models-of-images"])
    clock.at += 8 * 24 * HOUR
    later = sync(tmp_path, "civitai", clock=clock, listings=["models-of-images"])

    counts = [[run.pages for run in report.listings[1:]] for report in (first, again, later)]
    assert [run.listing for run in first.listings] == [
        "images",
        "versions-of-images",
        "models-of-images",
    ]
    assert min(counts[0]) > 0
    assert sum(counts[1]) < sum(counts[0]) / 4
    assert sum(counts[2]) > 0.8 * sum(counts[0])
    stored = {(line.type, line.shape) for line in lines(tmp_path, "civitai")}
    assert {("modelVersion", "detail"), ("model", "detail")} <= stored


def test_unknown_creators_of_images_are_fetched(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path == "/creators":
            items = [{"username": request.query["query"]}]
        else:
            items = [{"id": id_, "username": "abc"[id_ % 3 :][:1] or None} for id_ in range(9)]
        return web.json_response({"items": items, "metadata": {"total": 0}})

    first = sync_with(tmp_path, "civitai", handle, listings=["creators-of-images"])
    again = sync_with(tmp_path, "civitai", handle, listings=["creators-of-images"])

    assert [report.listings[1].pages for report in (first, again)] == [3, 0]
    creators = {x.id for x in lines(tmp_path, "civitai") if x.type == "creator"}
    assert creators == {"a", "b", "c"}


def test_a_sync_sends_no_more_requests_than_its_budget_and_reports_it(tmp_path: Path) -> None:
    served: list[tuple[str, int, bytes]] = []

    report = sync(tmp_path, "openrouter", served=served, max_requests=7)

    assert len(served) == 7
    states = {run.listing: run.state for run in report.listings}
    assert states["models"] == states["models-all"] == states["providers"] == "completed"
    assert (states["endpoints"], states["catalog"]) == ("partial", "failed")
    assert "budget: 7 requests" in str(report.listings[3].why)
    assert not any(line.kind == PAGE_FAILED for line in lines(tmp_path, "openrouter"))


def test_retries_count_against_the_budget(tmp_path: Path) -> None:
    requests = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request.path)
        return web.json_response({"error": "Server busy"}, status=503)

    sync_with(tmp_path, "civitai", handle, listings=["models"], max_requests=2)

    assert len(requests) == 2
