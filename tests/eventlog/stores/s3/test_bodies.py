"""Bodies that are read piece by piece, and the watchdog of requests."""

import asyncio
import io
import threading

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.stores.s3.bodies import Body, base64_of, watched
from eventlog.stores.store import ByteRange
from eventlog.stores.transfer import upload_of_bytes

DATA = bytes(range(40))


@given(st.integers(0, 38), st.lists(st.tuples(st.integers(-1, 20), st.integers(0, 10))))
def test_a_body_is_the_file_of_a_range(start: int, steps: list[tuple[int, int]]) -> None:
    body = Body(upload_of_bytes(DATA), ByteRange(start, 39))
    file = io.BytesIO(DATA[start:39])

    for size, position in steps:
        assert body.read(size) == file.read(size)
        assert body.tell() == file.tell()
        if position < body.size:
            assert body.seek(position) == file.seek(position)
    assert body.seek(0, io.SEEK_END) == file.seek(0, io.SEEK_END) == body.size
    assert body.read() == b""
    assert body.seek(-1, io.SEEK_CUR) == body.size - 1


def test_what_is_read_to_be_signed_does_not_count_as_sent() -> None:
    sent: list[int] = []
    body = Body(attrs.evolve(upload_of_bytes(DATA), sent=sent.append), ByteRange(0, 30))
    assert body.read() == DATA[:30]
    body.seek(0)
    thread = threading.Thread(target=body.read, args=(20,))
    thread.start()
    thread.join()

    assert sent == [20]
    assert body.moved == 50


def test_a_body_remembers_why_it_cannot_be_read() -> None:
    def read(_offset: int, _size: int) -> bytes:
        raise OSError("disk error")

    body = Body(attrs.evolve(upload_of_bytes(DATA), read=read), ByteRange(0, 9))

    with pytest.raises(OSError, match="disk error"):
        body.read()
    assert str(body.failure) == "disk error"


def test_a_file_that_became_shorter_is_corrupt() -> None:
    body = Body(attrs.evolve(upload_of_bytes(DATA), read=lambda _at, _size: b"x"), ByteRange(0, 9))

    with pytest.raises(Corrupt, match="expected 9 bytes to send, read 1"):
        body.read()


def test_a_request_that_moves_no_byte_is_given_up() -> None:
    cancelled: list[bool] = []

    async def stalled() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with pytest.raises(TimeoutError, match=r"no byte moved for 0.01 s"):
        asyncio.run(watched(stalled(), lambda: 0, 0.01))
    assert cancelled == [True]


def test_a_slow_request_that_moves_bytes_is_awaited() -> None:
    moved = iter(range(1000))

    async def slow() -> str:
        await asyncio.sleep(0.05)
        return "done"

    assert asyncio.run(watched(slow(), lambda: next(moved), 0.01)) == "done"


def test_an_error_of_a_request_is_raised() -> None:
    async def failing() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(watched(failing(), lambda: 0, 60))


def test_a_cancelled_request_ends() -> None:
    async def scenario() -> None:
        request = asyncio.ensure_future(asyncio.sleep(60))
        watching = asyncio.ensure_future(watched(request, lambda: 0, 60))
        await asyncio.sleep(0)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
        await asyncio.sleep(0)
        assert request.cancelled()

    asyncio.run(scenario())


def test_s3_writes_hashes_in_base64() -> None:
    assert base64_of("00" * 31 + "ff") == "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8="
