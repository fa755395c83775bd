"""Syncs of an upstream that fails: no body is lost, and the report names what is missing."""

import base64
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from cli.commands.fetch.sync_report import sync_exit_code
from eventlog.errors import LocalResource
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED, Line
from fetcher.net.http import HttpLimits
from fetcher.net.retry import RetryPolicy
from fetcher.simulator.faults.encodings import ENCODINGS
from fetcher.sources import SOURCES
from tests.fetcher.making import lines, responses
from tests.fetcher.syncing import is_complete, sync_simulated, sync_with

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]


def pages(events: Sequence[Line]) -> list[Line]:
    return [line for line in events if line.kind == PAGE]


KEPT_AS_RECEIVED = ("br", "truncated", "garbage")
"""Encodings that cannot be decoded to the end."""
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
    "errorbody:0.3",
    "hostile:0.5",
    "oddid:0.5",
    "drift:0.5",
    "repeat:0.5",
    "stale:0.5",
    "slow:0.1:0.05",
    "stall:0.1:3",
    "redirect:0.1",
    "cursor:0.1",
    "encoding:0.5",
    *(f"encoding.{form}:1" for form in ENCODINGS if form not in KEPT_AS_RECEIVED),
    "bom:1",
    "badheader:0.3",
    "longheader:1",
)
"""Faults that a crawl overcomes."""
DOUBTFUL = {
    "unnamed:0.5": 3,
    "notalist:0.5": 3,
    "contradiction:0.5": 3,
    "empty:0.5": 3,
    "endless:1": 3,
    "404:0.5": 3,
    "gzipbomb:0.02": 3,
    "404:1": 5,
    **{f"encoding.{form}:1": 7 for form in KEPT_AS_RECEIVED},
    "errorbody:1": 7,
    "badheader:1": 7,
}
"""Faults that leave a crawl incomplete, if they affect the source, and the exit code."""
UNAFFECTED = {("openrouter", "endless:1")}
POLICY = RetryPolicy(attempts=12, base_s=0.001, max_wait_s=0.002, max_retry_after_s=0.002)
NAMES = pytest.mark.parametrize(
    "name", ["civitai", pytest.param("openrouter", marks=pytest.mark.slow)]
)

Served = list[tuple[str, int, bytes]]


@pytest.mark.parametrize("faults", FAULTS)
@NAMES
def test_under_every_fault_no_served_body_is_lost(tmp_path: Path, name: str, faults: str) -> None:
    served: Served = []

    # Only faults that make the client wait in vain get a short time limit: on a busy machine it
    # could end any other response, too.
    is_endless = faults.startswith(("stall", "wronglength"))
    limits = HttpLimits(read_s=0.3) if is_endless else HttpLimits()

    report = sync_simulated(tmp_path, name, faults, served=served, policy=POLICY, limits=limits)

    assert is_complete(report), report
    if faults.startswith(("encoding", "bom", "badheader", "longheader")):
        intact = sync_simulated(tmp_path / "intact", name)
        assert report.total("entities") == intact.total("entities")
    if is_endless:  # what was given up was requested again
        served = list({address: (address, *rest) for address, *rest in served}.values())
    assert lost(tmp_path, name, served) == []


@pytest.mark.parametrize("faults", DOUBTFUL)
@NAMES
def test_a_fault_that_cannot_be_overcome_is_reported_and_no_served_body_is_lost(
    tmp_path: Path, name: str, faults: str
) -> None:
    served: Served = []
    limits = HttpLimits(max_bytes=32 * 2**20)

    report = sync_simulated(tmp_path, name, faults, served=served, policy=POLICY, limits=limits)

    code = 0 if (name, faults) in UNAFFECTED else DOUBTFUL[faults]
    assert sync_exit_code(report.listings) == code, report
    incomplete = [listing for listing in report.listings if listing.state != "completed"]
    assert all(listing.why for listing in incomplete)
    has_bombs = faults.startswith("gzipbomb")
    bombs = [body for _, _, body in served if has_bombs and body.startswith(b"\x1f\x8b")]
    assert bool(bombs) == has_bombs
    assert set(lost(tmp_path, name, served)) == set(bombs)  # the one body that may be dropped


