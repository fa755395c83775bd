"""High-water marks: how far each open segment is durable (`state/heads/`)."""

import zlib
from pathlib import Path

import attrs
import orjson

from eventlog.format.paths import (
    head_path,
)


@attrs.frozen
class Head:
    """How far a stream is durable."""

    segment: str
    """Its open segment; empty where it has none."""
    durable_bytes: int
    last_seq: int


_HEAD_BYTES = 255


_TRIES = 5
"""Twice is one reader met halfway; more is a broken file."""


def head_bytes(head: Head) -> bytes:
    """The file of a head. Inverse of `head_in`.

    Always of one size, and with a checksum: it is written over in place, and a reader
    may meet it halfway.
    """
    found = {
        "segment": head.segment,
        "durable_bytes": head.durable_bytes,
        "last_seq": head.last_seq,
        "check": _check(head),
    }
    return orjson.dumps(found).ljust(_HEAD_BYTES) + b"\n"


def head_in(data: bytes) -> Head | None:
    """The head in a file. None where nothing usable is noted."""
    try:
        note = orjson.loads(data)
        head = Head(str(note["segment"]), int(note["durable_bytes"]), int(note["last_seq"]))
    except (KeyError, TypeError, ValueError):
        return None
    return head if note.get("check") == _check(head) else None


def _check(head: Head) -> int:
    return zlib.crc32(f"{head.segment} {head.durable_bytes} {head.last_seq}".encode())


def read_head(root: Path, source: str, writer: str) -> Head | None:
    """What the writer noted after its last fsync. None where nothing usable is noted."""
    for _ in range(_TRIES):
        try:
            data = head_path(root, source, writer).read_bytes()
        except OSError:
            return None
        head = head_in(data)
        if head is not None or not data:
            return head
    return None


def noted_at(root: Path, source: str, writer: str) -> int:
    """When the head of a stream was written; 0 where there is none."""
    path = head_path(root, source, writer)
    return path.stat().st_mtime_ns // 1000 if path.exists() else 0
