"""Grammar of times and durations: accepted and refused texts, and their instants."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.options.times import (
    DAY,
    END,
    FIRST,
    SECOND,
    BadTime,
    format_time,
    parse_as_of,
    parse_duration,
    parse_time,
)


def us(*parts: int) -> int:
    """Returns the instant of year, month, day, … in microseconds."""
    moment = datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


NOW = us(2026, 11, 21, 15, 30, 10, 250_000)
HOUR = 3600 * SECOND

ACCEPTED = {
    "now": NOW,
    "today": us(2026, 11, 21),
    "yesterday": us(2026, 11, 20),
    "2h": NOW - 2 * HOUR,
    "-2h": NOW - 2 * HOUR,
    "1d12h": NOW - 36 * HOUR,
    "-1d12h": NOW - 36 * HOUR,
    "1w2d3h4m5s": NOW - 9 * DAY - 3 * HOUR - 245 * SECOND,
    "0s": NOW,
    "2 days ago": NOW - 2 * DAY,
    "1 day ago": NOW - DAY,
    "3 weeks ago": NOW - 21 * DAY,
    "90 minutes ago": NOW - 90 * 60 * SECOND,
    "1 second ago": NOW - SECOND,
    "7 min ago": NOW - 7 * 60 * SECOND,
    "5 h ago": NOW - 5 * 3600 * SECOND,
    "40 s ago": NOW - 40 * SECOND,
    "2026-11": us(2026, 11, 1),
    "2026-11-01": us(2026, 11, 1),
    "20261101": us(2026, 11, 1),
    "2024-02-29": us(2024, 2, 29),
    "2026-11-01T13": us(2026, 11, 1, 13),
    "2026-11-01 13": us(2026, 11, 1, 13),
    "2026-11-01T13Z": us(2026, 11, 1, 13),
    "2026-11-01T13+02:00": us(2026, 11, 1, 11),
    "2026-11-01 13:05": us(2026, 11, 1, 13, 5),
    "2026-11-01T13:05": us(2026, 11, 1, 13, 5),
    "2026-11-01 13:05:09": us(2026, 11, 1, 13, 5, 9),
    "2026-11-01T13:05:09Z": us(2026, 11, 1, 13, 5, 9),
    "2026-11-01T13:05:09.25Z": us(2026, 11, 1, 13, 5, 9, 250_000),
    "2026-11-01T13:05:09,25Z": us(2026, 11, 1, 13, 5, 9, 250_000),
    "2026-11-01T13:05:09.123456000Z": us(2026, 11, 1, 13, 5, 9, 123_456),
    "2026-11-01T13:05:09+02:00": us(2026, 11, 1, 11, 5, 9),
    "2026-11-01T13:05:09-0530": us(2026, 11, 1, 18, 35, 9),
    "2026-11-01 13:05:09.5+00": us(2026, 11, 1, 13, 5, 9, 500_000),
    "2026-11-01T23:30-01:00": us(2026, 11, 2, 0, 30),
    "20261101T13": us(2026, 11, 1, 13),
    "20261101T130509Z": us(2026, 11, 1, 13, 5, 9),
    "20261101T130509.5+0200": us(2026, 11, 1, 11, 5, 9, 500_000),
    "@1763000000": 1_763_000_000 * SECOND,
    "@1763000000.25": 1_763_000_000_250_000,
    "@0": 0,
    "1969-07-20T20:17:40Z": us(1969, 7, 20, 20, 17, 40),
    "2027-01-01": us(2027, 1, 1),
}

REFUSED = [
    "",
    " ",
    "tomorrow",
    "Now",
    " now",
    "now\n",
    "2026",
    "202611",
    "2026-13",
    "2026-00",
    "2026-13-01",
    "2026-02-30",
    "2025-02-29",
    "20261301",
    "2026-1-1",
    "2026-11-1",
    "1/2/2026",
    "01.02.2026",
    "2026/11/01",
    "2026-W45",
    "2026-305",
    "13:05",
    "T13:05",
    "2026-11-01T",
    "2026-11-01T24",
    "2026-11-01T24:00",
    "2026-11-01T13:60",
    "2026-11-01T13:05:60",
    "2026-11-01T13-05",
    "20261101T13-0500",
    "2026-11-01T1305",
    "20261101T13:05",
    "2026-11-01  13:05",
    "2026-11-01 13:05 UTC",
    "2026-11-01T13:05+24:00",
    "2026-11-01T13:05+02:60",
    "2026-11-01T13:05.5Z",
    "2026-11-01T13:05:09.1234567Z",
    "2026-11-01Z",
    "2026-11T13",
    "0000-01-01",
    "10000-01-01",
    "+12026-11-01",
    "-2026-11-01",
    "0001-01-01T00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "1763000000",
    "@",
    "@-1",
    "@1763000000.",
    "@1763000000.0000001",
    "@253402300800",
    "@999999999999",
    "@" + "9" * 5000,
    "9" * 5000 + "h",
    "999999999w",
    "999999999 weeks ago",
    "h",
    "-",
    "--2h",
    "+2h",
    "12h1d",
    "1h1h",
    "1.5h",
    "2h ago",
    "2 h",
    "2 days",
    "2  days ago",
    "-2 days ago",
    "2 months ago",
    "1 year ago",
    "2y",
    "two days ago",
    "last week",
    "٢h",
    "２０２６-11-01",
    "−2h",
    "2026-11-01T13:05:09z",
    "2026‐11‐01",
    "\ud800",
]


@pytest.mark.parametrize(("text", "instant"), ACCEPTED.items(), ids=list(ACCEPTED))
def test_every_documented_form_is_one_instant(text: str, instant: int) -> None:
    assert parse_time(text, NOW) == instant


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:20]))
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(BadTime):
        parse_time(text, NOW)


def test_an_error_contains_the_text_the_reason_and_examples() -> None:
    with pytest.raises(BadTime) as caught:
        parse_time("2026-02-30", NOW)

    message = str(caught.value)
    assert message.startswith("'2026-02-30' is not a valid time (this date does not exist)")
    assert "'2026-11-01 13:05'" in message


def test_the_examples_in_an_error_are_accepted() -> None:
    with pytest.raises(BadTime) as caught:
        parse_time("?", NOW)

    for text in str(caught.value).split("examples: ")[1].split(", "):
        parse_time(text.strip("'"), NOW)


def test_an_error_shortens_and_escapes_the_text() -> None:
    with pytest.raises(BadTime) as caught:
        parse_time("\x1b[2J" * 5000, NOW)

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


@given(st.integers(FIRST, END - 1))
@example(FIRST)
@example(END - 1)
@example(-1)
def test_a_formatted_time_parses_to_itself(instant: int) -> None:
    assert parse_time(format_time(instant), NOW) == instant


@given(st.integers(FIRST, END - 1), st.timedeltas(timedelta(0), timedelta(hours=23)))
def test_an_offset_names_the_same_instant_as_utc(instant: int, west: timedelta) -> None:
    west = timedelta(minutes=west // timedelta(minutes=1))
    shifted = instant - west // timedelta(microseconds=1)
    hours, minutes = divmod(west // timedelta(minutes=1), 60)
    if shifted < FIRST:
        return
    text = format_time(shifted).removesuffix("Z") + f"-{hours:02d}:{minutes:02d}"

    assert parse_time(text, NOW) == instant


@given(st.text() | st.text("0123456789-+:.,@TZ agodhmsw/", max_size=30))
@example("@" + "9" * 13)
@example("9" * 5000 + "s")
def test_any_text_is_a_time_or_a_bad_time_and_nothing_else(text: str) -> None:
    for parse in (lambda: parse_time(text, NOW), lambda: parse_duration(text)):
        try:
            value = parse()
        except BadTime:
            continue
        assert isinstance(value, int)


@given(st.text("0123456789-+:.,@TZ agodhmsw", max_size=30))
def test_every_accepted_text_is_an_instant_of_the_calendar(text: str) -> None:
    try:
        instant = parse_time(text, NOW)
    except BadTime:
        return

    assert FIRST <= instant < END
    assert parse_time(format_time(instant), NOW) == instant


@given(st.integers(0, 99), st.integers(0, 99))
def test_a_date_that_does_not_exist_is_refused_and_not_moved(month: int, day: int) -> None:
    text = f"2026-{month:02d}-{day:02d}"
    try:
        expected: int | None = us(2026, month, day)
    except ValueError:
        expected = None

    if expected is None:
        with pytest.raises(BadTime):
            parse_time(text, NOW)
    else:
        assert parse_time(text, NOW) == expected


def test_as_of_a_period_is_its_first_instant() -> None:
    assert parse_as_of("2026-11", NOW) == us(2026, 11, 1)
    assert parse_as_of("2026-11-21", NOW) == us(2026, 11, 21)


@pytest.mark.parametrize(
    "text", ["2027-01", "2026-12", "2026-11-22", "2026-11-21T15:30:10.250001Z"]
)
def test_as_of_the_future_is_refused(text: str) -> None:
    with pytest.raises(BadTime):
        parse_as_of(text, NOW)


def test_as_of_now_is_not_the_future() -> None:
    assert parse_as_of("now", NOW) == NOW


def test_the_error_of_a_future_as_of_contains_the_current_time() -> None:
    with pytest.raises(BadTime, match=r"in the future, now is 2026-11-21T15:30:10.25Z"):
        parse_as_of("2026-12", NOW)
