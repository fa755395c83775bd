"""Outage: since when a host does not answer. Pure.

    answers ── 3 attempts in a row fail because of the host ──> outage
       <───────────────────── any answer ───────────────────────┘

The circuit breaker decides what is still requested; the outage is what people are told.
"""

from collections.abc import Callable

import attrs

from fetcher.net.circuit_breaker import HOST_ERRORS

_FAILURES_TO_BEGIN = 3
_DOWN_STATUSES = frozenset({502, 503, 504})
"""Statuses of a server in front of the host, which does not reach it."""
_REASONS = {
    "connect": "no connection",
    "timeout": "no answer in time",
    "tls": "no secure connection",
    "broken": "the connection breaks off",
}


@attrs.frozen
class OutageChange:
    """The beginning or the end of an outage."""

    source: str
    base_url: str
    reason: str | None
    """Why the host counts as down; None: it answers again."""
    duration_us: int = 0
    """Duration of the outage until now."""


OnOutage = Callable[[OutageChange], None]


def ignore_outage(change: OutageChange) -> None:
    """Does nothing."""


@attrs.define
class Outage:
    """Failures of the attempts of a crawl, one after the other."""

    failures: int = 0
    """Failed attempts in a row that say something about the host."""
    since: int = 0
    """Instant of the first of them, in microseconds."""

    @property
    def is_begun(self) -> bool:
        """Whether the host counts as down."""
        return self.failures >= _FAILURES_TO_BEGIN


def host_failure(error_class: str | None, status: int | None) -> str | None:
    """Returns why an attempt failed, if the host is the reason; None for everything else."""
    if error_class in HOST_ERRORS:
        return _REASONS[str(error_class)]
    return f"status {status}" if status in _DOWN_STATUSES else None


def note_failure(outage: Outage, now: int) -> bool:
    """Counts a failed attempt; returns whether the outage begins with it."""
    outage.since = outage.since if outage.failures else now
    outage.failures += 1
    return outage.failures == _FAILURES_TO_BEGIN


def note_answer(outage: Outage, now: int) -> int | None:
    """Notes an answer; returns the duration in microseconds of the outage that it ends."""
    duration = now - outage.since if outage.is_begun else None
    outage.failures = 0
    return duration
