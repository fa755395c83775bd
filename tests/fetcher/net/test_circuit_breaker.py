"""Circuit breaker: opens after three failed requests; then each listing sends one request."""

from pathlib import Path

import orjson
import pytest
from aiohttp import web

from eventlog.format.event import PAGE_FAILED, Line
from eventlog.read.reader import read_one
from fetcher.net.circuit_breaker import CircuitBreaker
from fetcher.sources import SOURCES
from tests.fetcher.making import lines
from tests.fetcher.syncing import sync_with


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
def test_three_failures_in_a_row_with_the_same_error_open_the_breaker(
    outcomes: list[str], is_open: bool
) -> None:
    breaker = CircuitBreaker()
    for outcome in outcomes:
        breaker.record_success() if outcome == "answer" else breaker.record_failure(outcome)

    assert breaker.is_open is is_open


def attempts_of(root: Path, failed: Line) -> list[object]:
    """The attempts that a failed page names."""
    line = read_one(root, failed.source, failed.writer, failed.seq).line
    attempts = orjson.loads(line)["attempts"]
    assert isinstance(attempts, list)
    return attempts


def test_a_host_that_goes_down_stops_a_listing_and_those_after_it(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/api/v1/models":
            return web.json_response({"data": [{"id": f"a/{n}"} for n in range(200)]})
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    report = sync_with(tmp_path, SOURCES["openrouter"], handle)

    states = {listing.listing: (listing.state, listing.failures) for listing in report.listings}
    assert states["models"] == states["models-all"] == ("completed", 0)
    assert states["endpoints"][0] == states["stats"][0] == "failed"
    assert 1 < states["endpoints"][1] < 8
    assert states["catalog"] == states["all-providers"] == ("failed", 1)
    assert all("host is down" in str(listing.why) for listing in report.listings[3:6])
    failed = [line for line in lines(tmp_path, "openrouter") if line.kind == PAGE_FAILED]
    assert len(failed) == sum(listing.failures for listing in report.listings)
    assert len(attempts_of(tmp_path, failed[-1])) == 1


def test_a_host_that_answers_again_is_crawled_again(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path != "/api/frontend/v1/all-providers":
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"data": []})

    report = sync_with(tmp_path, SOURCES["openrouter"], handle)

    states = {listing.listing: listing.state for listing in report.listings}
    assert [states[name] for name in ("models", "models-all", "providers")] == ["failed"] * 3
    assert states["catalog"] == "failed"
    assert states["all-providers"] == "completed"
    assert "are incomplete" in str(report.listings[3].why)
