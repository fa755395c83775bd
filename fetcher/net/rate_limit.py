"""The throttle: when the next request to a host may go. Pure, but for `Gate`.

Requests are spaced evenly. A 429 or 503 halves the rate and lets the host cool; an answer
that takes much longer than usual takes a quarter of it; every other answer gives a little
back. What is usual follows slowly, so a host that has become slow is not starved for good.
"""

import asyncio

import attrs

_SLOWEST = 1 / 64
_RECOVERY = 1 / 32
_SLOW_S = 3.0
"""No answer that comes sooner is slow."""
_SLOW_TIMES = 4.0
"""Times the usual, from which an answer is slow."""


@attrs.frozen
class Throttle:
    """The state of one host; times in seconds of any one clock."""

    per_second: float
    share: float = 1.0
    """Part of the rate that is used now."""
    next_at: float = 0.0
    usual_s: float | None = None
    """How long answers take; None before the first."""


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


def heed(throttle: Throttle, took_s: float) -> Throttle:
    """After an answer: a little of the rate comes back, or goes where it was slow."""
    usual_s = took_s if throttle.usual_s is None else throttle.usual_s
    if took_s > max(_SLOW_S, _SLOW_TIMES * usual_s):
        share = max(_SLOWEST, throttle.share * 0.75)
    else:
        share = min(1.0, throttle.share + _RECOVERY)
    return attrs.evolve(throttle, share=share, usual_s=usual_s + (took_s - usual_s) / 16)


@attrs.define
class Gate:
    """The throttle of one host, shared by its workers."""

    throttle: Throttle

    async def passes(self, stopping: asyncio.Event) -> bool:
        """When the next request may go; False as soon as `stopping`, and it must not."""
        loop = asyncio.get_running_loop()
        self.throttle, wait_s = reserve(self.throttle, loop.time())
        return await waits(wait_s, stopping)

    def cools(self, wait_s: float) -> None:
        """The host asked for fewer requests."""
        self.throttle = cool(self.throttle, asyncio.get_running_loop().time(), wait_s)

    def answered(self, took_s: float) -> None:
        """The host answered."""
        self.throttle = heed(self.throttle, took_s)


async def waits(seconds: float, stopping: asyncio.Event) -> bool:
    """Wait; False, and at once, when `stopping` comes first: a host may cool for long."""
    if stopping.is_set():
        return False
    if seconds < 1:
        if seconds > 0:
            await asyncio.sleep(seconds)
        return True
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return True
    return False


@attrs.define
class Budget:
    """How many requests may still be made."""

    most: int | None = None
    """None: any number."""
    spent: int = 0
    period: str = ""

    @property
    def has_left(self) -> bool:
        """Whether one more may be made."""
        return self.most is None or self.spent < self.most

    def take(self) -> bool:
        """Take one; False where none is left."""
        if not self.has_left:
            return False
        self.spent += 1
        return True

    def refill(self, period: str) -> None:
        """Begin anew, where the period is another."""
        if period != self.period:
            self.spent, self.period = 0, period
