"""Instants: as numbers, as text, and as datetimes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.clock import (
    HOUR,
    datetime_of,
    epoch_of,
    format_datetime,
    format_short,
    format_us,
    hour_start,
    instant_at,
    now_us,
    parse_us,
)

FIRST = parse_us("0001-01-01T00:00:00Z")
LAST = parse_us("9999-12-31T23:59:59.999999Z")
instants = st.integers(FIRST, LAST - 1)


@given(instants)
def test_instants_and_texts_are_inverse_and_in_the_same_order(at: int) -> None:
    assert parse_us(format_us(at)) == at
    assert format_us(at) < format_us(at + 1)
    assert hour_start(at) <= at < hour_start(at) + HOUR


def test_an_instant_needs_a_time_zone_and_may_have_any() -> None:
    assert parse_us("2026-11-21T06:00:00+01:00") == parse_us("2026-11-21T05:00:00Z")
    for text in ("2026-11-21T05:00:00", "2026-11-21", "yesterday", ""):
        with pytest.raises(ValueError, match=r"zone|isoformat"):
            parse_us(text)


def test_an_epoch_is_the_hour_of_an_instant() -> None:
    at = parse_us("2026-11-21T05:59:59.999999Z")

    assert (epoch_of(at), epoch_of(at + 1)) == ("2026-11-21T05", "2026-11-21T06")
    assert format_us(hour_start(at)) == "2026-11-21T05:00:00.000000Z"
    assert hour_start(at + 1) == at + 1


def test_the_current_instant_is_in_microseconds() -> None:
    assert format_us(now_us())[:2] == "20"


@given(instants)
def test_instants_and_datetimes_are_inverse(at: int) -> None:
    assert instant_at(datetime_of(at)) == at
    assert format_datetime(datetime_of(at)) == format_us(at)


@given(instants)
def test_the_short_form_denotes_the_same_instant(at: int) -> None:
    assert parse_us(format_short(at)) == at


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("2026-11-21T05:00:00.000000Z", "2026-11-21T05:00:00Z"),
        ("2026-11-20T10:00:00.100000Z", "2026-11-20T10:00:00.1Z"),
        ("2026-11-21T05:00:00.000001Z", "2026-11-21T05:00:00.000001Z"),
        ("0001-01-01T00:00:00.000000Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_the_short_form_has_no_trailing_zeros_of_the_fraction(text: str, short: str) -> None:
    assert format_us(parse_us(text)) == text
    assert format_short(parse_us(text)) == short


def test_a_datetime_is_formatted_in_utc_whatever_its_time_zone() -> None:
    west = timezone(-timedelta(hours=5))

    for moment in (
        datetime(2026, 11, 21, 5),
        datetime(2026, 11, 21, 5, tzinfo=UTC),
        datetime(2026, 11, 21, 0, tzinfo=west),
    ):
        assert format_datetime(moment) == "2026-11-21T05:00:00.000000Z"
