"""Detects zstd files that were cut off.

The zstd library does not report it: it reads a file that ends between two blocks as a
shorter one.
"""

import io
from typing import IO

import zstandard

_HEADER_BYTES = 18
"""Maximum size of the header of a zstd frame."""
_SKIPPABLE = (0x184D2A50, 0x184D2A5F)
"""First and last magic number of skippable frames."""


def ends_with_complete_frame(raw: IO[bytes]) -> bool:
    """Whether a zstd file ends where a frame ends; reads only frame and block headers.

    Returns True for a file that does not begin with a frame: reading it raises an error.
    """
    size, at = raw.seek(0, io.SEEK_END), 0
    while at < size:
        raw.seek(at)
        header = raw.read(_HEADER_BYTES)
        if _SKIPPABLE[0] <= int.from_bytes(header[:4], "little") <= _SKIPPABLE[1]:
            at += 8 + int.from_bytes(header[4:8], "little")
            continue
        try:
            has_checksum = zstandard.get_frame_parameters(header).has_checksum
            at += zstandard.frame_header_size(header)
        except zstandard.ZstdError:
            return len(header) == _HEADER_BYTES  # not a frame: the decompressor raises
        at = _end_of_blocks(raw, at, size) + 4 * has_checksum
    return at == size


def _end_of_blocks(raw: IO[bytes], at: int, size: int) -> int:
    """Returns the offset after the last block of a frame; `size + 1` if the file ends before."""
    is_last = False
    while not is_last:
        raw.seek(at)
        header = raw.read(3)
        if len(header) < 3:
            return size + 1
        number = int.from_bytes(header, "little")
        is_last = bool(number & 1)
        is_run_length = number >> 1 & 3 == 1  # the block contains one byte, to be repeated
        at += 3 + (1 if is_run_length else number >> 3)
    return at
