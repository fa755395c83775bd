"""Heads: the high-water mark of each stream, up to which it is durable (`state/heads/`)."""

import zlib
from pathlib import Path

import attrs
import orjson

from eventlog.format.paths import head_path


@attrs.frozen
class Head:
    """The high-water mark of a stream."""

    segment: str
    """Name of the open segment; empty if there is none."""
    durable_bytes: int
    last_seq: int


_HEAD_BYTES = 255
"""Size of a head file without its line feed."""

_ATTEMPTS = 5
"""Number of reads until a head counts as broken: a read during a write sees a mixture."""


def encode_head(head: Head) -> bytes:
    """Encodes a head. Inverse of `parse_head`.

    The size is constant and there is a checksum, because the file is overwritten in place
    and may be read during a write.
    """
    members = {
        "segment": head.segment,
        "durable_bytes": head.durable_bytes,
        "last_seq": head.last_seq,
        "check": _check(head),
    }
    return orjson.dumps(members).ljust(_HEAD_BYTES) + b"\n"


def parse_head(data: bytes) -> Head | None:
    """Decodes a head. Returns None if the bytes are invalid or the checksum does not match."""
    try:
        note = orjson.loads(data)
        head = Head(str(note["segment"]), int(note["durable_bytes"]), int(note["last_seq"]))
    except (KeyError, TypeError, ValueError):
        return None
    return head if note.get("check") == _check(head) else None


def _check(head: Head) -> int:
    return zlib.crc32(f"{head.segment} {head.durable_bytes} {head.last_seq}".encode())


def read_head(root: Path, source: str, writer: str) -> Head | None:
    """Returns the head that the writer stored after its last fsync, or None if it is unusable."""
    for _ in range(_ATTEMPTS):
        try:
            data = head_path(root, source, writer).read_bytes()
        except OSError:
            return None
        head = parse_head(data)
        if head is not None or not data:
            return head
    return None


def head_written_at(root: Path, source: str, writer: str) -> int:
    """Returns the instant at which the head of a stream was written; 0 if there is none."""
    path = head_path(root, source, writer)
    return path.stat().st_mtime_ns // 1000 if path.exists() else 0
