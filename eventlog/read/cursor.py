"""Cursors: how far a tail has come, as a text to come back with. Pure.

A cursor names, for every stream, the last seq seen and a checksum of its line. So a
log that was replaced, or cut back by a power failure, is noticed instead of silently
skipping or repeating events.
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
    """The last event seen of one stream."""

    seq: int
    check: str
    """First 16 hex digits of the SHA-256 of its line, without the line feed."""


Cursor = Mapping[StreamKey, Mark]


def mark(seq: int, line: bytes) -> Mark:
    """The mark of an event."""
    return Mark(seq, hashlib.sha256(line).hexdigest()[:16])


def to_text(cursor: Cursor) -> str:
    """A cursor as one word. Inverse of `from_text`."""
    found = [[s, w, each.seq, each.check] for (s, w), each in sorted(cursor.items())]
    return _PREFIX + base64.urlsafe_b64encode(orjson.dumps(found)).decode().rstrip("=")


def from_text(text: str) -> Cursor:
    """The cursor in a word. Raises `Invalid`."""
    try:
        if not text.startswith(_PREFIX):
            raise ValueError("no cursor begins so")
        packed = text[len(_PREFIX) :]
        found = orjson.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        if not isinstance(found, list):
            raise ValueError("no cursor holds this")
        cursor = {(s, w): Mark(int(seq), str(check)) for s, w, seq, check in found}
        if not all(is_source(s) and is_writer(w) for s, w in cursor):
            raise ValueError("no stream of this name")
    except (ValueError, TypeError) as error:
        raise Invalid(
            f"cursor {text[:40]!r}: expected the text that an earlier `tail` gave: {error}",
            "hindlog tail --from beginning",
        ) from error
    return cursor
