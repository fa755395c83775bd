"""When things happen: rhythms that can be asked about any instant at once.

A rhythm happens once in each of its periods, at an instant that chance places inside
that period. So "how often until t" and "when was the nth" are both one hash away and
no history is walked. All instants are integer microseconds since 1970 UTC. Pure.
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
"""2023-01-01: nothing in the world is older."""


@attrs.frozen
class Rhythm:
    """Something that happens once in each period."""

    seed: int
    key: tuple[Key, ...]
    period_us: int
    phase_us: int = 0
    jitter_us: int | None = None
    """How far into the period chance may place it; all of the period if None."""


@lru_cache(maxsize=1 << 17)
def instant(rhythm: Rhythm, number: int) -> int:
    """When it happens for that time; `count(rhythm, instant(rhythm, n)) == n`."""
    span = rhythm.jitter_us or rhythm.period_us
    offset = draw(rhythm.seed, *rhythm.key, "instant", number) % span
    return rhythm.phase_us + number * rhythm.period_us + offset


def count(rhythm: Rhythm, now_us: int) -> int:
    """The number of the last time that is not after now."""
    number = (now_us - rhythm.phase_us) // rhythm.period_us
    return number if instant(rhythm, number) <= now_us else number - 1


def is_away(rhythm: Rhythm, shortest_us: int, longest_us: int, now_us: int) -> bool:
    """Whether one of the absences that begin with this rhythm still lasts."""
    number = count(rhythm, now_us)
    length = log_uniform(shortest_us, longest_us, rhythm.seed, *rhythm.key, "length", number)
    return now_us < instant(rhythm, number) + int(length)


def staggered(seed: int, key: Key, member: int, members: int, period_us: int) -> Rhythm:
    """The rhythm of one member of a group in which somebody's turn comes all the time.

    No stretch of `2 * period_us / members` passes without one of the group.
    """
    share = period_us // max(1, members)
    return Rhythm(seed, (key, member), period_us, member * share, share)


def grown(per_hour: float, seed: int, key: tuple[Key, ...], since_us: int, now_us: int) -> int:
    """A counter that never falls: `per_hour` on average since it began, in steps of 30 s."""
    step = 30 * SECOND
    steps = max(0, now_us - since_us) // step
    return int(per_hour / 120 * (steps + unit(seed, *key, steps)))


def iso(at_us: int, digits: int = 3, zone: str = "Z") -> str:
    """RFC 3339 as upstream writes it; with 6 digits and another zone text where it does."""
    at = _EPOCH + timedelta(microseconds=at_us)
    timespec = "milliseconds" if digits == 3 else "microseconds"
    return at.replace(tzinfo=None).isoformat(timespec=timespec) + zone


def day(at_us: int) -> str:
    """`YYYY-MM-DD`."""
    return (_EPOCH + timedelta(microseconds=at_us)).date().isoformat()
