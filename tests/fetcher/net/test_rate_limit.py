"""Rate limit: even spacing, a lower rate after throttled or slow responses; budgets."""

import asyncio

import attrs
import pytest

from fetcher.net.rate_limit import (
    Budget,
    RateLimiter,
    Throttle,
    adapt_rate,
    halve_rate,
    reserve,
    sleep_unless_stopping,
)


def test_requests_are_spaced_evenly() -> None:
    throttle, waits_s = Throttle(per_second=2), []
    for _ in range(4):
        throttle, wait_s = reserve(throttle, 10.0)
        waits_s.append(wait_s)

    assert waits_s == [0, 0.5, 1.0, 1.5]


def test_a_rate_that_is_not_used_does_not_accumulate() -> None:
    throttle, _ = reserve(Throttle(per_second=2), 0.0)
    throttle, first = reserve(throttle, 100.0)
    _, second = reserve(throttle, 100.0)

    assert (first, second) == (0, 0.5)


def test_a_throttled_response_halves_the_rate_and_pauses_the_host() -> None:
    throttle = halve_rate(Throttle(per_second=1), 50.0, 7.0)
    throttle, first = reserve(throttle, 50.0)
    _, second = reserve(throttle, 50.0)

    assert (first, second) == (7.0, 9.0)


def test_the_rate_never_falls_below_a_minimum_after_throttled_responses() -> None:
    throttle = Throttle(per_second=1)
    for _ in range(50):
        throttle = halve_rate(throttle, 0.0, 0.0)
    _, wait = reserve(reserve(throttle, 0.0)[0], 0.0)

    assert wait <= 64


def test_a_shorter_pause_never_shortens_a_longer_one() -> None:
    throttle = halve_rate(halve_rate(Throttle(per_second=1), 0.0, 60.0), 1.0, 2.0)

    assert reserve(throttle, 1.0)[1] == 59.0


def test_the_rate_never_falls_below_a_minimum_after_slow_answers() -> None:
    throttle = Throttle(per_second=1, usual_s=0.2)
    for _ in range(50):
        throttle = attrs.evolve(adapt_rate(throttle, 100.0), usual_s=0.2)

    assert throttle.share == 1 / 64


def test_the_rate_never_exceeds_the_configured_one() -> None:
    throttle = Throttle(per_second=1)
    for _ in range(99):
        throttle = adapt_rate(throttle, 0.1)

    assert throttle.share == 1.0


def test_normal_answers_restore_the_full_rate() -> None:
    throttle = halve_rate(Throttle(per_second=1), 0.0, 0.0)
    for _ in range(16):
        throttle = adapt_rate(throttle, 0.1)

    assert throttle.share == 1.0


@pytest.mark.parametrize(
    ("answers_s", "share"),
    [
        ([0.2] * 9, 1.0),
        ([0.2, 2.9], 1.0),
        ([0.2, 3.1], 0.75),
        ([0.2, 3.1, 9.0], 0.75 * 0.75),
        ([0.2, 3.1, *[0.2] * 8], 1.0),
        ([3.0, 11.0], 1.0),
        ([3.0, 12.5], 0.75),
        ([0.2, *[6.0] * 200], 1.0),
        ([0.2, 3.1, 0.2], 0.75 + 1 / 32),
    ],
)
def test_an_answer_much_slower_than_usual_reduces_the_rate_by_a_quarter(
    answers_s: list[float], share: float
) -> None:
    throttle = Throttle(per_second=1)
    for took_s in answers_s:
        throttle = adapt_rate(throttle, took_s)

    assert throttle.share == share


def test_a_stop_ends_the_wait_for_a_paused_host() -> None:
    async def go() -> bool:
        limiter, stopping = RateLimiter(Throttle(per_second=1)), asyncio.Event()
        limiter.halve_rate(900.0)
        asyncio.get_running_loop().call_later(0.05, stopping.set)
        return await asyncio.wait_for(limiter.wait_turn(stopping), 10)

    assert asyncio.run(go()) is False


@pytest.mark.parametrize("seconds", [0.0, 0.5, 5.0])
def test_after_a_stop_a_sleep_returns_false_at_once(seconds: float) -> None:
    async def go() -> bool:
        stopping = asyncio.Event()
        stopping.set()
        return await sleep_unless_stopping(seconds, stopping)

    assert asyncio.run(go()) is False


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.01])
def test_a_sleep_lasts_as_long_as_requested(seconds: float) -> None:
    async def go() -> tuple[bool, float]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        return await sleep_unless_stopping(seconds, asyncio.Event()), loop.time() - began_s

    went, took_s = asyncio.run(go())

    assert went
    assert took_s >= seconds - 0.01


def test_a_rate_limiter_spaces_requests_and_adapts_to_answers() -> None:
    async def go() -> Throttle:
        limiter = RateLimiter(Throttle(per_second=10_000, share=0.5))
        for _ in range(3):
            assert await limiter.wait_turn(asyncio.Event())
        limiter.adapt_rate(0.1)
        return limiter.throttle

    throttle = asyncio.run(go())

    assert throttle.next_at > 0
    assert (throttle.share, throttle.usual_s) == (0.5 + 1 / 32, 0.1)


def test_a_budget_is_refilled_once_per_period() -> None:
    budget, endless = Budget(2), Budget()

    assert [budget.take() for _ in range(3)] == [True, True, False]
    budget.refill("2026-11-21T05")
    assert budget.take()
    budget.refill("2026-11-21T05")
    assert (budget.take(), budget.take()) == (True, False)
    assert all(endless.take() for _ in range(99))
