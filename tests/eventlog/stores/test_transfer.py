"""Uploads of bytes and files, and the parts of a multipart upload."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt, NotFound, Unavailable
from eventlog.format.manifest import digest
from eventlog.stores.transfer import (
    PART_BYTES,
    PIECE_BYTES,
    FileHashes,
    download,
    gather_limited,
    hash_file,
    part_ranges,
    read_upload,
    upload_of_bytes,
    upload_of_file,
)
from tests.eventlog.stores.places import wanted


@given(st.integers(0, 50), st.integers(1, 20))
def test_the_parts_of_an_object_are_adjacent_and_equal_but_for_the_last(
    size: int, part_bytes: int
) -> None:
    parts = part_ranges(size, part_bytes)
    data = bytes(range(size))

    assert b"".join(data[part.start : part.stop] for part in parts) == data
    assert all(part.stop - part.start == part_bytes for part in parts[:-1])


def test_the_size_of_a_part_never_changes() -> None:
    assert PART_BYTES == 16 * 1024 * 1024


def test_a_file_is_read_in_pieces_and_hashed(tmp_path: Path) -> None:
    data = b"x" * PIECE_BYTES + b"rest"
    path = tmp_path / "file"
    path.write_bytes(data)
    sent: list[int] = []
    pieces: list[bytes] = []
    upload = attrs.evolve(
        upload_of_file(path, len(data), hashlib.sha256(data).hexdigest()), sent=sent.append
    )
    read_upload("place", upload, pieces.append)

    assert b"".join(pieces) == data
    assert sent == [PIECE_BYTES, 4]


def test_a_file_that_is_shorter_than_expected_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"short")
    upload = upload_of_file(path, 9, hashlib.sha256(b"short").hexdigest())

    assert upload.read(0, 5) == b"short"
    with pytest.raises(Corrupt, match="file: expected 9 bytes, found 5"):
        upload.read(0, 9)
    with pytest.raises(Corrupt, match="expected 9 bytes, found 5"):
        upload.read(5, 4)


@pytest.mark.parametrize("size", [0, 9, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES])
def test_one_reading_of_a_file_hashes_the_whole_and_its_parts(tmp_path: Path, size: int) -> None:
    data = b"\x07" * size
    path = tmp_path / "file"
    path.write_bytes(data)
    parts = (
        [data[part.start : part.stop] for part in part_ranges(size)] if size > PART_BYTES else []
    )

    assert hash_file(path) == FileHashes(size, digest(data), tuple(map(digest, parts)))


def test_an_upload_of_bytes_knows_their_size_and_hash() -> None:
    upload = upload_of_bytes(b"bytes")

    assert (upload.size, upload.sha256) == (5, hashlib.sha256(b"bytes").hexdigest())
    assert upload.read(1, 3) == b"yte"


def test_a_download_that_is_interrupted_keeps_what_has_arrived(tmp_path: Path) -> None:
    path = tmp_path / "file"
    starts: list[int] = []

    async def chunks(start: int) -> AsyncGenerator[bytes, None]:
        starts.append(start)
        yield b"0123456789"[start : start + 4]
        if len(starts) < 3:
            raise Unavailable("connection lost")

    for _ in range(2):
        with pytest.raises(Unavailable):
            asyncio.run(download("place", chunks, wanted(path, b"0123456789")))
    asyncio.run(download("place", chunks, wanted(path, b"0123456789")))

    assert path.read_bytes() == b"0123456789"
    assert starts == [0, 4, 8]


@pytest.mark.parametrize("arrived", [b"", b"so"])
def test_a_download_of_which_nothing_arrives_leaves_no_file(tmp_path: Path, arrived: bytes) -> None:
    path = tmp_path / "file"
    if arrived:
        path.write_bytes(arrived)

    async def chunks(_start: int) -> AsyncGenerator[bytes, None]:
        raise NotFound("no object has this name")
        yield b""

    with pytest.raises(NotFound):
        asyncio.run(download("place", chunks, wanted(path, b"some bytes")))
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([arrived] if arrived else [])


@given(st.integers(0, 9), st.integers(1, 4))
def test_results_are_in_order_and_no_more_than_the_limit_is_awaited(count: int, width: int) -> None:
    running: list[int] = []
    most = 0

    async def work(item: int) -> int:
        nonlocal most
        running.append(item)
        most = max(most, len(running))
        await asyncio.sleep(0)
        running.remove(item)
        return item * item

    results = asyncio.run(gather_limited(range(count), work, width))

    assert results == [item * item for item in range(count)]
    assert most == min(count, width)


def test_when_one_raises_the_others_have_ended_before_the_caller_knows() -> None:
    begun: list[int] = []
    ended: list[int] = []

    async def work(item: int) -> None:
        if item == 1:
            raise Unavailable("no answer")
        begun.append(item)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(item)

    async def scenario() -> None:
        with pytest.raises(Unavailable, match="no answer"):
            await gather_limited(range(4), work, 3)
        assert begun == ended
        assert {0, 2} <= set(ended)

    asyncio.run(scenario())
