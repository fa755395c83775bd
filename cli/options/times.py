"""Times on the command line: parses text to microseconds and formats them.

An instant is an integer: microseconds since 1970 UTC. A duration is a number of
microseconds. Each form in the table below has one meaning; all other text is an error that
gives examples. Dates are never guessed, because nobody notices the wrong answer of a wrong
as-of (dateparser reads `2026-13-01` as 13 January). No zone means UTC.

    now  today  yesterday                     the last two: first instant of that day
    2h  -2h  1d12h  2 days ago  7 min ago     before now; units w d h m s, in this order
    2026-11  2026-11-01  20261101             first instant of the period
    2026-11-01T13  2026-11-01 13:05           first instant of the hour or minute
    2026-11-01T13:05:09.25+02:00  …Z          ISO 8601; also basic, 20261101T130509Z
    @1763000000  @1763000000.5                seconds since 1970

Pure: `now` is an argument.
"""

import re
from datetime import UTC, datetime

from eventlog.clock import DAY, SECOND, format_short, instant_at

FIRST = -62_135_596_800 * SECOND
"""Smallest valid instant: 0001-01-01T00:00:00Z."""
END = 253_402_300_800 * SECOND
"""One microsecond after the largest valid instant: start of the year 10000."""

EXAMPLES = "now, yesterday, 2h, '2 days ago', 2026-11-01, '2026-11-01 13:05', @1763000000"
DURATION_EXAMPLES = "90s, 30m, 2h, 1d12h, 2w, '2 days'"

_UNITS = {
    "w": 7 * DAY,
    "d": DAY,
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
}
_WORDS = {
    "week": 7 * DAY,
    "day": DAY,
    "hour": 3600 * SECOND,
    "minute": 60 * SECOND,
    "second": SECOND,
}
_SHORT_WORDS = {"h": 3600 * SECOND, "min": 60 * SECOND, "s": SECOND}
"""Units of the ages that tables show on a terminal: what is shown can be typed."""

# nine digits: Python raises another error for numbers of thousands of digits
_COMPACT = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS))
_SPELLED = re.compile(rf"([0-9]{{1,9}}) (?:({'|'.join(_WORDS)})s?|({'|'.join(_SHORT_WORDS)}))")
_UNIX = re.compile(r"@([0-9]{1,12})(?:\.([0-9]{1,30}))?")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?|([0-9]{4})([0-9]{2})([0-9]{2})")
_FRACTION = r"(?:[.,](?P<fraction>[0-9]{1,30}))?"
_EXTENDED = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<hour>[0-9]{2})"
    rf"(?::(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}}){_FRACTION})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_BASIC = re.compile(
    r"(?P<day>[0-9]{8})T(?P<hour>[0-9]{2})"
    rf"(?:(?P<minute>[0-9]{{2}})(?:(?P<second>[0-9]{{2}}){_FRACTION})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}(?:[0-9]{2})?)?"
)


class BadTime(ValueError):
    """The text is not a time or duration. The message quotes it and gives examples."""


def parse_time(text: str, now: int) -> int:
    """Returns the instant that `text` denotes, in [`FIRST`, `END`); it may be after `now`.

    Law: `parse_time(format_time(t), now) == t`. Raises `BadTime`, and nothing else, for
    text that is not in the table above, dates that do not exist, and fractions finer than
    a microsecond.
    """
    instant = _parse(text, now)
    if instant is None:
        raise _bad(text, "unknown format")
    if not FIRST <= instant < END:
        raise _bad(text, "outside the years 0001 to 9999")
    return instant


def parse_as_of(text: str, now: int) -> int:
    """Returns the instant that `text` denotes, which must not be after `now`.

    A period denotes its first instant: as of `2026-11` is the state at
    2026-11-01T00:00:00Z, before every event of that month. Raises `BadTime` as
    `parse_time` does, and for instants in the future.
    """
    instant = parse_time(text, now)
    if instant > now:
        raise _bad(text, f"it is in the future, now is {format_time(now)}")
    return instant


