"""Cells: formats one value of a row as JSON, as text and for a terminal.

A query can return null, bool, int, float, Decimal, text, bytes, UUID, date, time, datetime,
interval, and lists, structs and maps of these. Each value has one exact form: a Decimal
keeps its value without trailing zeros, integers keep all digits, an instant is RFC 3339 in
UTC with six fractional digits (text then sorts like time), bytes are base64, an interval is
ISO 8601. JSON cannot express NaN and infinity: they become the texts "NaN", "Infinity" and
"-Infinity".

Pure.
"""

import json
import math
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import orjson

from eventlog.clock import format_datetime

# C0, DEL and C1 control a terminal; the others reorder or break lines, or are lone
# surrogates, which no encoding accepts
_UNSAFE = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_CONTROL = re.compile(f"[{_UNSAFE}]")


def visible(text: str, keep: str = "") -> str:
    """Returns `text` with control characters escaped, except those in `keep`.

    Escapes are `\\n`, `\\x1b`, `\\u202e`: archived text may be hostile. All other text,
    including backslashes, is unchanged, so the result cannot be converted back.
    """
    return _CONTROL.sub(lambda char: char[0] if char[0] in keep else ascii(char[0])[1:-1], text)


def visible_json(text: str) -> str:
    """Returns JSON text with control characters as `\\uXXXX`; the JSON value is the same."""
    return _CONTROL.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def cell_width(text: str) -> int:
    """Returns the number of terminal columns that visible text occupies."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def as_text(value: object) -> str:
    """Returns the value as text: "" for null, compact JSON for lists, structs and maps."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return as_json(value)
    return _format(value)


def as_json(value: object) -> str:
    """Returns the value as compact JSON. Law: strict JSON; numbers keep every digit."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return _json_text(value)
    if isinstance(value, bool | int):
        return _format(value)
    if isinstance(value, float | Decimal):
        text = _format(value)
        return f'"{text}"' if text in _NOT_JSON_NUMBERS else text
    if isinstance(value, Mapping):
        return json_object([as_text(key) for key in value], list(value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{','.join(map(as_json, value))}]"
    return _json_text(_format(value))


def json_object(keys: Sequence[str], values: Sequence[object]) -> str:
    """Returns a JSON object with its members in the given order."""
    members = zip(keys, values, strict=True)
    return "{" + ",".join(f"{_json_text(key)}:{as_json(value)}" for key, value in members) + "}"


def as_short_text(value: object) -> str:
    """As `as_text`, for people: omits the fraction of an instant if it is zero."""
    text = as_text(value)
    return text.replace(".000000Z", "Z") if isinstance(value, datetime) else text


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or char in "\u200b\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _format(value: object) -> str:
    for kind, format_ in _FORMATS.items():
        if isinstance(value, kind):
            return format_(value)
    return str(value)


def _interval(value: timedelta) -> str:
    micros = abs(value) // timedelta(microseconds=1)
    seconds, fraction = divmod(micros % 86_400_000_000, 1_000_000)
    tail = f".{fraction:06d}".rstrip("0") if fraction else ""
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}P{micros // 86_400_000_000}DT{seconds}{tail}S"


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimal(value: Decimal) -> str:
    # no conversion to float: 1e400 is finite as a Decimal
    if value.is_nan():
        return "NaN"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _json_text(text: str) -> str:
    try:
        return orjson.dumps(text).decode()
    except TypeError:
        return json.dumps(text)  # a lone surrogate, as \udxxx


_NOT_JSON_NUMBERS = {"NaN", "Infinity", "-Infinity"}
_FORMATS: dict[type | tuple[type, ...], Callable[..., str]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: _float,
    Decimal: _decimal,
    datetime: format_datetime,  # before date: a datetime is a date
    (date, time): lambda value: str(value.isoformat()),
    timedelta: _interval,
    (bytes, bytearray, memoryview): lambda value: b64encode(value).decode(),
    UUID: str,
}
