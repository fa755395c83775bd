"""Cells: how one value of a row is spelled in JSON, in text and for a terminal.

What a query can return: null, bool, int, float, Decimal, text, bytes, UUID, date,
time, datetime, interval, and lists, structs and maps of them. Each has one exact
spelling: a Decimal keeps its value (zeros at its end go), an integer of any size counts in full, an
instant is RFC 3339 in UTC with six digits after the point (so that text sorts as
time), bytes are base64, an interval is ISO 8601. JSON has no NaN and no infinity:
there they are the texts "NaN", "Infinity", "-Infinity".

Pure: values in, text out.
"""

import json
import math
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import orjson

# C0, DEL and C1 steer a terminal; the rest reorder or break lines on it, or are
# lone surrogates, which no encoding takes
_UNSAFE = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_CONTROL = re.compile(f"[{_UNSAFE}]")


def visible(text: str, keep: str = "") -> str:
    """`text` with every character that a terminal would obey spelled as an escape.

    `\\n`, `\\x1b`, `\\u202e`: archived text is hostile. Those in `keep` stay as they are.
    Safe text comes back unchanged, backslashes too: made to be seen, not read back.
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], text)


def visible_json(text: str) -> str:
    """JSON text with every such character as `\\uXXXX`: the same JSON value."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cell_width(text: str) -> int:
    """The columns that visible text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def as_text(value: object) -> str:
    """The value as bare text: "" for null, compact JSON for what has parts."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return as_json(value)
    return _spelled(value)


def as_json(value: object) -> str:
    """The value as compact JSON. Law: strict JSON, and numbers keep every digit."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return _json_text(value)
    if isinstance(value, bool | int):
        return _spelled(value)
    if isinstance(value, float | Decimal):
        spelled = _spelled(value)
        return f'"{spelled}"' if spelled in _NO_JSON_NUMBER else spelled
    if isinstance(value, Mapping):
        return json_object([as_text(key) for key in value], list(value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{','.join(map(as_json, value))}]"
    return _json_text(_spelled(value))


def json_object(keys: Sequence[str], values: Sequence[object]) -> str:
    """One JSON object, members in the order given."""
    members = zip(keys, values, strict=True)
    return "{" + ",".join(f"{_json_text(key)}:{as_json(value)}" for key, value in members) + "}"


def as_short_text(value: object) -> str:
    """As `as_text`, for eyes: an instant without its fraction where that is zero."""
    text = as_text(value)
    return text.replace(".000000Z", "Z") if isinstance(value, datetime) else text


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or char in "\u200b\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _spelled(value: object) -> str:
    for kind, spell in _SPELLINGS.items():
        if isinstance(value, kind):
            return spell(value)
    return str(value)


def _instant(value: datetime) -> str:
    # without a zone it is UTC: every session of ours runs in UTC
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:26]}Z"


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
    # not by way of float: 1e400 is finite here
    if value.is_nan():
        return "NaN"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _json_text(text: str) -> str:
    try:
        return orjson.dumps(text).decode()
    except TypeError:
        return json.dumps(text)  # a lone surrogate, as \udxxx


_NO_JSON_NUMBER = {"NaN", "Infinity", "-Infinity"}
_SPELLINGS: dict[type | tuple[type, ...], Callable[..., str]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: _float,
    Decimal: _decimal,
    datetime: _instant,  # before date, which it is too
    (date, time): lambda value: str(value.isoformat()),
    timedelta: _interval,
    (bytes, bytearray, memoryview): lambda value: b64encode(value).decode(),
    UUID: str,
}
