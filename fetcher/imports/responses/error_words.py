"""The words of an upstream about an error, in a body that is not the expected response. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from eventlog.body.json_spans import value_of

_MAX_CHARS = 300
_BEGINNING_BYTES = 40


def describe_body(body: bytes) -> str:
    """Returns upstream's error message in quotes; if there is none, the first bytes of the body."""
    words = error_words(body)
    return f"upstream says {words!r}" if words else f"{body[:_BEGINNING_BYTES]!r}…"


def error_words(body: bytes) -> str | None:
    """Returns the error message in a JSON body, at most 300 characters; None if there is none."""
    try:
        value = _parse(body)
    except ValueError:
        return None
    words = _find(value, ("error", "errors", "message", "detail", "title"))
    return None if words is None else words[:_MAX_CHARS]


def is_json(body: bytes) -> bool:
    """Returns whether a body is one JSON value, in a lenient reading (NaN, invalid UTF-8)."""
    try:
        _parse(body)
    except ValueError:
        return False
    return True


def _parse(body: bytes) -> Any:
    """Parses a body. Raises `ValueError`."""
    try:
        return json.loads(value_of(body).decode("utf-8", "replace"), strict=False)
    except RecursionError as error:
        raise ValueError("too deeply nested") from error


def _find(value: object, names: tuple[str, ...]) -> str | None:
    """Returns the first message among the members of an object."""
    if not isinstance(value, Mapping):
        return None
    for name in names:
        member = value.get(name)
        if isinstance(member, list) and member:
            member = member[0]
        if isinstance(member, str) and member.strip():
            return member
        if isinstance(member, Mapping) and member:
            words = _find(member, ("message", "error", "detail", "title", "name", "code"))
            return words or json.dumps(member)
    return None
