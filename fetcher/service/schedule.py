"""Schedule: when the next sync is due. Pure.

A cron expression defines the slots, in UTC. Each sync starts a random delay after its
slot, so that not all crawlers send their requests in the same second.
"""

from cronsim import CronSim, CronSimError

from eventlog.clock import SECOND, datetime_of, instant_at
from eventlog.errors import Invalid


def check_schedule(expression: str) -> None:
    """Raises `Invalid` if the text is not a cron expression."""
    next_slot(expression, 0)


def next_slot(expression: str, after: int) -> int:
    """Returns the first slot later than an instant; both in microseconds."""
    try:
        slot = next(CronSim(expression, datetime_of(after)))
    except (CronSimError, StopIteration) as error:
        raise Invalid(
            f"schedule {expression!r}: expected five cron fields", "for example '30 * * * *'"
        ) from error
    return instant_at(slot)


def count_missed_slots(expression: str, last: int, now: int, maximum: int = 1000) -> int:
    """Returns the number of slots in (last, now], at most `maximum`."""
    count, at = 0, last
    while count < maximum and (at := next_slot(expression, at)) <= now:
        count += 1
    return count


def delay_us(longest_s: float, chance: float) -> int:
    """Returns the delay of one sync in microseconds; `chance` is in [0, 1)."""
    return int(longest_s * chance * SECOND)
