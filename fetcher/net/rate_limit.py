"""Rate limit of one host: when the next request may be sent. Pure, except `RateLimiter`.

Requests are spaced evenly. A response with status 429 or 503 halves the rate and pauses
the host. An answer that takes much longer than usual reduces the rate by a quarter; every
other answer raises it a little. The usual duration is a moving average, so a host that has
become permanently slow gets its full rate back.
"""

import asyncio
import logging

import attrs

_LOGGER = logging.getLogger(__name__)
_MIN_SHARE = 1 / 64
_RECOVERY = 1 / 32
"""Share of the full rate that a normal answer restores."""
_MIN_SLOW_S = 3.0
"""An answer that takes at most this long is never slow."""
_SLOW_FACTOR = 4.0
"""An answer is slow if it takes more than this many times the usual duration."""


@attrs.frozen
class Throttle:
    """State of the rate limit of one host. Instants are seconds of one monotonic clock."""

    per_second: float
    """Full rate: requests per second."""
    share: float = 1.0
    """Fraction of the full rate that is used now."""
    next_at: float = 0.0
    """Instant before which no request may be sent."""
    usual_s: float | None = None
    """Moving average of the durations of answers; None before the first answer."""


def reserve(throttle: Throttle, now_s: float) -> tuple[Throttle, float]:
    """Reserves a slot for one request; returns the seconds that the request must wait."""
    at = max(throttle.next_at, now_s)
    gap = 1 / (throttle.per_second * throttle.share)
    return attrs.evolve(throttle, next_at=at + gap), at - now_s


def halve_rate(throttle: Throttle, now_s: float, pause_s: float) -> Throttle:
    """Halves the rate after a 429 or 503; no request may be sent during `pause_s`."""
    return attrs.evolve(
        throttle,
        share=max(_MIN_SHARE, throttle.share / 2),
        next_at=max(throttle.next_at, now_s + pause_s),
    )


def adapt_rate(throttle: Throttle, took_s: float) -> Throttle:
    """Raises the rate a little after an answer, or reduces it if the answer was slow."""
    usual_s = took_s if throttle.usual_s is None else throttle.usual_s
    if took_s > max(_MIN_SLOW_S, _SLOW_FACTOR * usual_s):
        share = max(_MIN_SHARE, throttle.share * 0.75)
    else:
        share = min(1.0, throttle.share + _RECOVERY)
    return attrs.evolve(throttle, share=share, usual_s=usual_s + (took_s - usual_s) / 16)


@attrs.define
class RateLimiter:
    """Rate limit of one host, shared by all workers of a sync."""

    throttle: Throttle

    async def wait_turn(self, stopping: asyncio.Event) -> bool:
        """Waits until the next request may be sent. Returns False as soon as `stopping` is
        set; the request must then not be sent."""
        loop = asyncio.get_running_loop()
        self.throttle, wait_s = reserve(self.throttle, loop.time())
        return await sleep_unless_stopping(wait_s, stopping)

    def halve_rate(self, pause_s: float) -> None:
        """Halves the rate and pauses the host: it asked for fewer requests."""
        now_s = asyncio.get_running_loop().time()
        self.throttle = halve_rate(self.throttle, now_s, pause_s)
        _log_rate(self.throttle, f"halved, pause of {pause_s:.1f} s")

    def adapt_rate(self, took_s: float) -> None:
        """Adapts the rate to the duration of an answer."""
        before, self.throttle = self.throttle.share, adapt_rate(self.throttle, took_s)
        if self.throttle.share < before:
            _log_rate(self.throttle, f"lowered, an answer took {took_s:.1f} s")


def _log_rate(throttle: Throttle, why: str) -> None:
    _LOGGER.debug("rate limit %s: %.1f%% of the full rate", why, 100 * throttle.share)


async def sleep_unless_stopping(seconds: float, stopping: asyncio.Event) -> bool:
    """Sleeps. Returns False, and at once, if `stopping` is set first: pauses can be long."""
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
    """Number of requests that may still be sent in a period."""

    limit: int | None = None
    """Requests per period; None: unlimited."""
    spent: int = 0
    period: str = ""

    @property
    def has_left(self) -> bool:
        """Whether at least one more request may be sent."""
        return self.limit is None or self.spent < self.limit

    def take(self) -> bool:
        """Takes one request from the budget; returns False if none is left."""
        if not self.has_left:
            return False
        self.spent += 1
        return True

    def refill(self, period: str) -> None:
        """Restores the full budget if a new period has begun."""
        if period != self.period:
            self.spent, self.period = 0, period
