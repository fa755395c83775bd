"""The schedule: when the next sync is due. Pure.

A cron expression names the slots, in UTC. Each slot is met with a little delay of its
own, so that not everybody asks at the same second.
"""

from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from eventlog.clock import SECOND
from eventlog.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_schedule(expression: str) -> None:
    """Raises `Invalid` where the text is no cron expression."""
    next_slot(expression, 0)


def next_slot(expression: str, after: int) -> int:
    """The first slot later than an instant, both in microseconds."""
    moment = _EPOCH + timedelta(microseconds=after)
    try:
        found = next(CronSim(expression, moment.replace(tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise Invalid(
            f"schedule {expression!r}: expected five cron fields", "for example '30 * * * *'"
        ) from error
    return (found - _EPOCH) // timedelta(microseconds=1)


def missed_slots(expression: str, last: int, now: int, most: int = 1000) -> int:
    """How many slots lie after `last` and not after `now`: what a service slept through."""
    count, at = 0, last
    while count < most and (at := next_slot(expression, at)) <= now:
        count += 1
    return count


def delay_us(longest_s: float, chance: float) -> int:
    """The jitter of one slot; `chance` from 0 up to 1."""
    return int(longest_s * chance * SECOND)
