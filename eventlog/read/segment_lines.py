"""Reads the complete lines of one segment, open or sealed, in blocks, as written.

Reading is not disturbed by sealing: an open file can be read to its end after it was
removed, and if it is already gone, the sealed copy is read. Lines that are not yet durable
are not returned.
"""

import os
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import accumulate, islice
from pathlib import Path
from typing import BinaryIO

from eventlog.errors import Corrupt, NotFound
from eventlog.files.heads import read_head
from eventlog.files.listing import read_manifest
from eventlog.format.frames import decompress
from eventlog.format.line_header import line_header
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.format.valid_lines import first_seq, valid_prefix
from eventlog.read.event_filter import EVERYTHING, Select, wants_frame, wants_manifest

_CHUNK_BYTES = 1024 * 1024
_READ_AHEAD = 2
"""Number of frames that threads prefetch; a segment with fewer needs no threads."""


def segment_blocks(
    root: Path,
    name: SegmentName,
    select: Select = EVERYTHING,
    *,
    backwards: bool = False,
    from_seq: int = 0,
) -> Iterator[bytes]:
    """Yields the complete lines of a segment, in blocks; frames that cannot match are skipped.

    `from_seq` skips sealed frames that end before that seq. Of an open segment, only durable
    lines are returned. Raises `Corrupt` if the segment is damaged, `NotFound` if there is none
    of that name.
    """
    file = _open_file(root, name)
    if file is None:
        yield from _sealed_blocks(root, name, select, backwards, from_seq)
        return
    with file:
        limit = durable_bytes(root, name, file)
        yield from blocks_from_end(file, limit) if backwards else blocks_from_start(file, limit)


def block_with_seq(root: Path, name: SegmentName, seq: int) -> bytes:
    """Returns the block of complete lines that contains a seq: one frame, if sealed.

    If the segment does not contain that seq, returns the nearest lines, or none. Raises like
    `segment_blocks`.
    """
    file = _open_file(root, name)
    if file is None:
        return _frame_at(root, name, seq)
    nearest = b""
    with file:
        for block in blocks_from_start(file, durable_bytes(root, name, file)):
            if nearest and line_header(block[: block.index(b"\n")]).seq > seq:
                break
            nearest = block
    return nearest


def _frame_at(root: Path, name: SegmentName, seq: int) -> bytes:
    manifest = find_manifest(root, name)
    number = bisect_left([*_last_seqs(manifest)], seq, hi=len(manifest.frames) - 1)
    with open_sealed(root, manifest) as file:
        return read_frame(root, file, manifest, number)


def _open_file(root: Path, name: SegmentName) -> BinaryIO | None:
    """Opens the file of an open segment. Returns None if the segment is sealed."""
    with suppress(FileNotFoundError):
        file = open_path(root, name).open("rb")
        if not manifest_path(root, name).exists():
            return file
        file.close()
    return None


def durable_bytes(root: Path, name: SegmentName, file: BinaryIO) -> int:
    """Returns how many bytes of an open segment, opened as `file`, are durable.

    This is the head that the writer stored after its last fsync. If the head is of an earlier
    segment, nothing of this one is durable yet. Without a head, it is the size of the lines
    that recovery would keep.
    """
    head = read_head(root, name.source, name.writer)
    if head is not None and head.segment == str(name):
        return head.durable_bytes
    first = first_seq(file)
    if first is None or (head is not None and first > head.last_seq):
        return 0
    size = valid_prefix(file, name, first - 1).size
    file.seek(0)
    return size


def blocks_from_start(
    file: BinaryIO, limit: int, chunk_bytes: int = _CHUNK_BYTES
) -> Iterator[bytes]:
    """Yields the complete lines of the first `limit` bytes, in blocks."""
    incomplete = b""
    while limit > 0:
        chunk = file.read(min(chunk_bytes, limit))
        if not chunk:
            return
        limit -= len(chunk)
        data = incomplete + chunk if incomplete else chunk
        end = data.rfind(b"\n") + 1
        incomplete = data[end:]
        if end:
            yield data[:end]


