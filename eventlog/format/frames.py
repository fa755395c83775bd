"""Frames: the parts of the file of a sealed segment. Pure.

    frame | frame | …

A frame contains about 1 MiB of complete lines. It is an independent zstd frame with content
size and checksum. Any zstd reader sees one stream; a reader that has the manifest can
decompress a single frame.
"""

import threading
from collections.abc import Callable, Iterator

import zstandard

from eventlog.errors import Corrupt

FRAME_BYTES = 1024 * 1024
LEVEL = 3
_SEARCH_BYTES = 4096

_PER_THREAD = threading.local()
"""One compressor and decompressor per thread: creating one takes a tenth of the time of a frame."""


def blocks(
    read: Callable[[int, int], bytes], total_bytes: int, size_bytes: int = FRAME_BYTES
) -> Iterator[bytes]:
    """Yields complete lines in blocks of at least `size_bytes`; the last may be smaller.

    `read(count, offset)` returns `count` bytes of the lines, fewer at their end. The line end
    is searched first, so each block is read once, without joining or cutting. Law: the joined
    blocks equal the lines; each block ends with a line feed, if the lines do.
    """
    start = 0
    while start < total_bytes:
        end = _line_end(read, start + size_bytes - 1, total_bytes)
        yield read(end - start, start)
        start = end


def _line_end(read: Callable[[int, int], bytes], start: int, total_bytes: int) -> int:
    """Returns the offset after the first line feed from `start` on, or `total_bytes`."""
    while start < total_bytes:
        chunk = read(_SEARCH_BYTES, start)
        at = chunk.find(b"\n")
        if at >= 0:
            return start + at + 1
        start += _SEARCH_BYTES
    return total_bytes


def compress(block: bytes) -> bytes:
    """Compresses a block to one frame. Inverse of `decompress`."""
    compressor = getattr(_PER_THREAD, "compressor", None)
    if compressor is None:
        compressor = _PER_THREAD.compressor = zstandard.ZstdCompressor(
            level=LEVEL, write_checksum=True
        )
    return compressor.compress(block)


def decompress(frame: bytes, raw_bytes: int) -> bytes:
    """Returns the lines of a frame. `raw_bytes`: size as in the manifest. Raises `Corrupt`."""
    try:
        declared = zstandard.get_frame_parameters(frame).content_size
        if declared != raw_bytes:  # checked first: a flipped bit could request terabytes
            raise Corrupt(
                f"a zstd frame: expected {raw_bytes} raw bytes, but its header declares {declared}"
            )
        block = _decompressor().decompress(frame, max_output_size=raw_bytes, allow_extra_data=False)
    except (zstandard.ZstdError, MemoryError) as error:
        raise Corrupt(f"a zstd frame of {len(frame)} bytes: {error}") from error
    if len(block) != raw_bytes:
        raise Corrupt(f"a zstd frame: expected {raw_bytes} raw bytes, found {len(block)}")
    return block


def _decompressor() -> zstandard.ZstdDecompressor:
    decompressor = getattr(_PER_THREAD, "decompressor", None)
    if decompressor is None:
        decompressor = _PER_THREAD.decompressor = zstandard.ZstdDecompressor()
    return decompressor
