"""Embedding: how bytes of any kind stand in one line of strict JSON. Pure.

Bytes that are one strict JSON value on one line stand as `body`. All others stand
exactly, as base64, in `body_raw`, with a repaired copy as `body` where one makes
sense, so that SQL still sees what can be seen.
"""

import json
import re

import attrs

from eventlog.body.value_hash import depth_at_most, is_strict

MAX_DEPTH = 256
MAX_INLINE_BYTES = 8 * 1024 * 1024
"""Larger bodies go to `assets/`: a line, with base64 and envelope, stays under 16 MiB."""

MAX_BOTH_BYTES = 15 * 1024 * 1024
"""A repaired copy that does not fit a line beside the base64 is left out."""

_STRING = rb'"(?:[^"\\]|\\.)*"'
_PIECE = re.compile(_STRING + rb"|[\[\]{},:]|[^\s\[\]{},:\"]+|\s+|\"", re.DOTALL)
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])|\\|[\x00-\x1f]')
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@attrs.frozen
class Embedded:
    """How a body stands in a line."""

    body: bytes | None
    """Strict JSON on one line, or None."""
    body_raw: bytes | None
    """The exact bytes, where `body` is not those."""
    repaired: bool
    """Whether `body` is a repaired copy."""


def embed(body: bytes) -> Embedded:
    """How these bytes stand in a line.

    Law: `body_raw` if there is one, else `body`, is the argument; `body` is strict
    JSON on one line.
    """
    if is_strict(body):
        bare = body.strip()  # a reader of the line hands the value back without it
        if bare == body and b"\n" not in body and b"\r" not in body:
            return Embedded(body, None, False)
        return _beside(bare.replace(b"\n", b" ").replace(b"\r", b" "), body)
    return _beside(repair(body), body)


def _beside(copy: bytes | None, body: bytes) -> Embedded:
    """The exact bytes with their copy, where both fit a line."""
    if copy is not None and len(body) * 4 // 3 + len(copy) > MAX_BOTH_BYTES:
        copy = None
    return Embedded(copy, body, copy is not None)


def repair(body: bytes) -> bytes | None:
    """A strict copy of bytes that are not strict JSON, or None where none makes sense.

    Strings lose what no reader takes (U+FFFD stands for it), NaN and infinities
    become null, line breaks between tokens a space. Structure is never invented: a
    torn body has no copy.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").encode()
    if not depth_at_most(text, MAX_DEPTH):
        return None
    copy = b"".join(_piece(match[0]) for match in _PIECE.finditer(text))
    return copy if is_strict(copy) else None


def _piece(token: bytes) -> bytes:
    if token.startswith(b'"') and len(token) > 1:
        return _string(token)
    if token.isspace():
        return b" "
    if token in (b"NaN", b"Infinity", b"-Infinity", b"nan", b"undefined"):
        return b"null"
    return token


def _string(token: bytes) -> bytes:
    text = _ESCAPE.sub(_escape, token.decode()[1:-1])
    value = json.loads(f'"{text}"')
    clean = _SURROGATE.sub("\ufffd", value)
    return json.dumps(clean, ensure_ascii=False).encode()


def _escape(match: re.Match[str]) -> str:
    token = match[0]
    if len(token) > 1:
        return token
    return "\\\\" if token == "\\" else f"\\u{ord(token):04x}"
