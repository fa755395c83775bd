"""Time: the one module that reads the clock and that converts instants.

An instant is an int, microseconds since 1970-01-01T00:00:00Z. As text it is RFC 3339 in UTC
with six decimals and `Z`: the order of the texts is the order of the instants.
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
    return format_datetime(datetime_of(instant))


def format_short(instant: int) -> str:
    """Formats an instant without trailing zeros of the fraction: `2026-11-21T05:00:00Z`."""
    return format_us(instant).removesuffix("Z").rstrip("0").removesuffix(".") + "Z"


def format_datetime(moment: datetime) -> str:
    """Formats a datetime like `format_us`. One without a time zone is in UTC."""
    in_utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return in_utc.isoformat(timespec="microseconds")[:26] + "Z"


def parse_us(text: str) -> int:
    """Parses RFC 3339 text. Raises `ValueError` if it is invalid or has no time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"instant without a time zone: {text!r}")
    return instant_at(moment)


def datetime_of(instant: int) -> datetime:
    """Returns an instant as a datetime in UTC. Inverse of `instant_at`."""
    return _EPOCH + timedelta(microseconds=instant)


def instant_at(moment: datetime) -> int:
    """Returns the instant of a datetime that has a time zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def hour_start(instant: int) -> int:
    """Returns the first instant of the UTC hour that contains `instant`."""
    return instant - instant % HOUR


def epoch_of(instant: int) -> str:
    """Returns the hour of an instant as text, `2026-11-21T05`."""
    return format_us(instant)[:13]
