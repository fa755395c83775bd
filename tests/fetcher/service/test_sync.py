"""Syncs over real HTTP are complete and durable, and keep to their bounds."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import web

from eventlog.clock import HOUR
from eventlog.errors import Invalid
from eventlog.format.event import PAGE, PAGE_FAILED, RUN, Line
from fetcher.crawl.report import Progress
from fetcher.service.sync import select_listings
from fetcher.sources import SOURCES
from tests.fetcher.making import SteppingClock, lines, responses
from tests.fetcher.syncing import KEY, SIMULATED_PATHS, is_complete, sync_simulated, sync_with

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]
BOTH = pytest.mark.parametrize("name", SIMULATED_PATHS)


def pages(events: Sequence[Line]) -> list[Line]:
    return [line for line in events if line.kind == PAGE]


@BOTH
def test_a_sync_keeps_every_response_byte_for_byte(tmp_path: Path, name: str) -> None:
    served: list[tuple[str, int, bytes]] = []

    report = sync_simulated(tmp_path, name, served=served)

    assert is_complete(report), report
    assert sorted(responses(tmp_path, name)) == sorted(body for _, _, body in served)
    assert {page.epoch for page in pages(lines(tmp_path, name))} == {report.epoch}


@BOTH
def test_the_next_sync_stores_only_what_changed(tmp_path: Path, name: str) -> None:
    clock = SteppingClock()
    first = sync_simulated(tmp_path, name, clock=clock)
    clock.at += 6 * HOUR
    second = sync_simulated(tmp_path, name, clock=clock)

    assert first.total("unchanged") < first.total("stored")
    assert 0 < second.total("stored") < first.total("stored")
    assert second.total("unchanged") > 0
    assert len(list(responses(tmp_path, name))) == first.total("pages") + second.total("pages")


def test_openrouter_listings_prove_absence_and_civitai_listings_never(tmp_path: Path) -> None:
    sync_simulated(tmp_path, "openrouter")
    sync_simulated(tmp_path, "civitai")

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
    sync_simulated(tmp_path, "openrouter", listings=["endpoints"])

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


def test_a_limit_ends_a_listing_after_whole_pages(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", 0))
        items = [{"id": number * 10 + place} for place in range(10)]
        return web.json_response({"items": items, "metadata": {"nextCursor": number + 1}})

    report = sync_with(tmp_path, CIVITAI, handle, listings=["models"], limit=25)

    assert (report.listings[0].entities, report.listings[0].state) == (30, "completed")
    assert not pages(lines(tmp_path, "civitai"))[-1].last


def test_the_key_is_in_no_file_of_the_archive(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        link = f"http://127.0.0.1/models?token={KEY}&cursor=2"
        metadata = {} if "cursor" in request.query else {"nextPage": link}
        return web.json_response({"items": [{"id": 1}], "metadata": metadata})

    report = sync_with(tmp_path, CIVITAI, handle, listings=["models"], key=KEY)

    assert report.listings[0].pages == 2
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_runs_begin_and_end_in_the_log(tmp_path: Path) -> None:
    report = sync_simulated(tmp_path, "civitai", listings=["models"])

    events = lines(tmp_path, "civitai")
    assert [line.kind for line in (events[0], events[-2])] == [RUN, RUN]
    assert {line.run for line in events[:-1]} == {report.listings[0].run}


def test_progress_is_reported_page_by_page(tmp_path: Path) -> None:
    progress: list[Progress] = []

    sync_simulated(tmp_path, "openrouter", listings=["endpoints"], on_progress=progress.append)

    endpoints = [update for update in progress if update.listing.listing == "endpoints"]
    counts = [update.listing.pages for update in endpoints]
    assert counts == sorted(counts)
    assert endpoints[-1].expected == counts[-1] > 10


def test_the_listings_that_a_named_listing_follows_are_selected_too() -> None:
    names = [listing.name for listing in select_listings(SOURCES["openrouter"], ["endpoints"])]

    assert names == ["models", "models-all", "endpoints"]
    with pytest.raises(Invalid, match="no listing 'modles'"):
        select_listings(SOURCES["openrouter"], ["modles"])


def test_unknown_versions_and_models_of_images_are_fetched(
    tmp_path: Path,
) -> None:
    clock = SteppingClock()
    first = sync_simulated(tmp_path, "civitai", clock=clock, listings=["models-of-images"])
    again = sync_simulated(tmp_path, "civitai", clock=clock, listings=["models-of-images"])
    clock.at += 8 * 24 * HOUR
    later = sync_simulated(tmp_path, "civitai", clock=clock, listings=["models-of-images"])

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

    first = sync_with(tmp_path, CIVITAI, handle, listings=["creators-of-images"])
    again = sync_with(tmp_path, CIVITAI, handle, listings=["creators-of-images"])

    assert [report.listings[1].pages for report in (first, again)] == [3, 0]
    creators = {x.id for x in lines(tmp_path, "civitai") if x.type == "creator"}
    assert creators == {"a", "b", "c"}


def test_a_sync_sends_no_more_requests_than_its_budget_and_reports_it(tmp_path: Path) -> None:
    served: list[tuple[str, int, bytes]] = []

    report = sync_simulated(tmp_path, "openrouter", served=served, max_requests=7)

    assert len(served) == 7
    states = {run.listing: run.state for run in report.listings}
    assert states["models"] == states["models-all"] == states["providers"] == "completed"
    assert (states["endpoints"], states["catalog"]) == ("partial", "failed")
    assert "request budget of 7" in str(report.listings[3].why)
    assert not any(line.kind == PAGE_FAILED for line in lines(tmp_path, "openrouter"))


def test_listings_are_selected_in_the_order_of_the_source() -> None:
    assert [listing.name for listing in select_listings(CIVITAI, ["images", "models"])] == [
        "models",
        "images",
    ]
    assert "creators" not in {listing.name for listing in select_listings(CIVITAI, None)}
    assert [listing.name for listing in select_listings(CIVITAI, ["models-of-images"])] == [
        "images",
        "versions-of-images",
        "models-of-images",
    ]
