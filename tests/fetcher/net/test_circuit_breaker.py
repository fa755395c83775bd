"""A host that is down: found out after three requests, then asked once a listing."""

from pathlib import Path

import orjson
import pytest
from aiohttp import web

from eventlog.format.event import PAGE_FAILED, Line
from eventlog.read.reader import read_one
from fetcher.net.circuit_breaker import CircuitBreaker
from tests.fetcher.making import lines
from tests.fetcher.service.test_sync import sync_with


@pytest.mark.parametrize(
    ("outcomes", "is_open"),
    [
        (["connect", "connect"], False),
        (["connect", "connect", "connect"], True),
        (["timeout", "timeout", "timeout"], True),
        (["tls", "tls", "tls"], True),
        (["broken", "broken", "broken", "broken"], True),
        (["connect", "connect", "timeout"], False),
        (["connect", "connect", "answer", "connect"], False),
        (["connect", "connect", "server", "connect"], False),
        (["server", "server", "server"], False),
        (["timeout", "connect", "connect", "connect"], True),
        (["connect", "connect", "connect", "answer"], False),
    ],
)
def test_three_given_up_in_a_row_for_the_same_error_mean_down(
    outcomes: list[str], is_open: bool
) -> None:
    breaker = CircuitBreaker()
    for outcome in outcomes:
        breaker.record_success() if outcome == "answer" else breaker.record_failure(outcome)

    assert breaker.is_open is is_open


def attempts(root: Path, failed: Line) -> list[object]:
    """The attempts that a failed page names."""
    line = read_one(root, failed.source, failed.writer, failed.seq).line
    found = orjson.loads(line)["attempts"]
    assert isinstance(found, list)
    return found


def test_a_host_that_goes_down_stops_a_listing_and_those_after_it(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/api/v1/models":
            return web.json_response({"data": [{"id": f"a/{n}"} for n in range(200)]})
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    told = sync_with(tmp_path, "openrouter", handle)

    states = {each.listing: (each.state, each.failures) for each in told.listings}
    assert states["models"] == states["models-all"] == ("completed", 0)
    assert states["endpoints"][0] == states["stats"][0] == "failed"
    assert 1 < states["endpoints"][1] < 8
    assert states["catalog"] == states["all-providers"] == ("failed", 1)
    assert all("host is down" in str(each.why) for each in told.listings[3:6])
    failed = [line for line in lines(tmp_path, "openrouter") if line.kind == PAGE_FAILED]
    assert len(failed) == sum(each.failures for each in told.listings)
    assert len(attempts(tmp_path, failed[-1])) == 1


def test_a_host_that_comes_back_is_crawled_again(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path != "/api/frontend/v1/all-providers":
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"data": []})

    told = sync_with(tmp_path, "openrouter", handle)

    states = {each.listing: each.state for each in told.listings}
    assert [states[name] for name in ("models", "models-all", "providers")] == ["failed"] * 3
    assert states["catalog"] == "failed"
    assert states["all-providers"] == "completed"
    assert "did not come whole" in str(told.listings[3].why)