def parse_duration(text: str) -> int:
    """Returns the microseconds that `text` denotes: from 0 to less than 9999 years.

    Raises `BadTime`, also for months and years, which have no fixed length.
    """
    duration = _duration(text)
    if duration is None or duration >= END - FIRST:
        reason = "unknown format" if duration is None else "more than 9998 years"
        raise _bad(text, reason, noun="duration", examples=DURATION_EXAMPLES)
    return duration


def format_time(us: int) -> str:
    """Returns an instant in RFC 3339, in UTC, without trailing zeros of the fraction."""
    return format_short(us)


def format_ago(us: int, now: int) -> str:
    """Returns the distance in its largest whole unit: `now`, `1 minute ago`, `in 3 hours`.

    Rounded down. Law: for `t <= now`, `parse_time(format_ago(t, now), now)` is in
    [`t`, `t` + 1 unit).
    """
    distance = abs(now - us)
    for word, unit in _WORDS.items():
        # no weeks: "10 days ago" is more precise than "1 week ago"
        if word != "week" and distance >= unit:
            count = distance // unit
            spelled = f"{count} {word}{'' if count == 1 else 's'}"
            return f"{spelled} ago" if us < now else f"in {spelled}"
    return "now"


def _parse(text: str, now: int) -> int | None:
    named = {"now": now, "today": now - now % DAY, "yesterday": now - now % DAY - DAY}
    if text in named:
        return named[text]
    if (before := _before_now(text)) is not None:
        return now - before
    if unix := _UNIX.fullmatch(text):
        return int(unix[1]) * SECOND + _micros(text, unix[2])
    if day := _DAY.fullmatch(text):
        year, month, number = day.groups()[:3] if day[1] else day.groups()[3:]
        return _midnight(text, int(year), int(month), int(number or 1))
    if clock := _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text):
        return _date_and_time(text, clock)
    return None


def _before_now(text: str) -> int | None:
    if text.endswith(" ago"):
        return _spelled(text.removesuffix(" ago"))
    return _compact(text.removeprefix("-"))


def _duration(text: str) -> int | None:
    compact = _compact(text)
    return _spelled(text) if compact is None else compact


def _compact(text: str) -> int | None:
    match = _COMPACT.fullmatch(text)
    if not text or not match:
        return None
    return sum(
        int(count) * unit for count, unit in zip(match.groups("0"), _UNITS.values(), strict=True)
    )


def _spelled(text: str) -> int | None:
    match = _SPELLED.fullmatch(text)
    if match is None:
        return None
    return int(match[1]) * (_WORDS[match[2]] if match[2] else _SHORT_WORDS[match[3]])


def _date_and_time(text: str, clock: re.Match[str]) -> int:
    day = clock["day"].replace("-", "")
    midnight = _midnight(text, int(day[:4]), int(day[4:6]), int(day[6:]))
    hour, minute, second = (int(clock[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise _bad(text, "expected a time of day from 00:00:00 to 23:59:59")
    seconds = hour * 3600 + minute * 60 + second - _offset_s(text, clock)
    return midnight + seconds * SECOND + _micros(text, clock["fraction"])


def _midnight(text: str, year: int, month: int, day: int) -> int:
    try:
        return instant_at(datetime(year, month, day, tzinfo=UTC))
    except ValueError as error:
        raise _bad(text, "this date does not exist") from error


def _offset_s(text: str, clock: re.Match[str]) -> int:
    zone = clock["zone"] or "Z"
    if zone == "Z":
        return 0
    # T13-05 is ambiguous: a typo of T13:05, or hour 13 in zone -05
    if clock["minute"] is None and ":" not in zone:
        raise _bad(text, "a time with an offset needs minutes, as in T13:00-05:00")
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise _bad(text, f"{zone} is not a valid offset from UTC")
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def _micros(text: str, fraction: str | None) -> int:
    digits = (fraction or "").rstrip("0")
    if len(digits) > 6:
        raise _bad(text, "finer than a microsecond")
    return int(digits.ljust(6, "0"))


def _bad(text: str, why: str, *, noun: str = "time", examples: str = EXAMPLES) -> BadTime:
    shown = ascii(text) if len(text) <= 60 else f"{text[:60]!a}…"
    return BadTime(f"{shown} is not a valid {noun} ({why}); examples: {examples}")