def lost(root: Path, name: str, served: Served) -> list[bytes]:
    """The served bodies of which not even a beginning is in the log."""
    recorded = set(responses(root, name))
    recorded |= {raw(line) for line in lines(root, name) if line.kind == ANOMALY}
    parts = [part for part in recorded if part]
    return [
        body
        for _, _, body in served
        if body and body not in recorded and not any(body.startswith(part) for part in parts)
    ]


def raw(line: Line) -> bytes:
    return base64.b64decode(line.body_raw or "")


def test_a_request_that_is_given_up_is_recorded_and_the_run_is_partial(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if "cursor" in request.query:
            return web.json_response({"error": "Server busy"}, status=503)
        body = {"items": [{"id": 1}], "metadata": {"nextCursor": "a|1"}}
        return web.json_response(body)

    report = sync_with(tmp_path, CIVITAI, handle, listings=["models"])

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

    report = sync_with(tmp_path, CIVITAI, handle, listings=["images"])

    assert (report.listings[0].state, report.listings[0].pages) == ("partial", 3)
    assert "repeats" in str(report.listings[0].why)


def test_a_page_without_items_and_metadata_does_not_count_as_the_end(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if "cursor" not in request.query:
            return web.json_response({"items": [{"id": 1}], "metadata": {"nextCursor": 101}})
        return web.json_response({"items": [], "metadata": {}})

    report = sync_with(tmp_path, CIVITAI, handle, listings=["images"])

    assert report.listings[0].state == "partial"
    assert pages(lines(tmp_path, "civitai"))[-1].params["cursor"] == "101"


def test_a_blocked_region_stops_the_run_at_once(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"code": "REGION_BLOCKED"}, status=451)

    report = sync_with(tmp_path, CIVITAI, handle, listings=["models"])

    assert (report.listings[0].state, report.listings[0].failures) == ("failed", 1)
    assert str(report.listings[0].why).startswith("region")


def test_a_429_that_retries_cannot_resolve_is_not_retried(tmp_path: Path) -> None:
    requests = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request.path_qs)
        text = "You've requested too many pages, please use cursors instead"
        return web.json_response({"error": text}, status=429)

    sync_with(tmp_path, CIVITAI, handle, listings=["models"])

    assert len(requests) == 1


def test_a_failed_request_says_nothing_about_presence_in_its_scope(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/endpoints"):
            return web.Response(status=500)
        return web.json_response({"data": [{"id": "a/b"}, {"id": "c/d"}]})

    report = sync_with(tmp_path, OPENROUTER, handle, listings=["endpoints"])

    assert report.listings[-1].state == "failed"
    scopes = {page.scope for page in pages(lines(tmp_path, "openrouter"))}
    assert scopes == {"/api/v1/models", "/api/v1/models?output_modalities=all"}


def test_a_missing_detail_is_a_page_without_a_roster(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/endpoints"):
            return web.json_response({"error": {"code": 404}}, status=404)
        return web.json_response({"data": [{"id": "a/b"}]})

    sync_with(tmp_path, OPENROUTER, handle, listings=["endpoints"])

    page = pages(lines(tmp_path, "openrouter"))[-1]
    assert (page.status, page.roster, page.last, page.page_no) == (404, {}, False, None)
    assert orjson.loads(bytes(page.body)) == {"error": {"code": 404}}


def test_a_clock_a_day_ahead_of_upstream_stops_the_sync(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        headers = {"Date": "Thu, 19 Nov 2026 05:00:00 GMT"}
        return web.json_response({"items": [], "metadata": {}}, headers=headers)

    with pytest.raises(LocalResource, match="upstream says"):
        sync_with(tmp_path, CIVITAI, handle, listings=["models"])


def test_retries_count_against_the_budget(tmp_path: Path) -> None:
    requests = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request.path)
        return web.json_response({"error": "Server busy"}, status=503)

    sync_with(tmp_path, CIVITAI, handle, listings=["models"], max_requests=2)

    assert len(requests) == 2
