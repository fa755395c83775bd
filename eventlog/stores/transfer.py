"""Moves bytes between files and stores; the same for all stores.

    upload:    bytes or a file ──> pieces, hashed ──> the store
    download:  the store ──> file: the beginning, from an interrupted attempt | the rest

Size and SHA-256 are checked in both directions.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import attrs

from eventlog.errors import Corrupt
from eventlog.stores.store import ByteRange, Conflict, Download, Store, Upload

T = TypeVar("T")
R = TypeVar("R")

PART_BYTES = 16 * 1024 * 1024
"""Size of all parts of a multipart upload but the last. R2 requires equal parts, and a resumed
upload must cut the object as the interrupted one did, so it never changes."""

PIECE_BYTES = 256 * 1024
"""How much of an upload is read at a time."""
READ_BYTES = 1024 * 1024

Chunks = Callable[[int], AsyncGenerator[bytes, None]]
"""Yields the bytes of an object from an offset on. Raises `NotFound`."""


async def gather_limited(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], width: int
) -> list[R]:
    """Returns the results of `work`, in order, of at most `width` at the same time.

    If one raises, or the caller is cancelled, the others are cancelled and have ended.
    """
    gate = asyncio.Semaphore(width)

    async def gated(item: T) -> R:
        async with gate:
            return await work(item)

    tasks = [asyncio.ensure_future(gated(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def upload_of_bytes(data: bytes) -> Upload:
    """Returns an upload of bytes that are in memory."""
    return Upload(
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        read=lambda offset, size: data[offset : offset + size],
    )


@attrs.frozen
class FileHashes:
    """What a file contains."""

    size: int
    sha256: str
    parts: tuple[str, ...]
    """SHA-256 of each part of `PART_BYTES`; none if the file is not larger than one."""


def hash_file(path: Path) -> FileHashes:
    """Reads a file once, with bounded memory, and returns its hashes. Blocks."""
    whole, size = hashlib.sha256(), 0
    parts: list[str] = []
    buffer = memoryview(bytearray(READ_BYTES))
    with path.open("rb", buffering=0) as file:
        in_parts = os.fstat(file.fileno()).st_size > PART_BYTES
        part = hashlib.sha256()
        while count := file.readinto(buffer[: min(READ_BYTES, PART_BYTES - size % PART_BYTES)]):
            whole.update(buffer[:count])
            size += count
            if in_parts:
                part.update(buffer[:count])
                if size % PART_BYTES == 0:
                    parts.append(part.hexdigest())
                    part = hashlib.sha256()
    if in_parts and size % PART_BYTES:
        parts.append(part.hexdigest())
    return FileHashes(size, whole.hexdigest(), tuple(parts))


def upload_of_file(path: Path, size: int, sha256: str, parts: tuple[str, ...] = ()) -> Upload:
    """Returns an upload of a file that does not change. Reading raises `Corrupt` if the file
    is shorter than `size`."""

    def read(offset: int, length: int) -> bytes:
        with path.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), length, offset)
        if len(data) < min(length, size - offset):
            found = offset + len(data)
            raise Corrupt(f"{path}: expected {size} bytes, found {found}", "hindlog verify")
        return data

    return Upload(size=size, sha256=sha256, read=read, parts=parts)


def etag_of_parts(digests: Sequence[bytes]) -> str:
    """Returns the ETag of an object that was uploaded in parts with these MD5 digests.

    That is the formula of S3 and R2; `doctor --online` finds out whether a bucket keeps to it.
    """
    joined = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    return f"{joined}-{len(digests)}"


async def read_difference(store: Store, name: str, wanted: Download) -> str | None:
    """Reads an object completely and returns what is wrong with its bytes; None if nothing is.

    The file that it is read into is deleted. Raises `NotFound`, and what the store raises.
    """
    try:
        await store.get_to_file(name, wanted)
    except Corrupt as error:
        return error.what
    finally:
        wanted.path.unlink(missing_ok=True)
    return None


def part_ranges(size: int, part_bytes: int = PART_BYTES) -> tuple[ByteRange, ...]:
    """Returns the parts of a multipart upload: adjacent, of equal size but for the last."""
    starts = range(0, size, part_bytes)
    return tuple(ByteRange(start, min(start + part_bytes, size)) for start in starts)


def read_upload(place: str, upload: Upload, write: Callable[[bytes], object]) -> None:
    """Passes all bytes of an upload to `write`, in pieces. Blocks, so it runs in a thread.

    Raises `Corrupt` at the end if they have another size or SHA-256 than the upload says.
    """
    hashed = hashlib.sha256()
    size = 0
    for part in part_ranges(upload.size, PIECE_BYTES):
        piece = upload.read(part.start, part.stop - part.start)
        upload.sent(len(piece))
        write(piece)
        hashed.update(piece)
        size += len(piece)
    if (size, hashed.hexdigest()) != (upload.size, upload.sha256):
        raise Corrupt(
            f"{place}: not stored; expected {upload.size} bytes with SHA-256"
            f" {upload.sha256[:16]}…, read {size} with {hashed.hexdigest()[:16]}…"
        )


def check_upload(place: str, upload: Upload, write: Callable[[bytes], object] = len) -> None:
    """Reads all bytes of an upload without sending them. Raises `Corrupt` as `read_upload`."""
    read_upload(place, attrs.evolve(upload, sent=lambda _: None), write)


def require_equal(place: str, size: int, sha256: str, upload: Upload) -> None:
    """Raises `Conflict` unless the object that has the name is equal to the upload.

    `size`, `sha256`: of the object in the store. `place`: its address, for the message.
    """
    if (size, sha256) != (upload.size, upload.sha256):
        raise Conflict(
            f"{place}: other bytes have this name; expected {upload.size} bytes with SHA-256"
            f" {upload.sha256[:16]}…, found {size} with {sha256[:16]}…"
        )


async def download(place: str, chunks: Chunks, wanted: Download) -> None:
    """Writes an object to `wanted.path`, behind what is there. See `Store.get_to_file`.

    If the SHA-256 differs, the beginning that was there or the line may be to blame: the object
    is then read once more, from its start.
    """
    for _ in range(2):
        resumed = wanted.path.stat().st_size if wanted.path.exists() else 0
        size, sha256 = await _receive(chunks, wanted, resumed)
        if (size, sha256) == (wanted.size, wanted.sha256):
            return
        wanted.path.unlink()
    raise Corrupt(
        f"{place}: expected {wanted.size} bytes with SHA-256 {wanted.sha256[:16]}…,"
        f" found {size} with {sha256[:16]}…"
    )


async def _receive(chunks: Chunks, wanted: Download, resumed: int) -> tuple[int, str]:
    """Appends what is missing. Returns size and SHA-256 of the file.

    Stops behind `wanted.size`: more bytes are as wrong as others.
    """
    hashed = hashlib.sha256()
    if resumed:
        await asyncio.to_thread(_hash_file, wanted.path, hashed.update)
    size = resumed
    if 0 < wanted.size <= size:
        return size, hashed.hexdigest()
    try:
        with wanted.path.open("ab") as file:
            async with aclosing(chunks(size)) as arriving:
                async for chunk in arriving:
                    file.write(chunk)
                    hashed.update(chunk)
                    size += len(chunk)
                    await wanted.received(len(chunk))
                    if size > wanted.size:
                        break
    except BaseException:
        if size == 0:  # no object has the name, or nothing has arrived
            wanted.path.unlink(missing_ok=True)
        raise
    return size, hashed.hexdigest()


def _hash_file(path: Path, update: Callable[[bytes], None]) -> None:
    """Hashes the bytes of a file, with bounded memory."""
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            update(data)
