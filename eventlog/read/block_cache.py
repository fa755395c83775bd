"""Cache of decompressed blocks of lines: the blocks used last, up to a number of bytes.

    segment, seq ──> version of the segment ──> block that contains the seq ──> line

A block is valid for one version of its segment; the maker of the cache decides what a version is.
Only reads of single lines use a cache: sequential reads would replace what will be used again.
"""

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock

import attrs

from eventlog.catalog.day import SETTLED_US
from eventlog.catalog.file_watch import FileStamp, file_stamp
from eventlog.clock import Clock, now_us
from eventlog.format.paths import SegmentName, manifest_path, sealed_path

_LINE_BYTES = 41
"""Memory of a line beyond its bytes: the header of the object and a reference."""

_Block = tuple[list[bytes], int]
"""Lines, and their size in memory."""


def sealed_version(
    root: Path,
    name: SegmentName,
    now: Clock = now_us,
    stamp: Callable[[Path], FileStamp | None] = file_stamp,
) -> Hashable | None:
    """Returns what differs if a file of a sealed segment was replaced or changed.

    Its file may be absent: what is read then is what the manifest describes. None if the segment
    is not sealed, or changed so recently that two changes may have left the same timestamp.
    """
    at = now()  # before the stamps: a change after them has a greater age than this
    path = sealed_path(root, name)
    manifest, sealed = stamp(manifest_path(root, name)), stamp(path)
    if manifest is None or not all(_is_old(file, at) for file in (manifest, sealed) if file):
        return None
    return path, manifest, sealed


def _is_old(stamp: FileStamp, now: int) -> bool:
    return now - max(stamp.mtime_ns, stamp.ctime_ns) // 1000 >= SETTLED_US


def name_as_version(_root: Path, name: SegmentName) -> Hashable:
    """Returns the name of a segment, also if it is open.

    For one pass by a process that does not outlive a repair: segments are sealed, and lines are
    only appended to open ones, which changes no line.
    """
    return str(name)


@attrs.define
class BlockCache:
    """Blocks of lines in memory. Several threads may use it at once."""

    max_bytes: int
    """Size of the blocks; the block used last is kept whatever its size."""
    version_of: Callable[[Path, SegmentName], Hashable | None] = sealed_version
    """Returns the version of a segment; None if its blocks must not be cached."""
    blocks: OrderedDict[tuple[Hashable, int], _Block] = attrs.field(factory=OrderedDict, init=False)
    """By version and first seq; the block used last is the last."""
    firsts: dict[Hashable, list[int]] = attrs.field(factory=dict, init=False)
    """The first seqs, ascending, of the blocks of each version."""
    size_bytes: int = attrs.field(default=0, init=False)
    lock: Lock = attrs.field(factory=Lock, init=False)


def cached_line(cache: BlockCache, version: Hashable, seq: int) -> bytes | None:
    """Returns the line with a seq; None unless its block is in the cache."""
    with cache.lock:
        firsts = cache.firsts.get(version, ())
        index = bisect_right(firsts, seq) - 1
        if index < 0:
            return None
        first = firsts[index]
        lines, _ = cache.blocks[version, first]
        if seq - first >= len(lines):
            return None
        cache.blocks.move_to_end((version, first))
        return lines[seq - first]


def cache_block(cache: BlockCache, version: Hashable, first_seq: int, lines: list[bytes]) -> None:
    """Adds a block, and removes those that were used least recently if there is no room.

    It replaces one with the same first seq: the last block of an open segment grows.
    """
    size = sum(map(len, lines)) + _LINE_BYTES * len(lines)
    with cache.lock:
        replaced = cache.blocks.pop((version, first_seq), None)
        if replaced is None:
            insort(cache.firsts.setdefault(version, []), first_seq)
        else:
            cache.size_bytes -= replaced[1]
        cache.blocks[version, first_seq] = lines, size
        cache.size_bytes += size
        while cache.size_bytes > cache.max_bytes and len(cache.blocks) > 1:
            _evict_oldest(cache)


def _evict_oldest(cache: BlockCache) -> None:
    """Removes the block that was used least recently."""
    (version, first), (_, size) = cache.blocks.popitem(last=False)
    cache.size_bytes -= size
    firsts = cache.firsts[version]
    firsts.remove(first)
    if not firsts:
        del cache.firsts[version]
