"""Encodes arbitrary bytes as members of a line, which is strict JSON. Pure.

Bytes that are one strict JSON value on one line become the member `body`. All other
bytes are stored exactly, as base64, in `body_raw`. If a repaired copy is possible, it
becomes `body`, so that SQL can query it.
"""

import json
import re

import attrs

from eventlog.body.json_spans import BYTE_ORDER_MARK
from eventlog.body.value_hash import depth_at_most, is_strict

MAX_DEPTH = 256
MAX_INLINE_BYTES = 8 * 1024 * 1024
"""Larger bodies go to `assets/`: a line, with base64 and envelope, stays under 16 MiB."""

MAX_BOTH_BYTES = 15 * 1024 * 1024
"""Largest sum of the base64 and the repaired copy; above it, the copy is left out."""

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?P<closing>"?)'
"""A string, read once: `closing` is empty where the bytes end before the string does."""

_TOKEN = re.compile(_STRING + rb"|[\[\]{},:]|[^\s\[\]{},:\"]+|\s+", re.DOTALL)
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])|\\|[\x00-\x1f]')
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@attrs.frozen
class Embedded:
    """A body as members of a line."""

    body: bytes | None
    """Strict JSON on one line, or None."""
    body_raw: bytes | None
    """The exact bytes, if `body` differs from them; None otherwise."""
    repaired: bool
    """Whether `body` is a repaired copy."""


def embed(body: bytes) -> Embedded:
    """Encodes bytes as members of a line.

    Law: `body_raw`, or `body` if `body_raw` is None, equals the argument; `body` is
    strict JSON on one line, or None.
    """
    if is_strict(body):
        bare = body.strip()  # a JSON reader drops white space around a value
        if bare == body and b"\n" not in body and b"\r" not in body:
            return Embedded(body, None, False)
        return _with_copy(bare.replace(b"\n", b" ").replace(b"\r", b" "), body)
    return _with_copy(repaired_copy(body), body)


def _with_copy(copy: bytes | None, body: bytes) -> Embedded:
    """Returns the exact bytes, with the copy if both fit into a line."""
    if copy is not None and len(body) * 4 // 3 + len(copy) > MAX_BOTH_BYTES:
        copy = None
    return Embedded(copy, body, copy is not None)


def repaired_copy(body: bytes) -> bytes | None:
    """Returns a strict JSON copy of bytes that are not strict JSON, or None if impossible.

    Invalid characters in strings become U+FFFD, NaN and infinities become null, and
    white space between tokens becomes one space. Missing structure is never added: a
    truncated body has no copy.
    """
    text = body.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace").encode()
    if not depth_at_most(text, MAX_DEPTH):
        return None
    copy = b"".join(_repaired_token(match) for match in _TOKEN.finditer(text))
    return copy if is_strict(copy) else None


def _repaired_token(match: re.Match[bytes]) -> bytes:
    token = match[0]
    if match["closing"]:
        return _repaired_string(token)
    if token.isspace():
        return b" "
    if token in (b"NaN", b"Infinity", b"-Infinity", b"nan", b"undefined"):
        return b"null"
    return token


def _repaired_string(token: bytes) -> bytes:
    text = _ESCAPE.sub(_repaired_escape, token.decode()[1:-1])
    value = json.loads(f'"{text}"')
    clean = _SURROGATE.sub("\ufffd", value)
    return json.dumps(clean, ensure_ascii=False).encode()


def _repaired_escape(match: re.Match[str]) -> str:
    token = match[0]
    if len(token) > 1:
        return token
    return "\\\\" if token == "\\" else f"\\u{ord(token):04x}"
