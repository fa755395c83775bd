"""Rhythms: recurring events whose times are computed without iterating over history. Pure.

The event occurs once in each period, at a pseudorandom time within it. Both "the number of
events until t" and "the time of the nth event" need one hash. Times are integer microseconds
since 1970 UTC.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import attrs

from fetcher.simulator.world.seeded_random import Key, draw, log_uniform, unit

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING = 19_358 * DAY
"""2023-01-01: the time of the oldest event of the world."""


@attrs.frozen
class Rhythm:
    """An event that occurs once in each period."""

    seed: int
    key: tuple[Key, ...]
    period_us: int
    phase_us: int = 0
    jitter_us: int | None = None
    """Length of the part of the period in which it occurs; None: the complete period."""


@lru_cache(maxsize=1 << 17)
def instant(rhythm: Rhythm, number: int) -> int:
    """Returns the time of the nth event. Law: `count(rhythm, instant(rhythm, n)) == n`."""
    span = rhythm.jitter_us or rhythm.period_us
    offset = draw(rhythm.seed, *rhythm.key, "instant", number) % span
    return rhythm.phase_us + number * rhythm.period_us + offset


def count(rhythm: Rhythm, now_us: int) -> int:
    """Returns the number of the last event that is not after now."""
    number = (now_us - rhythm.phase_us) // rhythm.period_us
    return number if instant(rhythm, number) <= now_us else number - 1


def is_away(rhythm: Rhythm, shortest_us: int, longest_us: int, now_us: int) -> bool:
    """Whether now is within an absence; one begins with each event of the rhythm."""
    number = count(rhythm, now_us)
    length = log_uniform(shortest_us, longest_us, rhythm.seed, *rhythm.key, "length", number)
    return now_us < instant(rhythm, number) + int(length)


def staggered(seed: int, key: Key, member: int, members: int, period_us: int) -> Rhythm:
    """Returns the rhythm of one member of a group whose events are spread evenly.

    Law: every interval of `2 * period_us / members` contains an event of the group.
    """
    share = period_us // max(1, members)
    return Rhythm(seed, (key, member), period_us, member * share, share)


def grown(per_hour: float, seed: int, key: tuple[Key, ...], since_us: int, now_us: int) -> int:
    """Returns a counter that never falls: on average `per_hour`, in steps of 30 s."""
    step = 30 * SECOND
    steps = max(0, now_us - since_us) // step
    return int(per_hour / 120 * (steps + unit(seed, *key, steps)))


def iso(at_us: int, digits: int = 3, zone: str = "Z") -> str:
    """Returns a time in RFC 3339, with 3 or 6 digits and the given zone suffix."""
    at = _EPOCH + timedelta(microseconds=at_us)
    timespec = "milliseconds" if digits == 3 else "microseconds"
    return at.replace(tzinfo=None).isoformat(timespec=timespec) + zone


def day(at_us: int) -> str:
    """Returns the date as `YYYY-MM-DD`."""
    return (_EPOCH + timedelta(microseconds=at_us)).date().isoformat()
