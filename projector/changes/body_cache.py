"""Reads the bodies of events by their places in the log, with a cache of decompressed blocks.

    place ──> block of lines, from the cache or from its frame ──> line ──> body

A caller that asks in the order of places, or goes back only a little, causes each frame to be
decompressed once. The cache keeps the most recently used blocks up to `max_cached_block_bytes`.
"""

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from eventlog.files.assets import get_asset
from eventlog.format.event_codec import decode
from eventlog.format.line_header import read_block
from eventlog.format.paths import SegmentName, parse_segment
from eventlog.read.rebuild_response import stored_body
from eventlog.read.segment_lines import block_with_seq
from projector.limits import Limits

BodyPlace = tuple[str, int]
"""Name of the segment, and seq."""

_Block = tuple[int, list[bytes], int]
"""Seq of the first line, lines, size in bytes."""


def body_reader(root: Path, limits: Limits) -> Callable[[BodyPlace], bytes | None]:
    """Returns a function from a place to the exact bytes of the body of the event there.

    That function returns `null` if the event has no body, and None if the segment has no such
    event. It raises `NotFound` if the segment does not exist and `Corrupt` if it is damaged.
    """
    line_at = _line_reader(root, limits.max_cached_block_bytes)
    asset_of = partial(get_asset, root)

    def body_at(place: BodyPlace) -> bytes | None:
        line = line_at(place)
        return None if line is None else stored_body(decode(line), asset_of) or b"null"

    return body_at


def _line_reader(root: Path, max_bytes: int) -> Callable[[BodyPlace], bytes | None]:
    cache: OrderedDict[BodyPlace, _Block] = OrderedDict()  # by (segment, first seq), last used last
    firsts: dict[str, list[int]] = {}
    size = 0

    def line_at(place: BodyPlace) -> bytes | None:
        nonlocal size
        segment, seq = place
        cached = _cached_line(cache, firsts.get(segment, ()), place)
        if cached is not None:
            return cached
        name = parse_segment(segment)
        block = None if name is None else _read_block(root, name, seq)
        if block is None:
            return None
        cache[segment, block[0]] = block
        insort(firsts.setdefault(segment, []), block[0])
        size += block[2]
        while size > max_bytes and len(cache) > 1:
            size -= _evict_oldest(cache, firsts)
        return block[1][seq - block[0]]

    return line_at


def _cached_line(
    cache: OrderedDict[BodyPlace, _Block], firsts: list[int] | tuple[()], place: BodyPlace
) -> bytes | None:
    """Returns the line at a place; None unless its block is cached.

    `firsts`: the first seqs, ascending, of the cached blocks of the segment.
    """
    segment, seq = place
    index = bisect_right(firsts, seq) - 1
    if index < 0:
        return None
    key = (segment, firsts[index])
    first, lines, _ = cache[key]
    if seq - first >= len(lines):
        return None
    cache.move_to_end(key)
    return lines[seq - first]


def _read_block(root: Path, name: SegmentName, seq: int) -> _Block | None:
    """The block with an event of a segment; None where the segment does not have it."""
    block = block_with_seq(root, name, seq)
    if not block:
        return None
    run = read_block(block, name.source, name.writer, str(name))
    if not run.first_seq <= seq < run.first_seq + len(run.lines):
        return None
    return run.first_seq, run.lines, len(block)


def _evict_oldest(cache: OrderedDict[BodyPlace, _Block], firsts: dict[str, list[int]]) -> int:
    """Removes the block that was used least recently and returns its size in bytes."""
    (segment, first), (_, _, size) = cache.popitem(last=False)
    firsts[segment].remove(first)
    if not firsts[segment]:
        del firsts[segment]
    return size
