"""Time: the one module that reads the clock.

An instant is an int, microseconds since 1970-01-01T00:00:00Z. As text it is
RFC 3339 with six decimals and `Z`, so that text order is time order.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR

Clock = Callable[[], int]
"""A function without arguments that returns the current instant."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """Returns the current instant of this machine's clock."""
    return time.time_ns() // 1000


def format_us(instant: int) -> str:
    """Formats an instant as `2026-11-21T05:00:00.000000Z`. Inverse of `parse_us`."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


def parse_us(text: str) -> int:
    """Parses RFC 3339 text. Raises `ValueError` if it is invalid or has no time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"instant without a time zone: {text!r}")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def hour_start(instant: int) -> int:
    """Returns the first instant of the UTC hour that contains `instant`."""
    return instant - instant % HOUR


def epoch_of(instant: int) -> str:
    """Returns the hour of an instant as text, `2026-11-21T05`."""
    return format_us(instant)[:13]