def blocks_from_end(file: BinaryIO, limit: int, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[bytes]:
    """Yields the same lines in blocks from the end; within a block in file order."""
    end = min(limit, file.seek(0, os.SEEK_END))
    incomplete = b""
    in_torn_tail = True  # until the last line feed is found
    while end > 0:
        start = max(0, end - chunk_bytes)
        file.seek(start)
        data = file.read(end - start) + incomplete
        end = start
        if in_torn_tail:
            data = data[: data.rfind(b"\n") + 1]
            in_torn_tail = not data
        cut = data.find(b"\n") + 1 if start else 0
        incomplete, block = data[:cut], data[cut:]
        if block:
            yield block


def _sealed_blocks(
    root: Path, name: SegmentName, select: Select, backwards: bool, from_seq: int
) -> Iterator[bytes]:
    manifest = find_manifest(root, name)
    if not wants_manifest(select, manifest):
        return
    numbers = [
        number
        for number, last in enumerate(_last_seqs(manifest))
        if last >= from_seq and wants_frame(select, manifest.frames[number])
    ]
    order = numbers[::-1] if backwards else numbers
    with open_sealed(root, manifest) as file:
        read = partial(read_frame, root, file, manifest)
        if len(order) <= _READ_AHEAD:
            yield from map(read, order)
            return
        with ThreadPoolExecutor(_READ_AHEAD) as pool:  # decompresses the next frames meanwhile
            pending = deque(pool.submit(read, number) for number in order[:_READ_AHEAD])
            for number in order[_READ_AHEAD:]:
                block = pending.popleft().result()
                pending.append(pool.submit(read, number))
                yield block
            yield from (future.result() for future in pending)


def _last_seqs(manifest: Manifest) -> Iterator[int]:
    """Returns the last seq of each frame."""
    seqs = accumulate((frame.rows for frame in manifest.frames), initial=manifest.first_seq - 1)
    return islice(seqs, 1, None)


def find_manifest(root: Path, name: SegmentName) -> Manifest:
    """Returns the manifest of a sealed segment.

    Raises `NotFound`, or `Corrupt` if the manifest is damaged or the only missing file.
    """
    try:
        return read_manifest(root, name)
    except FileNotFoundError as error:
        path = sealed_path(root, name)
        if path.exists():
            message = f"{path}: its manifest is missing"
            raise Corrupt(message, f"hindlog repair {name}") from error
        raise NotFound(f"{name}: no such segment", "hindlog segment list") from error


def open_sealed(root: Path, manifest: Manifest) -> BinaryIO:
    """Opens the `.zst` and checks its size: a truncated file must not be read as a shorter one."""
    path = sealed_path(root, manifest.name)
    hint = f"hindlog repair {manifest.segment}"
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise Corrupt(f"{path}: missing, but its manifest exists", hint) from error
    if size != manifest.zst.bytes:
        raise Corrupt(f"{path}: expected {manifest.zst.bytes} bytes, found {size}", hint)
    return path.open("rb", buffering=0)


def read_frame(root: Path, file: BinaryIO, manifest: Manifest, number: int) -> bytes:
    """Returns the lines of a frame, after checking checksum, size and number of rows."""
    frame = manifest.frames[number]
    where = f"{sealed_path(root, manifest.name)}: frame {number} at byte {frame.offset}"
    hint = f"hindlog repair {manifest.segment}"
    try:
        block = decompress(os.pread(file.fileno(), frame.bytes, frame.offset), frame.raw_bytes)
    except Corrupt as error:
        raise Corrupt(f"{where}: {error.what}", hint) from error
    rows = block.count(b"\n")
    if rows != frame.rows:
        raise Corrupt(f"{where}: expected {frame.rows} lines, found {rows}", hint)
    return block
