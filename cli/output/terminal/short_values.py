"""Values shortened for a terminal: ages instead of instants, the first digits of a hash.

    2026-11-01T13:05:09Z   5 h ago            less than a day before or after now
                           2026-11-01 13:05   otherwise, in UTC
    c1:42c57d9374e5aabb…   c1:42c57d9374e5

Only for tables of hindlog's own commands; `--exact` and every other format show the whole value.
Pure.
"""

import re

from eventlog.clock import DAY, HOUR, MINUTE, SECOND, format_us, parse_us

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z")
_HASH = re.compile(r"((?:[a-z][a-z0-9]*:)?[0-9a-f]{12})[0-9a-f]{4,}")
_HASH_COLUMNS = ("hash", "sha256")
"""Columns that contain hashes; an id may look like one, and is never shortened."""
_UNITS = (("h", HOUR), ("min", MINUTE), ("s", SECOND))


def short_value(column: str, text: str, now: int) -> str:
    """Returns an instant in RFC 3339 as its age, a hash as its first digits, other text unchanged.

    Law: `parse_time` reads what is returned for an instant, and rounds it by less than a unit.
    """
    if _INSTANT.fullmatch(text):
        return short_instant(parse_us(text), now)
    if column in _HASH_COLUMNS and (found := _HASH.fullmatch(text)):
        return found[1]
    return text


def short_instant(us: int, now: int) -> str:
    """Returns an instant as its distance from `now`, or as date and time if that is a day or more.

    A distance is rounded down to the largest unit of which it has at least one.
    """
    distance = abs(now - us)
    if distance >= DAY:
        return format_us(us)[:16].replace("T", " ")
    for unit, size in _UNITS:
        if distance >= size:
            spelled = f"{distance // size} {unit}"
            return f"{spelled} ago" if us < now else f"in {spelled}"
    return "now"
