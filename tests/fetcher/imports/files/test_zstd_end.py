"""Cut zstd files: every end inside a frame is detected."""

import io
import os
from itertools import accumulate

import pytest
import zstandard

from fetcher.imports.files.zstd_end import ends_with_complete_frame

LINES = b"".join(b'{"id":%d,"text":"%b"}\n' % (n, os.urandom(20).hex().encode()) for n in range(90))


def frames(*parts: bytes, checksum: bool = False) -> list[bytes]:
    """Each part as a zstd frame of its own."""
    return [zstandard.ZstdCompressor(write_checksum=checksum).compress(part) for part in parts]


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("parts", [(LINES,), (b"", LINES), (LINES[:100], b"x", LINES[101:])])
def test_a_zstd_file_is_complete_only_where_a_frame_ends(
    parts: tuple[bytes, ...], checksum: bool
) -> None:
    packed = frames(*parts, checksum=checksum)
    file, ends = b"".join(packed), accumulate(map(len, packed), initial=0)

    accepted = [
        end for end in range(len(file) + 1) if ends_with_complete_frame(io.BytesIO(file[:end]))
    ]

    assert accepted == list(ends)


@pytest.mark.parametrize("data", [b"a" * 1_000_000, os.urandom(400_000), b""])
def test_run_length_raw_and_empty_blocks_are_complete(data: bytes) -> None:
    (frame,) = frames(data)

    assert ends_with_complete_frame(io.BytesIO(frame))
    assert not ends_with_complete_frame(io.BytesIO(frame[:-1]))


def test_a_skippable_frame_is_complete_only_at_its_end() -> None:
    skippable = (0x184D2A50).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
    (frame,) = frames(LINES)

    assert ends_with_complete_frame(io.BytesIO(skippable + frame))
    assert not ends_with_complete_frame(io.BytesIO(frame + skippable[:-1]))


@pytest.mark.parametrize("data", [b"", b'{"items":[]}' * 9])
def test_a_file_that_does_not_begin_with_a_frame_is_left_to_the_decompressor(data: bytes) -> None:
    assert ends_with_complete_frame(io.BytesIO(data))
