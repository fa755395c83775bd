"""Durations, formatted times, and texts such as `2 hours ago`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.options.times import (
    DAY,
    END,
    FIRST,
    SECOND,
    BadTime,
    format_ago,
    format_time,
    parse_duration,
    parse_time,
)
from tests.cli.options.test_times import HOUR, NOW, us


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("2h", 2 * HOUR),
        ("1d12h", 36 * HOUR),
        ("90s", 90 * SECOND),
        ("30m", 1800 * SECOND),
        ("2w", 14 * DAY),
        ("2 days", 2 * DAY),
        ("1 hour", HOUR),
        ("0s", 0),
    ],
)
def test_every_form_of_a_duration_is_accepted(text: str, duration: int) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "2", "-2h", "2 days ago", "1.5h", "h", "1M", "1 month", "now"]
)
def test_any_other_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadTime, match=r"is not a valid duration .* 1d12h"):
        parse_duration(text)


def test_a_formatted_time_omits_a_fraction_of_zero() -> None:
    assert format_time(us(2026, 11, 1, 13, 5)) == "2026-11-01T13:05:00Z"
    assert format_time(us(2026, 11, 1, 13, 5, 0, 500_000)) == "2026-11-01T13:05:00.5Z"
    assert format_time(-1) == "1969-12-31T23:59:59.999999Z"


def test_ago_uses_the_largest_whole_unit() -> None:
    assert format_ago(NOW, NOW) == "now"
    assert format_ago(NOW - 999_999, NOW) == "now"
    assert format_ago(NOW - SECOND, NOW) == "1 second ago"
    assert format_ago(NOW - 119 * SECOND, NOW) == "1 minute ago"
    assert format_ago(NOW - 47 * HOUR, NOW) == "1 day ago"
    assert format_ago(NOW - 400 * DAY, NOW) == "400 days ago"
    assert format_ago(NOW + 3 * HOUR, NOW) == "in 3 hours"


@given(st.integers(0, 2000 * 365 * DAY))
def test_ago_parses_back_to_less_than_one_unit_later(distance: int) -> None:
    text = format_ago(NOW - distance, NOW)
    unit = {"now": SECOND, "s": SECOND, "m": 60 * SECOND, "h": HOUR, "d": DAY}[
        text if text == "now" else text.split()[1][0]
    ]

    assert 0 <= distance - (NOW - parse_time(text, NOW)) < unit


def test_a_duration_longer_than_the_calendar_is_refused() -> None:
    assert parse_duration("3652058d") == END - FIRST - DAY
    with pytest.raises(BadTime, match="more than 9998 years"):
        parse_duration("3652059d")
