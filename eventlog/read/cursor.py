"""Cursors: the position of a tail in every stream, as text. Pure.

A cursor contains, per stream, the last seq seen and a checksum of its line. A log that was
replaced, or truncated by a power failure, is therefore detected, and events are neither
silently skipped nor repeated.
"""

import base64
import hashlib
from collections.abc import Mapping

import attrs
import orjson

from eventlog.errors import Invalid
from eventlog.format.paths import is_source, is_writer

StreamKey = tuple[str, str]
"""Source and writer."""

_PREFIX = "h1."


@attrs.frozen
class Mark:
    """The last event of a stream that a tail has yielded."""

    seq: int
    check: str
    """First 16 hex digits of the SHA-256 of its line, without the line feed."""


Cursor = Mapping[StreamKey, Mark]


def mark(seq: int, line: bytes) -> Mark:
    """Returns the mark of an event. `line`: without its line feed."""
    return Mark(seq, hashlib.sha256(line).hexdigest()[:16])


def to_text(cursor: Cursor) -> str:
    """Encodes a cursor as one word. Inverse of `from_text`."""
    rows = [[s, w, last.seq, last.check] for (s, w), last in sorted(cursor.items())]
    return _PREFIX + base64.urlsafe_b64encode(orjson.dumps(rows)).decode().rstrip("=")


def from_text(text: str) -> Cursor:
    """Decodes a cursor. Raises `Invalid`."""
    try:
        if not text.startswith(_PREFIX):
            raise ValueError(f"expected the prefix {_PREFIX}")
        packed = text[len(_PREFIX) :]
        rows = orjson.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        if not isinstance(rows, list):
            raise ValueError("expected a list of streams")
        cursor = {(s, w): Mark(int(seq), str(check)) for s, w, seq, check in rows}
        if not all(is_source(s) and is_writer(w) for s, w in cursor):
            raise ValueError("expected names of streams")
    except (ValueError, TypeError) as error:
        raise Invalid(
            f"cursor {text[:40]!r}: expected the text that an earlier `tail` printed: {error}",
            "hindlog tail --from beginning",
        ) from error
    return cursor
