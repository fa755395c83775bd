"""Decompressing: damaged files are refused in full, never read as shorter ones."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from fetcher.imports.files.decompress import (
    Compression,
    DamagedRecording,
    check_complete,
    decompress_bytes,
    decompressed,
)

TEXT = b"".join(b"line %d\n" % number for number in range(3000))
PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
EVERY = pytest.mark.parametrize("compression", list(PACKERS))


def check(folder: Path, content: bytes, compression: Compression | None) -> None:
    (folder / "x").write_bytes(content)
    check_complete(folder / "x", "x", compression)


@EVERY
def test_all_streams_of_a_file_are_read(tmp_path: Path, compression: Compression) -> None:
    pack = PACKERS[compression]
    file = tmp_path / "x"
    file.write_bytes(pack(TEXT[:100]) + pack(TEXT[100:]))

    check_complete(file, "x", compression)
    with decompressed(file, "x", compression) as stream:
        assert io.BufferedReader(stream).read() == TEXT  # type: ignore[type-var]
    assert decompress_bytes(file.read_bytes(), "x", compression) == TEXT


@EVERY
@pytest.mark.parametrize("cut", [1, 4, 9, 100])
def test_a_file_that_was_cut_off_is_damaged(
    tmp_path: Path, compression: Compression, cut: int
) -> None:
    packed = PACKERS[compression](TEXT)
    for content in (packed[:-cut], packed + packed[:-cut]):
        with pytest.raises(DamagedRecording, match=r"^x: "):
            check(tmp_path, content, compression)
        with pytest.raises(DamagedRecording, match=r"^x: "):
            decompress_bytes(content, "x", compression)


@EVERY
def test_a_wrong_checksum_is_damage(tmp_path: Path, compression: Compression) -> None:
    packed = bytearray(PACKERS[compression](TEXT))
    packed[-6 if compression == "gz" else len(packed) // 2] ^= 0xFF
    with pytest.raises(DamagedRecording):
        check(tmp_path, bytes(packed), compression)
    with pytest.raises(DamagedRecording):
        decompress_bytes(bytes(packed), "x", compression)


@EVERY
def test_data_of_another_kind_is_damage_at_the_beginning_and_after_a_stream(
    tmp_path: Path, compression: Compression
) -> None:
    for content in (
        b'{"data":[1,2,3,4,5,6]}',
        PACKERS[compression](TEXT) + b"<html>no data</html>",
    ):
        with pytest.raises(DamagedRecording):
            check(tmp_path, content, compression)


@pytest.mark.parametrize("compression", [None, *PACKERS])
def test_an_empty_file_is_damaged(tmp_path: Path, compression: Compression | None) -> None:
    with pytest.raises(DamagedRecording, match="empty"):
        check(tmp_path, b"", compression)
    if compression is not None:
        with pytest.raises(DamagedRecording, match="empty"):
            check(tmp_path, PACKERS[compression](b""), compression)
        with pytest.raises(DamagedRecording, match="empty"):
            decompress_bytes(PACKERS[compression](b""), "x", compression)


def test_zeros_after_a_gzip_stream_are_padding(tmp_path: Path) -> None:
    check(tmp_path, gzip.compress(TEXT) + bytes(100_000), "gz")


def test_a_file_that_cannot_be_opened_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedRecording, match="x: Is a directory"):
        check_complete(tmp_path, "x", None)
