"""Blocks of complete lines, and frames."""

import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.format import frames
from eventlog.format.frames import FRAME_BYTES, blocks, compress, decompress

lines = st.lists(st.binary(max_size=300).map(lambda data: data.replace(b"\n", b"") + b"\n"))


def cut(data: bytes, size_bytes: int = FRAME_BYTES) -> list[bytes]:
    """Returns the blocks of lines in memory."""
    return list(blocks(lambda count, offset: data[offset : offset + count], len(data), size_bytes))


@given(lines, st.integers(1, 200))
def test_the_joined_blocks_equal_the_lines_and_each_ends_with_a_line_feed(
    written: list[bytes], size: int
) -> None:
    data = b"".join(written)
    pieces = cut(data, size)

    assert b"".join(pieces) == data
    assert all(block.endswith(b"\n") for block in pieces)
    assert all(len(block) >= size for block in pieces[:-1])
    assert all(block.rfind(b"\n", 0, -1) + 1 < size for block in pieces)


def test_a_line_larger_than_a_frame_is_a_frame() -> None:
    long = b"x" * (3 * FRAME_BYTES) + b"\n"

    assert cut(b"a\n" + long + b"b\n") == [b"a\n" + long, b"b\n"]


@pytest.mark.parametrize("behind", [0, 1, 4095, 4096, 4097, 9000])
def test_a_frame_ends_with_the_first_line_that_ends_after_one_mebibyte(behind: int) -> None:
    line = b"x" * (FRAME_BYTES - 1 + behind) + b"\n"

    assert cut(line + b"short\n" + line) == [line, b"short\n" + line]


@given(st.binary(max_size=999))
def test_decompress_is_the_inverse_of_compress(block: bytes) -> None:
    assert decompress(compress(block), len(block)) == block


def test_a_frame_contains_checksum_and_content_size() -> None:
    parameters = zstandard.get_frame_parameters(compress(b"lines\n" * 99))

    assert parameters.has_checksum
    assert parameters.content_size == 6 * 99


def test_any_zstd_reader_sees_one_stream() -> None:
    packed = compress(b"one\n") + compress(b"two\n")
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True)

    assert reader.read() == b"one\ntwo\n"


@given(st.data())
def test_every_truncation_and_every_flipped_bit_is_detected(data: st.DataObject) -> None:
    block = b'{"seq":1,"text":"some line"}\n' * 20
    frame = bytearray(compress(block))
    at = data.draw(st.integers(0, len(frame) * 8 - 1))
    frame[at // 8] ^= 1 << at % 8

    try:
        decompressed = decompress(bytes(frame), len(block))
    except Corrupt:
        return
    assert decompressed == block  # a bit that means nothing: the SHA-256 of the file sees it


@given(st.integers(1, 40))
def test_a_truncated_frame_is_rejected(missing: int) -> None:
    block = b'{"seq":1}\n' * 20
    with pytest.raises(Corrupt):
        decompress(compress(block)[:-missing], len(block))


@pytest.mark.parametrize("size", [0, 5, 7, 100])
def test_a_frame_of_wrong_size_is_rejected(size: int) -> None:
    with pytest.raises(Corrupt):
        decompress(compress(b"lines\n"), size)


def test_two_frames_are_not_accepted_as_one() -> None:
    with pytest.raises(Corrupt):
        decompress(frames.compress(b"a\n") + frames.compress(b"b\n"), 2)
