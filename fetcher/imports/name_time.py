"""Times in names: the time of a recorded response, read in full from its path. Pure.

    20260810T120114Z  2026-08-10T12:01:14.25+02:00  2026-08-15/121622  2026-11-29T21
    2026-08-10_21.30.00  2026-08-10 09h16m00  models-2026-08-15

A time without a zone is in UTC, and a date alone means midnight. Nothing is guessed: a path
with different dates, or with text after a date that may belong to the time, is refused.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import attrs

from eventlog.clock import format_short, instant_at
from eventlog.errors import Invalid

NO_TIME = "no time in this name"
TIME_HINT = "set a time for them: --observed-at TIME, or --time-from mtime"

_DATE = re.compile(
    r"(?<!\d)(19\d\d|2[01]\d\d)[-_./]?(0[1-9]|1[0-2])[-_./]?(0[1-9]|[12]\d|3[01])(?!\d{1,3}(?!\d))"
)
_DAY_FIRST = re.compile(r"(?<![\d._/-])\d\d?[-_.]\d\d?[-_.](?:19|2[01])\d\d(?!\d)")
"""A date in another order, such as 15-08-2026."""
_MONTH_FOLDER = re.compile(r"(19\d\d|2[01]\d\d)(?:[-_.]?(?:(0[1-9]|1[0-2])|[QqWw]\d\d?))?")
_H, _M, _S = r"(?P<H>[01]\d|2[0-3])", r"(?P<M>[0-5]\d)", r"(?P<S>[0-5]\d)"
_FRACTION = r"(?:[.,](?P<fraction>\d+)(?![A-Ya-z\d]))?"
_CLOCKS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[Tt_ /.-]?{_H}(?P<mark>[:_-]?){_M}(?P=mark){_S}{_FRACTION}(?!\d)",
        rf"[Tt_ /.-]?{_H}\.{_M}\.{_S}{_FRACTION}(?!\d)",
        rf"[Tt_ .-]?{_H}[:_-]?{_M}(?!\d)",
        rf"/{_H}[:_-]{_M}(?!\d)",  # four digits alone may be an id
        rf"[Tt_ /.-]?{_H}[Hh](?:{_M}(?:[Mm]?{_S}[Ss]?|[Mm])?)?(?![A-Za-z\d])",
        rf"[Tt]{_H}(?!\d)",
    )
)
_ZONE = re.compile(
    r"[Zz](?![A-Za-z\d])|[ _-]?(?:UTC|GMT|utc|gmt)(?![A-Za-z\d+-])"
    r"|[ _]?(?P<sign>[+-])(?P<hours>0\d|1[0-4])(?::?(?P<minutes>00|15|30|45))?(?!\d)"
)
_LABEL = re.compile(r"[._ -]+(?P<word>[AaPp]\.[Mm](?![A-Za-z])|[A-Za-z]+)|/")
_PART_OF_TIME = re.compile(
    r"[AaPp]\.?[Mm]|[A-Z]{1,4}T|[CEW]ES?T|UTC|GMT|MSK|LOCAL"
    r"|local|utc|gmt|cet|cest|eet|eest|wet|west|bst|ist|jst|msk|[ecmp][sd]t"
    r"|Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc"
    r"|(?i:morning|noon|afternoon|evening|night|midnight)"
)
_ESCAPED_BYTE = re.compile(r"\\x[89a-f][0-9a-f]")
"""A byte of a name that is not UTF-8."""
_SUFFIX_WITH_DIGIT = re.compile(r"\.t?bz2$", re.IGNORECASE)
_CLOCK_LIKE = re.compile(
    r"(?<!\d)(?:[01]\d|2[0-3])[:._hH-]?[0-5]\d(?:[:._mM-]?[0-5]\d)?(?!\d)"
    r"|(?<!\d)\d\d?[:.]?(?:[0-5]\d)?[ _.-]?[AaPp][Mm](?![A-Za-z])"
)
_SINCE_1970 = re.compile(r"(?<!\d)1\d{9}(?:\d{3}){0,3}(?!\d)")
"""A number of seconds, or of fractions of them."""
_NAMED_HOUR = re.compile(
    r"(?<![A-Za-z\d])(?:(?i:hours?|hrs?)[=_-]?\d\d?|[HhTt](?:[01]\d|2[0-3]))(?![A-Za-z\d]|\.\d)"
)
"""An hour in a part of its own, such as `hour=21` or `T21`."""


@attrs.frozen
class _Reading:
    """A date in a path, and the time after it."""

    day: date
    instant: int
    start: int
    end: int
    """Where the date and its time end."""
    has_time: bool
    is_exact: bool
    """Whether nothing can follow that belongs to the time, since it has a zone."""


def time_in_name(name: str, folder: str = "") -> int:
    """Returns the time in a path, in microseconds since 1970.

    `folder` is the path that contains `name`; its dates must not differ. Raises `Invalid` if
    the path contains no time, several, or one that cannot be read in full.
    """
    text = _ESCAPED_BYTE.sub("__", _SUFFIX_WITH_DIGIT.sub("", name))
    readings = _readings(text)
    if not readings:
        raise Invalid(f"{name}: {NO_TIME}", TIME_HINT)
    _refuse_other_dates(text, folder, readings)
    timed = [reading for reading in readings if reading.has_time]
    if len({reading.instant for reading in timed}) > 1:
        times = ", ".join(format_short(reading.instant) for reading in timed)
        raise Invalid(f"{name}: several times in this name: {times}", TIME_HINT)
    chosen = (timed or readings)[-1]
    rest = text[chosen.end :]
    is_midnight_unclear = not timed and _has_clock(text, folder, readings)
    if not _may_follow(chosen, rest) or is_midnight_unclear:
        raise Invalid(f"{name}: the time in this name cannot be read in full: {rest!r}", TIME_HINT)
    return chosen.instant


def check_observed_at(instant: int, now: int) -> int:
    """Returns the time of a response. Raises `Invalid` if it is before 1970 or after `now`."""
    if instant < 0:
        raise Invalid("the time is before 1970", TIME_HINT)
    if instant > now:
        raise Invalid(f"the time is in the future: {_spell(instant)}", TIME_HINT)
    return instant


def _spell(instant: int) -> str:
    try:
        return format_short(instant)
    except OverflowError:
        return f"{instant} microseconds after 1970"


def _readings(name: str) -> list[_Reading]:
    matches = [(match, day) for match in _DATE.finditer(name) if (day := _day(match)) is not None]
    starts = {match.start() for match, _ in matches}
    return [_read(name, match, day, starts) for match, day in matches]


def _day(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _read(name: str, match: re.Match[str], day: date, starts: set[int]) -> _Reading:
    """Returns a date with the time after it, unless another date begins there."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = match.end()
    clock = next(filter(None, (pattern.match(name, end) for pattern in _CLOCKS)), None)
    if clock is None or clock.start("H") in starts:
        return _Reading(day, instant_at(midnight), match.start(), end, False, False)
    fields = clock.groupdict()
    moment = midnight + timedelta(
        hours=int(fields["H"]),
        minutes=int(fields.get("M") or 0),
        seconds=int(fields.get("S") or 0),
        microseconds=int((fields.get("fraction") or "0").ljust(6, "0")[:6]),
    )
    zone = _zone(name, clock.end())
    end = zone.end() if zone else clock.end()
    instant = instant_at(moment - _offset(zone))
    return _Reading(day, instant, match.start(), end, True, zone is not None)


