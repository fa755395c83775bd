"""Bodies of requests, read piece by piece, and the watchdog of every request.

Neither botocore nor aiohttp has a timeout for sending: a request is given up when no byte moves.
"""

import asyncio
import base64
import io
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from eventlog.errors import Corrupt
from eventlog.stores.store import ByteRange, Upload

T = TypeVar("T")

Parameters = dict[str, Any]
"""What a request or a response consists of, by the names of the S3 API."""


class Body(io.RawIOBase):
    """A range of an upload, as the file that aiohttp sends: it accepts only `io.IOBase`.

    botocore reads it in the event loop to sign it, aiohttp in a thread to send it; only the
    latter counts as sent.
    """

    def __init__(self, upload: Upload, part: ByteRange) -> None:
        super().__init__()
        self._upload = upload
        self._part = part
        self._at = part.start
        self._loop_thread = threading.get_ident()
        self.size = part.stop - part.start
        self.moved = 0
        """Number of bytes that were read; the watchdog compares it."""
        self.failure: Exception | None = None
        """Why the upload could not be read. aiohttp says only that the connection broke."""

    def read(self, size: int = -1) -> bytes:
        left = self._part.stop - self._at
        size = min(left if size < 0 else size, left)
        if size == 0:
            return b""
        try:
            data = self._upload.read(self._at, size)
            if threading.get_ident() != self._loop_thread:
                self._upload.sent(len(data))
            if len(data) != size:
                raise Corrupt(f"not stored: expected {size} bytes to send, read {len(data)}")
        except Exception as error:
            self.failure = error
            raise
        self._at += size
        self.moved += size
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {
            io.SEEK_SET: self._part.start,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._part.stop,
        }[whence]
        self._at = base + offset
        return self._at - self._part.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


async def watched(request: Awaitable[T], moved: Callable[[], int], stalled_s: float) -> T:
    """Awaits a request. Raises `TimeoutError` once `moved` stays the same for `stalled_s`.

    A timer, not a task: a task for each request would cost a tenth of its CPU.
    """
    loop = asyncio.get_running_loop()
    limit = asyncio.timeout(None)
    timer: asyncio.TimerHandle | None = None

    def watch(before: int | None) -> None:
        nonlocal timer
        now = moved()
        if now == before:
            limit.reschedule(loop.time())
        else:
            timer = loop.call_later(stalled_s, watch, now)

    try:
        async with limit:
            watch(None)
            return await request
    except TimeoutError as error:
        if limit.expired():
            raise TimeoutError(f"no byte moved for {stalled_s:g} s") from error
        raise
    finally:
        if timer is not None:
            timer.cancel()


def base64_of(sha256: str) -> str:
    """Returns a hexadecimal SHA-256 as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()
