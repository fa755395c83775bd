"""Files of the catalog: a version, a checksum and one value. They may be deleted at any time.

    hindlog catalog 2 | BLAKE2b of the rest | msgpack

Several processes may write one file at once: each writes a temporary file and renames it.
"""

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from eventlog.files.publish import unique_temporary_path

T = TypeVar("T")

_HEADER = b"hindlog catalog 2\n"
"""Its number is raised when the structure or the meaning of a stored value changes."""
_CHECK_BYTES = 16


def encode_catalog(value: object) -> bytes:
    """Encodes a value of the catalog. Inverse of `parse_catalog`."""
    body = msgspec.msgpack.encode(value)
    return _HEADER + _check(body) + body


def parse_catalog(data: bytes, type_: type[T]) -> T | None:
    """Decodes a value of the catalog; None if it is damaged, or of another version or type."""
    size = len(_HEADER) + _CHECK_BYTES
    body = data[size:]
    if data[:size] != _HEADER + _check(body):
        return None
    try:
        return msgspec.msgpack.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECK_BYTES).digest()


def load(path: Path, type_: type[T]) -> T | None:
    """Returns the value in a file of the catalog; None if it is missing or unusable."""
    try:
        return parse_catalog(path.read_bytes(), type_)
    except OSError:
        return None


def save(path: Path, value: object) -> None:
    """Replaces a file of the catalog. Does nothing if it cannot be written."""
    temporary = unique_temporary_path(path)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(encode_catalog(value))
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