def _zone(name: str, at: int) -> re.Match[str] | None:
    """Returns the zone at a position; `-02` alone may be a number and is none."""
    zone = _ZONE.match(name, at)
    return None if zone and zone["sign"] == "-" and zone["minutes"] is None else zone


def _offset(zone: re.Match[str] | None) -> timedelta:
    if zone is None or zone["sign"] is None:
        return timedelta()
    offset = timedelta(hours=int(zone["hours"]), minutes=int(zone["minutes"] or 0))
    return -offset if zone["sign"] == "-" else offset


def _refuse_other_dates(name: str, folder: str, readings: Sequence[_Reading]) -> None:
    """Raises `Invalid` if a path contains another date, year or month than the readings."""
    days = [reading.day for reading in readings]
    days += [reading.day for reading in _readings(folder)]
    dates = list(dict.fromkeys(map(str, days)))
    unclear = [match[0] for match in _DAY_FIRST.finditer(name)]
    for part in f"{folder}/{name}".split("/")[:-1]:
        period = _MONTH_FOLDER.fullmatch(part)
        if period and (
            int(period[1]) != days[0].year or int(period[2] or days[0].month) != days[0].month
        ):
            unclear.append(part)
    if len(dates) > 1 or unclear:
        path = f"{folder}/{name}" if folder else name
        several = ", ".join([*dates, *unclear])
        raise Invalid(f"{name}: several dates in the path {path}: {several}", TIME_HINT)


def _may_follow(reading: _Reading, rest: str) -> bool:
    """Returns whether the text after a reading cannot be a part of its time."""
    if not rest:
        return True
    if reading.is_exact:
        return not rest[0].isalnum() and rest[0] not in "+:"
    label = _LABEL.match(rest)
    if label is None or (label["word"] and _PART_OF_TIME.fullmatch(label["word"])):
        return False
    in_same_part = rest.partition("/")[0]
    has_digits = any(character.isdigit() for character in in_same_part)
    return not rest[1:2].isdigit() and (reading.has_time or not has_digits)


def _has_clock(name: str, folder: str, readings: Sequence[_Reading]) -> bool:
    """Returns whether the path of a date without time contains digits that may be a time."""
    if _SINCE_1970.search(name) or _NAMED_HOUR.search(f"{folder}/{name}"):
        return True
    start = name.rfind("/", 0, readings[0].start) + 1
    pieces = []
    for reading in readings:
        pieces.append(name[start : reading.start])
        start = reading.end
    return any(_CLOCK_LIKE.search(piece) for piece in (*pieces, name[start:]))
