"""Requests keep to the rate and the waits of their host; a host that is down is not retried."""

import asyncio
from email.utils import formatdate
from pathlib import Path

import attrs
import pytest
from aiohttp import web

from eventlog.clock import SECOND
from fetcher.crawl.request import Answered, GivenUp, NotSent, RequestContext
from fetcher.net.circuit_breaker import CircuitBreaker
from fetcher.net.rate_limit import Budget, RateLimiter, Throttle
from fetcher.net.retry import RetryPolicy
from tests.fetcher.crawl.test_request import (
    COMPLETE,
    answering,
    outcome_of,
    request_models,
    with_context,
)
from tests.fetcher.making import FAST_RETRIES, START, upstream

PATIENT = RetryPolicy(attempts=4, base_s=0.001, max_wait_s=0.002)


def throttled(root: Path, status: int, retry_after: str) -> tuple[Throttle, float]:
    """The throttle after a response with Retry-After, and the seconds until the next request."""

    async def act(context: RequestContext, stopping: asyncio.Event) -> tuple[Throttle, float]:
        async def handle(request: web.Request) -> web.Response:
            stopping.set()
            return web.json_response({}, status=status, headers={"Retry-After": retry_after})

        async with upstream(handle) as origin:
            client = attrs.evolve(context.client, base_url=origin)
            outcome = await request_models(attrs.evolve(context, client=client), stopping)
        assert outcome == NotSent("stopping")
        now_s = asyncio.get_running_loop().time()
        return context.limiter.throttle, context.limiter.throttle.next_at - now_s

    throttle, wait_s = with_context(root, answering((200, COMPLETE)), act, policy=PATIENT)
    return throttle, wait_s


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["500", formatdate(START / SECOND + 500, usegmt=True)])
def test_after_retry_after_no_request_is_sent_to_the_host_until_then(
    tmp_path: Path, status: int, value: str
) -> None:
    throttle, wait_s = throttled(tmp_path, status, value)

    assert 300 < wait_s <= 501
    assert throttle.share == 0.5


def test_retry_after_is_limited_by_the_policy(tmp_path: Path) -> None:
    assert 600 < throttled(tmp_path, 429, "86400")[1] <= 901


def test_a_server_error_does_not_lower_the_rate(tmp_path: Path) -> None:
    throttle, wait_s = throttled(tmp_path, 500, "500")

    assert (throttle.share, wait_s < 100) == (1.0, True)


def test_an_answer_raises_the_rate_and_closes_the_circuit_breaker(tmp_path: Path) -> None:
    limiter = RateLimiter(Throttle(600_000, share=0.5))
    breaker = CircuitBreaker("connect", 2)

    outcome = outcome_of(tmp_path, answering((200, COMPLETE)), limiter=limiter, breaker=breaker)

    assert isinstance(outcome, Answered)
    assert limiter.throttle.share > 0.5
    assert (breaker.last_error, breaker.consecutive_failures) == (None, 0)


def test_the_circuit_breaker_counts_a_request_that_is_given_up_once(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    breaker = CircuitBreaker()
    outcome_of(tmp_path, handle, breaker=breaker)

    assert (breaker.last_error, breaker.consecutive_failures) == ("connect", 1)


def test_every_request_that_is_sent_takes_one_from_the_budget(tmp_path: Path) -> None:
    paths: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        paths.append(request.path)
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    budget = Budget(10)
    outcome_of(tmp_path, handle, budget=budget)

    assert len(paths) == budget.spent == FAST_RETRIES.attempts


def test_requests_to_a_host_that_is_down_are_not_retried(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    outcome = outcome_of(tmp_path, handle, breaker=CircuitBreaker("connect", 3))

    assert isinstance(outcome, GivenUp)
    assert len(outcome.draft.members["attempts"]) == 1


def test_errors_of_another_class_are_retried_although_the_host_is_down(tmp_path: Path) -> None:
    requests: list[str] = []

    outcome_of(
        tmp_path, answering((500, b"{}"), requests=requests), breaker=CircuitBreaker("connect", 3)
    )

    assert len(requests) == FAST_RETRIES.attempts
