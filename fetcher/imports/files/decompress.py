"""Decompresses files, each checked in full before anything is read from it.

Some libraries read a file that was cut off as a shorter one without an error: zstd between
two blocks, bz2 and xz between two streams.
"""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import zstandard

from eventlog.errors import Invalid
from fetcher.imports.files.zstd_end import ends_with_complete_frame

Compression = Literal["gz", "zst", "bz2", "xz"]

DAMAGE_HINT = "fetch the damaged files again"
_MAX_WINDOW_BYTES = 2**31
_CHUNK_BYTES = 64 * 1024
_DECODE_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gz": lambda: zlib.decompressobj(wbits=31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


class DamagedRecording(Invalid):
    """A recording that cannot be read in full."""


@contextmanager
def decompressed(path: Path, name: str, compression: Compression | None) -> Iterator[IO[bytes]]:
    """Yields the decompressed content of a file.

    Raises `DamagedRecording` if it cannot be read, now or by the reads that follow.
    """
    with reading(name), path.open("rb") as raw, _reader(raw, compression) as stream:
        yield stream


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Converts errors of reading a file in its block to `DamagedRecording`."""
    try:
        yield
    except _DECODE_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DamagedRecording(f"{name}: {reason}", DAMAGE_HINT) from error


def _reader(raw: IO[bytes], compression: Compression | None) -> Any:
    """Returns a context manager that yields a stream with the decompressed content."""
    if compression == "gz":
        return gzip.open(raw)
    if compression == "bz2":
        return bz2.open(raw)
    if compression == "xz":
        return lzma.open(raw)
    if compression == "zst":
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        return decompressor.stream_reader(raw, read_across_frames=True)
    return raw


def check_complete(path: Path, name: str, compression: Compression | None) -> None:
    """Raises `DamagedRecording` if a file cannot be decompressed to its end, or is empty."""
    with reading(name), path.open("rb") as raw:
        _check(raw, name, compression)


def decompress_bytes(content: bytes, name: str, compression: Compression | None) -> bytes:
    """Returns the decompressed content. Raises `DamagedRecording`, also if it is empty."""
    with reading(name):
        _check(io.BytesIO(content), name, compression)
        with _reader(io.BytesIO(content), compression) as stream:
            decompressed_content: bytes = stream.read()
    return decompressed_content


def _check(raw: IO[bytes], name: str, compression: Compression | None) -> None:
    if compression is None:
        size = len(raw.read(1))
    elif compression == "zst":
        size = _check_frames(raw)
    else:
        size = _check_streams(raw, _DECOMPRESSORS[compression])
    if not size:
        raise DamagedRecording(f"{name}: the file is empty", DAMAGE_HINT)


def _check_frames(raw: IO[bytes]) -> int:
    """Returns the decompressed size of a zstd file."""
    if not ends_with_complete_frame(raw):
        raise EOFError("ends inside a zstd frame")
    raw.seek(0)
    size = 0
    with _reader(raw, "zst") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            size += len(chunk)
    return size


def _check_streams(raw: IO[bytes], new_decompressor: Callable[[], Any]) -> int:
    """Returns the decompressed size of a file of one or more streams; zeros may follow them."""
    size, rest = 0, raw.read(_CHUNK_BYTES)
    while rest:
        decompressor = new_decompressor()
        while not decompressor.eof:
            chunk = rest or raw.read(_CHUNK_BYTES)
            if not chunk:
                raise EOFError("the compressed data is cut off")
            size, rest = size + len(decompressor.decompress(chunk)), b""
        rest = decompressor.unused_data or raw.read(_CHUNK_BYTES)
        while rest and not rest.strip(b"\0"):
            rest = raw.read(_CHUNK_BYTES)
    return size
