"""Syncs of pages that were not understood: kept whole, reported, and no proof of absence."""

from pathlib import Path

import orjson
import pytest
from aiohttp import web

from cli.commands.archive.status_of_sources import run_facts
from cli.commands.fetch.sync_report import sync_exit_code
from eventlog.format.event import ANOMALY, PAGE, UNLISTED
from fetcher.sources import SOURCES
from tests.fetcher.importing import import_into, write_files
from tests.fetcher.making import Handle, SteppingClock, lines, responses
from tests.fetcher.syncing import sync_simulated, sync_with

OPENROUTER = SOURCES["openrouter"]
BODIES = (
    b'{"data":{"error":{"code":500}}}',
    b'{"data":{}}',
    b'{"data":{"a/1":{"id":"a/1"}}}',
    b'{"data":{"models":[{"id":"a/1"}]}}',
    b'{"data":{"id":"a/1"}}',
    b'{"data":[{"id":"a/1"},{"id":null}]}',
    b'{"data":[{"id":"a/1"},{"name":"x"}]}',
    b'{"data":[{"id":"a/1"},{"id":2}]}',
    b'{"data":[],"error":{"code":500}}',
    b'{"data":[],"total_count":6}',
)
NOT_UNDERSTOOD = (*BODIES, *(b"\xef\xbb\xbf" + body for body in BODIES))
"""Also after a byte order mark."""


def answering(body: bytes) -> Handle:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return handle


def full_list(count: int) -> bytes:
    return orjson.dumps({"data": [{"id": f"a/{number}"} for number in range(count)]})


@pytest.mark.parametrize("body", NOT_UNDERSTOOD)
def test_a_page_that_was_not_understood_proves_nothing(tmp_path: Path, body: bytes) -> None:
    clock = SteppingClock()
    sync_with(tmp_path, OPENROUTER, answering(full_list(3)), listings=["models"], now=clock)

    report = sync_with(tmp_path, OPENROUTER, answering(body), listings=["models"], now=clock)

    assert sync_exit_code(report.listings) == 3
    assert report.listings[0].why is not None
    events = lines(tmp_path, "openrouter")
    assert [line.last for line in events if line.kind == PAGE] == [True, False]
    assert not [line for line in events if line.kind == UNLISTED]
    assert list(responses(tmp_path, "openrouter"))[-1] == body


@pytest.mark.parametrize("body", NOT_UNDERSTOOD)
def test_an_imported_page_that_was_not_understood_proves_nothing(
    tmp_path: Path, body: bytes
) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": body})

    report = import_into(tmp_path / "archive", files, endpoint="/api/v1/models")

    (page,) = [line for line in lines(tmp_path / "archive", "openrouter") if line.kind == PAGE]
    assert (page.last, len(report.doubtful)) == (False, 1)
    assert list(responses(tmp_path / "archive", "openrouter")) == [body]


def test_an_empty_list_after_many_entities_is_accepted_and_reported(tmp_path: Path) -> None:
    clock = SteppingClock()
    sync_with(tmp_path, OPENROUTER, answering(full_list(300)), listings=["models"], now=clock)

    report = sync_with(
        tmp_path, OPENROUTER, answering(b'{"data":[]}'), listings=["models"], now=clock
    )

    (listing,) = report.listings
    why = "/api/v1/models: upstream returned an empty list; it had 300 entities before"
    assert (listing.state, listing.why) == ("completed", why)
    events = lines(tmp_path, "openrouter")
    assert sum(line.kind == UNLISTED for line in events) == 300
    (note,) = run_facts(tmp_path, "openrouter", 0)["notes_24h"]
    assert note == f"models: {why}"


def test_a_doubtful_page_before_the_last_one_keeps_its_listing_from_being_complete(
    tmp_path: Path,
) -> None:
    clock = SteppingClock()
    sync_with(tmp_path, OPENROUTER, answering(full_list(3)), listings=["models"], now=clock)

    async def two_pages(request: web.Request) -> web.Response:
        if "offset" in request.query:
            return web.json_response({"data": [{"id": "a/1"}], "links": {"next": None}})
        link = "/api/v1/models?offset=2&limit=2"
        rows = [{"id": "a/0"}, {"id": None}]
        return web.json_response({"data": rows, "links": {"next": link}})

    report = sync_with(tmp_path, OPENROUTER, two_pages, listings=["models"], now=clock)

    assert sync_exit_code(report.listings) == 3
    events = lines(tmp_path, "openrouter")
    scopes = [line.scope for line in events if line.kind == PAGE]
    assert scopes == ["/api/v1/models", None, "/api/v1/models"]
    assert not [line for line in events if line.kind == UNLISTED]


@pytest.mark.parametrize("fault", ["unnamed", "notalist", "contradiction.error"])
@pytest.mark.parametrize("name", ["civitai", "openrouter"])
def test_under_faults_that_make_pages_doubtful_no_listing_is_complete(
    tmp_path: Path, name: str, fault: str
) -> None:
    served: list[tuple[str, int, bytes]] = []
    path = "*/creators*" if name == "civitai" else "/api/v1/models*"
    listing = "creators" if name == "civitai" else "models"
    sync_simulated(tmp_path, name, f"{fault}@{path}#*", served=served, listings=[listing])

    events = lines(tmp_path, name)
    kept = list(responses(tmp_path, name))
    assert all(body in kept for _, status, body in served if status == 200)
    if name == "openrouter":
        assert not any(line.last for line in events if line.kind == PAGE)
    if fault != "contradiction.error":
        assert any(line.kind == ANOMALY for line in events)
