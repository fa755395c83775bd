"""The throttle: when the next request to a host may go. Pure, but for `Gate`.

Requests are spaced evenly. A 429 or 503 halves the rate and lets the host cool; every
answer after that gives a little of it back.
"""

import asyncio

import attrs

_SLOWEST = 1 / 64
_RECOVERY = 1 / 32


@attrs.frozen
class Throttle:
    """The state of one host; times in seconds of any one clock."""

    per_second: float
    share: float = 1.0
    """Part of the rate that is used now."""
    next_at: float = 0.0


def reserve(throttle: Throttle, now_s: float) -> tuple[Throttle, float]:
    """The throttle with one request more, and the seconds that request must wait."""
    at = max(throttle.next_at, now_s)
    gap = 1 / (throttle.per_second * throttle.share)
    return attrs.evolve(throttle, next_at=at + gap), at - now_s


def cool(throttle: Throttle, now_s: float, wait_s: float) -> Throttle:
    """After a 429 or 503: half the rate, and nothing before `wait_s` are over."""
    return attrs.evolve(
        throttle,
        share=max(_SLOWEST, throttle.share / 2),
        next_at=max(throttle.next_at, now_s + wait_s),
    )


def warm(throttle: Throttle) -> Throttle:
    """After an answer: a little of the rate comes back."""
    return attrs.evolve(throttle, share=min(1.0, throttle.share + _RECOVERY))


@attrs.define
class Gate:
    """The throttle of one host, shared by its workers."""

    throttle: Throttle

    async def passes(self) -> None:
        """Return when the next request may go."""
        loop = asyncio.get_running_loop()
        self.throttle, wait_s = reserve(self.throttle, loop.time())
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def cools(self, wait_s: float) -> None:
        """The host asked for fewer requests."""
        self.throttle = cool(self.throttle, asyncio.get_running_loop().time(), wait_s)

    def warms(self) -> None:
        """The host answered."""
        self.throttle = warm(self.throttle)
