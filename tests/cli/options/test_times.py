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
    format_ago,
    format_time,
    parse_as_of,
    parse_duration,
    parse_time,
)


def us(*parts: int) -> int:
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
def test_every_form_of_the_manual_names_one_instant(text: str, instant: int) -> None:
    assert parse_time(text, NOW) == instant


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:20]))
def test_what_is_not_in_the_manual_is_refused(text: str) -> None:
    with pytest.raises(BadTime):
        parse_time(text, NOW)


def test_a_refusal_says_what_was_found_why_and_what_would_do() -> None:
    with pytest.raises(BadTime) as caught:
        parse_time("2026-02-30", NOW)

    message = str(caught.value)
    assert message.startswith("'2026-02-30' is not a valid time (this date does not exist)")
    assert "'2026-11-01 13:05'" in message


def test_the_examples_of_a_refusal_are_accepted_themselves() -> None:
    with pytest.raises(BadTime) as caught:
        parse_time("?", NOW)

    for text in str(caught.value).split("examples: ")[1].split(", "):
        parse_time(text.strip("'"), NOW)


def test_a_refusal_shows_a_long_or_hostile_text_short_and_harmless() -> None:
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
def test_whatever_is_accepted_lies_in_the_calendar(text: str) -> None:
    try:
        instant = parse_time(text, NOW)
    except BadTime:
        return

    assert FIRST <= instant < END
    assert parse_time(format_time(instant), NOW) == instant


@given(st.integers(0, 99), st.integers(0, 99))
def test_no_month_and_day_beyond_the_calendar_is_moved_to_another_date(
    month: int, day: int
) -> None:
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


def test_the_refusal_of_the_future_names_the_present() -> None:
    with pytest.raises(BadTime, match=r"in the future, now is 2026-11-21T15:30:10.25Z"):
        parse_as_of("2026-12", NOW)


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
def test_every_form_of_a_duration_is_read(text: str, duration: int) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "2", "-2h", "2 days ago", "1.5h", "h", "1M", "1 month", "now"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadTime, match=r"is not a valid duration .* 1d12h"):
        parse_duration(text)


def test_a_time_is_short_where_its_fraction_is_zero() -> None:
    assert format_time(us(2026, 11, 1, 13, 5)) == "2026-11-01T13:05:00Z"
    assert format_time(us(2026, 11, 1, 13, 5, 0, 500_000)) == "2026-11-01T13:05:00.5Z"
    assert format_time(-1) == "1969-12-31T23:59:59.999999Z"


def test_ago_is_the_largest_whole_unit() -> None:
    assert format_ago(NOW, NOW) == "now"
    assert format_ago(NOW - 999_999, NOW) == "now"
    assert format_ago(NOW - SECOND, NOW) == "1 second ago"
    assert format_ago(NOW - 119 * SECOND, NOW) == "1 minute ago"
    assert format_ago(NOW - 47 * HOUR, NOW) == "1 day ago"
    assert format_ago(NOW - 400 * DAY, NOW) == "400 days ago"
    assert format_ago(NOW + 3 * HOUR, NOW) == "in 3 hours"


@given(st.integers(0, 2000 * 365 * DAY))
def test_ago_reads_back_to_less_than_a_unit_after(distance: int) -> None:
    text = format_ago(NOW - distance, NOW)
    unit = {"now": SECOND, "s": SECOND, "m": 60 * SECOND, "h": HOUR, "d": DAY}[
        text if text == "now" else text.split()[1][0]
    ]

    assert 0 <= distance - (NOW - parse_time(text, NOW)) < unit


def test_a_duration_is_shorter_than_all_the_time_there_is() -> None:
    assert parse_duration("3652058d") == END - FIRST - DAY
    with pytest.raises(BadTime, match="more than 9998 years"):
        parse_duration("3652059d")
