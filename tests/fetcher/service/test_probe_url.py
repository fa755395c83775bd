"""Probing a URL: one request, split but not recorded."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from eventlog.errors import Invalid, Unavailable
from fetcher.service.open_crawl import Upstream
from fetcher.service.probe_url import ProbeResult, probe_url
from fetcher.simulator.app import serve
from tests.fetcher.making import START, Handle, upstream
from tests.fetcher.syncing import CIVITAI, KEY, NOWHERE, SIMULATED_PATHS, WORLD


def probe(handle: Handle, path: str) -> ProbeResult:
    """Probes a path of an upstream whose requests `handle` answers."""

    async def go() -> ProbeResult:
        async with upstream(handle) as origin:
            return await probe_url(Upstream(CIVITAI, origin, KEY), origin + path)

    return asyncio.run(go())


def test_a_probe_returns_the_response_and_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def go() -> ProbeResult:
        async with serve(WORLD, lambda: START) as origin:
            base_url = origin + SIMULATED_PATHS["civitai"]
            return await probe_url(Upstream(CIVITAI, base_url), f"{base_url}/models?limit=3")

    result = asyncio.run(go())

    assert [entity.type for entity in result.parts.entities].count("model") == 3
    assert (result.response.status, result.response.endpoint) == (200, "/models")
    assert result.response.params == {"limit": "3"}
    assert list(tmp_path.iterdir()) == []  # nothing is written


def test_a_refusal_is_a_result_without_entities() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"error": "gone"}, status=404)

    result = probe(handle, "/models/7")

    assert (result.response.status, result.parts.entities) == (404, ())
    assert result.response.params == {"id": "7"}


def test_a_key_in_the_response_is_masked() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"items": [{"id": 1, "for": request.headers["Authorization"]}]})

    result = probe(handle, "/models")

    assert result.response.key_removed
    assert KEY.encode() not in result.response.body


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<html>maintenance</html>", "not_json: nothing at /items"),
        ('{"error":{"message":"busy"}}', "unexpected: upstream says 'busy'"),
    ],
)
def test_a_response_that_does_not_match_the_rules_is_invalid(text: str, error: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=text)

    with pytest.raises(Invalid, match=f"/models: the response cannot be split: {error}"):
        probe(handle, "/models")


def test_a_url_of_no_endpoint_is_invalid_and_not_requested() -> None:
    with pytest.raises(Invalid, match="no endpoint for"):
        asyncio.run(probe_url(Upstream(CIVITAI, NOWHERE), f"{NOWHERE}/nothing"))


def test_a_probe_without_a_response_raises_unavailable() -> None:
    async def go() -> None:
        base = "http://127.0.0.1:9"
        await probe_url(Upstream(CIVITAI, base), f"{base}/models")

    with pytest.raises(Unavailable, match="connect"):
        asyncio.run(go())
