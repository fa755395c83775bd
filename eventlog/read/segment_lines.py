"""Reads the complete lines of one segment, open or sealed, in blocks, as written.

Reading is not disturbed by sealing: an open file can be read to its end after it was
removed, and if it is already gone, the sealed copy is read. Lines that are not yet durable
are not returned.
"""

import os
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from typing import BinaryIO

from eventlog.catalog.lookup import MAX_SEQ
from eventlog.errors import Corrupt, NotFound
from eventlog.files.absent.fetch import open_absent, read_absent_frames
from eventlog.files.heads import read_head
from eventlog.files.listing import read_manifest
from eventlog.format.frames import decompress
from eventlog.format.line_header import is_event_of, line_header, read_block
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.format.valid_lines import first_seq, valid_prefix
from eventlog.read.block_cache import BlockCache, cache_block, cached_line
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


def read_lines(
    root: Path, name: SegmentName, seqs: Sequence[int], cache: BlockCache | None = None
) -> dict[int, bytes]:
    """Returns the lines of a segment with these seqs, without those that it does not contain.

    Each block that is not in the cache is read once. `seqs` must be sorted. Raises like
    `segment_blocks`, and `Corrupt` if a line is not the event with its seq.
    """
    version = cache.version_of(root, name) if cache else None
    lines: dict[int, bytes] = {}
    if cache and version:
        known = ((seq, cached_line(cache, version, seq)) for seq in seqs)
        lines = {seq: line for seq, line in known if line and is_event_of(line, name, seq)}
    missing = [seq for seq in seqs if seq not in lines]
    for block in _blocks_with_seqs(root, name, missing) if missing else ():
        first, block_lines = _split_block(block, name)
        end = first + len(block_lines)
        new = {seq: block_lines[seq - first] for seq in missing if first <= seq < end}
        if not new or not all(is_event_of(line, name, seq) for seq, line in new.items()):
            read_block(block, name.source, name.writer, str(name))  # raises `Corrupt` if damaged
        if cache and version:
            cache_block(cache, version, first, block_lines)
        lines |= new
    return lines


def _split_block(block: bytes, name: SegmentName) -> tuple[int, list[bytes]]:
    """Returns the seq of the first line, and the lines."""
    lines = block.split(b"\n")
    lines.pop()
    try:
        return line_header(lines[0]).seq, lines
    except Corrupt as error:
        raise Corrupt(f"{name}: line 1: {error.what}") from error


def _blocks_with_seqs(root: Path, name: SegmentName, seqs: Sequence[int]) -> Iterator[bytes]:
    """Yields the blocks that contain a seq, or would if the segment did: frames, if sealed."""
    file = _open_file(root, name)
    if file is None:
        manifest = find_manifest(root, name)
        last_seqs = [*_last_seqs(manifest)]
        numbers = {bisect_left(last_seqs, seq, hi=len(last_seqs) - 1) for seq in seqs}
        yield from _read_frames(root, manifest, sorted(numbers))
        return
    with file:
        blocks = blocks_from_start(file, durable_bytes(root, name, file))
        first = 0
        for block, following in pairwise(chain(blocks, [b""])):
            end = line_header(following[: following.index(b"\n")]).seq if following else MAX_SEQ
            wanted = seqs[bisect_left(seqs, first) :]
            if not wanted:
                return
            if wanted[0] < end:
                yield block
            first = end


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
    """Opens the `.zst` and checks its size: a truncated file must not be read as a shorter one.

    An absent file is fetched. Raises `Corrupt`, or `Unavailable` if the mirror cannot be reached.
    """
    path = sealed_path(root, manifest.name)
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        return open_absent(root, manifest)
    size = os.fstat(file.fileno()).st_size
    if size != manifest.zst.bytes:
        file.close()
        hint = f"hindlog repair {manifest.segment}"
        raise Corrupt(f"{path}: expected {manifest.zst.bytes} bytes, found {size}", hint)
    return file


def _read_frames(root: Path, manifest: Manifest, numbers: Sequence[int]) -> Iterator[bytes]:
    """Yields the lines of some frames; those of a large absent segment without its file."""
    frames = read_absent_frames(root, manifest, numbers)
    if frames:
        for number, frame in zip(numbers, frames, strict=True):
            yield _lines_of_frame(root, manifest, number, frame)
        return
    with open_sealed(root, manifest) as file:
        yield from (read_frame(root, file, manifest, number) for number in numbers)


def read_frame(root: Path, file: BinaryIO, manifest: Manifest, number: int) -> bytes:
    """Returns the lines of a frame, after checking checksum, size and number of rows."""
    frame = manifest.frames[number]
    data = os.pread(file.fileno(), frame.bytes, frame.offset)
    return _lines_of_frame(root, manifest, number, data)


def _lines_of_frame(root: Path, manifest: Manifest, number: int, data: bytes) -> bytes:
    frame = manifest.frames[number]
    where = f"{sealed_path(root, manifest.name)}: frame {number} at byte {frame.offset}"
    hint = f"hindlog repair {manifest.segment}"
    try:
        block = decompress(data, frame.raw_bytes)
    except Corrupt as error:
        raise Corrupt(f"{where}: {error.what}", hint) from error
    rows = block.count(b"\n")
    if rows != frame.rows:
        raise Corrupt(f"{where}: expected {frame.rows} lines, found {rows}", hint)
    return block
