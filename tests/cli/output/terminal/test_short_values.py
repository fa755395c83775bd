"""Ages and short hashes in tables on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.options.times import parse_time
from cli.output.terminal.short_values import short_instant, short_value
from eventlog.clock import DAY, HOUR, MINUTE, SECOND, format_short, format_us, parse_us

NOW = parse_us("2026-11-21T05:00:00Z")


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (0, "now"),
        (40 * SECOND, "40 s ago"),
        (7 * MINUTE + 59 * SECOND, "7 min ago"),
        (5 * HOUR, "5 h ago"),
        (-3 * HOUR, "in 3 h"),
        (DAY, "2026-11-20 05:00"),
        (-2 * DAY, "2026-11-23 05:00"),
    ],
)
def test_an_instant_is_shown_as_its_age_or_as_date_and_time(distance: int, text: str) -> None:
    assert short_instant(NOW - distance, NOW) == text


@given(st.integers(0, 100 * DAY))
def test_what_is_shown_for_a_past_instant_can_be_typed(distance: int) -> None:
    text = short_instant(NOW - distance, NOW)

    assert abs(parse_time(text, NOW) - (NOW - distance)) < HOUR


@given(st.integers(0, 2 * NOW))
def test_both_forms_of_an_instant_are_shortened(us: int) -> None:
    short = short_instant(us, NOW)

    assert (
        short_value("at", format_us(us), NOW) == short_value("at", format_short(us), NOW) == short
    )


def test_hashes_keep_their_first_digits_and_ids_that_look_like_hashes_are_whole() -> None:
    digest = "42c57d9374e5aabb082f37584548e220"

    assert short_value("hash", f"c1:{digest}", NOW) == "c1:42c57d9374e5"
    assert short_value("hash", digest, NOW) == "42c57d9374e5"
    assert short_value("id", digest, NOW) == digest
    assert short_value("hash", "not a hash", NOW) == "not a hash"
