"""Blocks: the whole lines of one segment, open or sealed, as written.

A reader that holds a segment keeps it, whatever becomes of its name: an open file
that is sealed while we read goes on, and one that is gone when we look is read from
its sealed copy. Nothing that a power cut could take back is shown.
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
from eventlog.format.valid_lines import valid_prefix
from eventlog.read.event_filter import EVERYTHING, Select, wants_frame, wants_manifest

_CHUNK = 1024 * 1024
_AHEAD = 2
"""So many frames are read ahead; fewer are not worth a thread."""


def segment_blocks(
    root: Path,
    name: SegmentName,
    select: Select = EVERYTHING,
    *,
    backwards: bool = False,
    from_seq: int = 0,
) -> Iterator[bytes]:
    """The whole lines of a segment, in blocks; frames that cannot match are skipped.

    `from_seq` leaves out sealed frames that end before that seq. An open segment gives
    what is durable. Raises `Corrupt` where the segment is damaged, `NotFound` where
    there is none of that name.
    """
    file = _open_file(root, name)
    if file is None:
        yield from _sealed_blocks(root, name, select, backwards, from_seq)
        return
    with file:
        limit = durable_bytes(root, name, file)
        yield from last_blocks(file, limit) if backwards else first_blocks(file, limit)


def block_at(root: Path, name: SegmentName, seq: int) -> bytes:
    """The whole lines among which one event of a segment is: of a sealed one its one frame.

    Where the segment does not hold that seq, the lines nearest to it, or none. Raises like
    `segment_blocks`.
    """
    file = _open_file(root, name)
    if file is None:
        return _frame_at(root, name, seq)
    found = b""
    with file:
        for block in first_blocks(file, durable_bytes(root, name, file)):
            if found and line_header(block[: block.index(b"\n")]).seq > seq:
                break
            found = block
    return found


def _frame_at(root: Path, name: SegmentName, seq: int) -> bytes:
    manifest = find_manifest(root, name)
    number = bisect_left([*_last_seqs(manifest)], seq, hi=len(manifest.frames) - 1)
    with open_sealed(root, manifest) as file:
        return frame_lines(root, file, manifest, number)


def _open_file(root: Path, name: SegmentName) -> BinaryIO | None:
    """The open segment. None where it is sealed."""
    with suppress(FileNotFoundError):
        file = open_path(root, name).open("rb")
        if not manifest_path(root, name).exists():
            return file
        file.close()
    return None


def durable_bytes(root: Path, name: SegmentName, file: BinaryIO) -> int:
    """How many bytes of an open segment, opened as `file`, a reader may show.

    What its writer noted after the last fsync. A note about an earlier segment means
    that nothing of this one is durable yet. Where nobody says anything: as far as
    recovery would keep its lines.
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


def first_seq(file: BinaryIO) -> int | None:
    """The seq that an open segment begins with. None where it has no whole line."""
    line = file.readline()
    file.seek(0)
    try:
        return line_header(line).seq if line.endswith(b"\n") else None
    except Corrupt:
        return None


def first_blocks(file: BinaryIO, limit: int, chunk_bytes: int = _CHUNK) -> Iterator[bytes]:
    """The whole lines of the first `limit` bytes, in blocks."""
    rest = b""
    while limit > 0:
        chunk = file.read(min(chunk_bytes, limit))
        if not chunk:
            return
        limit -= len(chunk)
        data = rest + chunk if rest else chunk
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if end:
            yield data[:end]


def last_blocks(file: BinaryIO, limit: int, chunk_bytes: int = _CHUNK) -> Iterator[bytes]:
    """The same lines in blocks from the end; within a block in their order."""
    end = min(limit, file.seek(0, os.SEEK_END))
    rest = b""
    torn = True  # until the end of the last whole line is found
    while end > 0:
        start = max(0, end - chunk_bytes)
        file.seek(start)
        data = file.read(end - start) + rest
        end = start
        if torn:
            data = data[: data.rfind(b"\n") + 1]
            torn = not data
        cut = data.find(b"\n") + 1 if start else 0
        rest, block = data[:cut], data[cut:]
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
        read = partial(frame_lines, root, file, manifest)
        if len(order) <= _AHEAD:
            yield from map(read, order)
            return
        with ThreadPoolExecutor(_AHEAD) as pool:  # the next frames are unpacked meanwhile
            waiting = deque(pool.submit(read, number) for number in order[:_AHEAD])
            for number in order[_AHEAD:]:
                block = waiting.popleft().result()
                waiting.append(pool.submit(read, number))
                yield block
            yield from (each.result() for each in waiting)


def _last_seqs(manifest: Manifest) -> Iterator[int]:
    """The last seq of each frame."""
    seqs = accumulate((frame.rows for frame in manifest.frames), initial=manifest.first_seq - 1)
    return islice(seqs, 1, None)


def find_manifest(root: Path, name: SegmentName) -> Manifest:
    """The manifest of a sealed segment. Raises `NotFound`, or `Corrupt` if only it is missing."""
    try:
        return read_manifest(root, name)
    except FileNotFoundError as error:
        path = sealed_path(root, name)
        if path.exists():
            what = f"{path}: its manifest is missing"
            raise Corrupt(what, f"hindlog repair {name}") from error
        raise NotFound(f"{name}: no such segment", "hindlog segment list") from error


def open_sealed(root: Path, manifest: Manifest) -> BinaryIO:
    """The `.zst`, its size checked: a shorter one would be read short without an error."""
    path = sealed_path(root, manifest.name)
    hint = f"hindlog repair {manifest.segment}"
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise Corrupt(f"{path}: missing, its manifest is there", hint) from error
    if size != manifest.zst.bytes:
        raise Corrupt(f"{path}: expected {manifest.zst.bytes} bytes, found {size}", hint)
    return path.open("rb", buffering=0)


def frame_lines(root: Path, file: BinaryIO, manifest: Manifest, number: int) -> bytes:
    """The lines of one frame, checked against its checksum, size and rows."""
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
