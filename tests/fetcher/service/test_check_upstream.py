"""One request finds out whether an upstream answers, accepts the key, and has our time."""

import asyncio

import pytest
from aiohttp import web

from eventlog.clock import SECOND, now_us
from fetcher.service.check_upstream import UpstreamAnswer, check_upstream
from fetcher.simulator.app import serve
from fetcher.sources import SOURCES


def ask(status: int, now: int, key: str | None = "k") -> tuple[UpstreamAnswer, list[str]]:
    """Asks an upstream that answers with this status; returns also the requests that it got."""
    requests: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append(str(request.rel_url))
        return web.Response(status=status, text="{}", content_type="application/json")

    async def go() -> UpstreamAnswer:
        app = web.Application()
        app.router.add_get("/{any:.*}", answer)
        async with serve(app, now_us) as origin:
            return await check_upstream(SOURCES["civitai"], origin, key, None, lambda: now)

    return asyncio.run(go()), requests


def test_an_upstream_is_asked_once_for_one_entity() -> None:
    answer, requests = ask(200, now_us())

    assert (answer.problem, answer.is_refused, answer.status) == (None, False, 200)
    assert requests == ["/models?limit=1&nsfw=true&sort=Newest"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_not_repeated(status: int) -> None:
    answer, requests = ask(status, now_us())

    assert answer.is_refused and answer.problem is not None
    assert len(requests) == 1


def test_another_status_is_a_problem() -> None:
    answer, _ = ask(503, now_us())

    assert answer.problem is not None and not answer.is_refused


@pytest.mark.parametrize("ahead_s", [0, 3600, -7200])
def test_the_clock_is_compared_with_the_date_header(ahead_s: int) -> None:
    answer, _ = ask(200, now_us() + ahead_s * SECOND)

    assert answer.clock_difference_s is not None
    assert abs(answer.clock_difference_s - ahead_s) < 60
