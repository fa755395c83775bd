"""The schedule: slots in UTC, missed slots, and the random delay of a sync."""

import pytest

from eventlog.clock import HOUR, MINUTE, SECOND
from eventlog.errors import Invalid
from fetcher.service.schedule import check_schedule, count_missed_slots, delay_us, next_slot
from tests.fetcher.making import START

HOURLY = "30 * * * *"


def test_slots_are_counted_in_utc_and_never_twice() -> None:
    assert next_slot(HOURLY, START) == START + 30 * MINUTE
    assert next_slot(HOURLY, START + 30 * MINUTE) == START + 90 * MINUTE
    assert count_missed_slots(HOURLY, START, START + 29 * MINUTE) == 0
    assert count_missed_slots(HOURLY, START, START + 5 * HOUR) == 5
    assert count_missed_slots(HOURLY, START, START + 30 * MINUTE) == 1
    assert count_missed_slots(HOURLY, START + 30 * MINUTE, START + 30 * MINUTE) == 0
    assert count_missed_slots(HOURLY, START, START + 99 * HOUR, maximum=7) == 7


def test_the_delay_of_a_sync_is_a_share_of_the_maximum() -> None:
    assert [delay_us(30.0, chance) for chance in (0.0, 0.5, 1.0)] == [0, 15 * SECOND, 30 * SECOND]


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "hourly", "0 0 30 2 *"])
def test_a_schedule_that_never_occurs_is_rejected(expression: str) -> None:
    with pytest.raises(Invalid, match="expected five cron fields"):
        check_schedule(expression)
