"""Frames: how the lines of a sealed segment lie in its file. Pure.

    frame | frame | …

A frame is about 1 MiB of whole lines, an independent zstd frame with content size
and checksum. Any zstd reader sees one stream; a reader with the manifest opens one
frame alone.
"""

import threading
from collections.abc import Callable, Iterator

import zstandard

from eventlog.errors import Corrupt

FRAME_BYTES = 1024 * 1024
LEVEL = 3
_LOOK_BYTES = 4096

_OWN = threading.local()
"""Of each thread its compressor: making one costs a tenth of packing a frame."""


def blocks(
    read: Callable[[int, int], bytes], total_bytes: int, size_bytes: int = FRAME_BYTES
) -> Iterator[bytes]:
    """Whole lines in blocks of at least `size_bytes`, but for the last.

    `read(count, offset)`: so many bytes of the lines, fewer at their end. The line end is
    looked for first, so that each block is read once and never joined or cut. Law: joined,
    the blocks are the lines; each ends at a line end, if the lines do.
    """
    start = 0
    while start < total_bytes:
        end = _line_end(read, start + size_bytes - 1, total_bytes)
        yield read(end - start, start)
        start = end


def _line_end(read: Callable[[int, int], bytes], start: int, total_bytes: int) -> int:
    """Behind the first line feed from `start` on, or the end."""
    while start < total_bytes:
        found = read(_LOOK_BYTES, start)
        at = found.find(b"\n")
        if at >= 0:
            return start + at + 1
        start += _LOOK_BYTES
    return total_bytes


def compress(block: bytes) -> bytes:
    """One frame. Inverse of `decompress`."""
    packer = getattr(_OWN, "packer", None)
    if packer is None:
        packer = _OWN.packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    return packer.compress(block)


def decompress(frame: bytes, raw_bytes: int) -> bytes:
    """The lines of one frame, whose raw size the manifest says. Raises `Corrupt`."""
    try:
        told = zstandard.get_frame_parameters(frame).content_size
        if told != raw_bytes:  # before it is believed: a flipped bit can ask for terabytes
            raise Corrupt(f"a zstd frame: expected {raw_bytes} raw bytes, it says {told}")
        block = zstandard.ZstdDecompressor().decompress(
            frame, max_output_size=raw_bytes, allow_extra_data=False
        )
    except (zstandard.ZstdError, MemoryError) as error:
        raise Corrupt(f"a zstd frame of {len(frame)} bytes: {error}") from error
    if len(block) != raw_bytes:
        raise Corrupt(f"a zstd frame: expected {raw_bytes} raw bytes, found {len(block)}")
    return block
