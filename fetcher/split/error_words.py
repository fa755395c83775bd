"""The words of an upstream about an error, in a body that is not the expected response. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from eventlog.body.json_spans import NotJson, all_member_spans, element_spans, value_of, value_span

NOT_JSON, UNEXPECTED = "not_json", "unexpected"
"""Classes of bodies that cannot be split: other than JSON, and JSON of another form."""

_MAX_CHARS = 300
_BEGINNING_BYTES = 40
_MAX_PARSED_BYTES = 8 * 1024 * 1024
"""Larger bodies are not parsed: as Python objects they need several times their size."""
_MAX_DIGITS = 4000
"""Longer integers stay texts: Python refuses to convert them."""


def describe_body(body: bytes) -> str:
    """Returns upstream's error message in quotes; if there is none, the first bytes of the body."""
    words = error_words(body)
    return _quoted(words) if words else f"{body[:_BEGINNING_BYTES]!r}…"


def describe_status(status: int | None, body: bytes) -> str:
    """Returns the status of a refusal, with upstream's error message if there is one."""
    words = error_words(body)
    return f"status {status}: {_quoted(words)}" if words else f"status {status}"


def describe_unsplittable(body: bytes, problem: str) -> tuple[str, str]:
    """Returns the class of a body that cannot be split, and the reason.

    The reason is upstream's error message, or else `problem`.
    """
    words = error_words(body)
    if words is not None:
        return UNEXPECTED, _quoted(words)
    return (UNEXPECTED if is_json(body) else NOT_JSON), problem


def _quoted(words: str) -> str:
    return f"upstream says {words!r}"


def error_words(body: bytes) -> str | None:
    """Returns the error message in a JSON body, at most 300 characters; None if there is none."""
    if len(body) > _MAX_PARSED_BYTES:
        return None
    try:
        value = _parse(body)
    except (ValueError, RecursionError):
        return None
    words = _find(value, ("error", "errors", "message", "detail", "title"))
    return None if words is None else words[:_MAX_CHARS]


def looks_like_json(body: bytes) -> bool:
    """Returns whether a body begins like a JSON object or array, or is another JSON value."""
    return value_of(body)[:1] in (b"{", b"[") or is_json(body)


def is_json(body: bytes) -> bool:
    """Returns whether a body is one JSON value, in a lenient reading (NaN, invalid UTF-8).

    Of a body that is too large or too deep to be parsed, only the brackets are read.
    """
    if len(body) <= _MAX_PARSED_BYTES:
        try:
            _parse(body)
        except ValueError:
            return False
        except RecursionError:
            return _is_closed(body)
        return True
    return _is_closed(body)


def _parse(body: bytes) -> Any:
    """Parses a body. Raises `ValueError` or `RecursionError`."""
    text = value_of(body).decode("utf-8", "replace")
    return json.loads(text, strict=False, parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _is_closed(body: bytes) -> bool:
    """Whether a body is an object or array whose brackets and strings all end."""
    try:
        span = value_span(body)
        read = element_spans if body[span.start : span.start + 1] == b"[" else all_member_spans
        read(body, span)
    except NotJson:
        return False
    return True


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
