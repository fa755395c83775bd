"""Lines: the events at given places of the log, each from its one frame.

    place ──> the block of lines it is in, unless held ──> its line ──> its body

Who asks in the order of places, or goes back by little, has each frame unpacked once.
Held at a time: the blocks that were asked for last, `max_cached_block_bytes` of them.
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

Place = tuple[str, int]
"""Segment, as its name is written, and seq."""

_Block = tuple[int, list[bytes], int]
"""First seq, lines, size in bytes."""


def body_reader(root: Path, limits: Limits) -> Callable[[Place], bytes | None]:
    """What gives the exact bytes that the event at a place holds; `null` where it holds none.

    None where the segment has no such event. Raises `NotFound` where there is no such
    segment, `Corrupt` where it is damaged.
    """
    line_at = _line_reader(root, limits.max_cached_block_bytes)
    asset_of = partial(get_asset, root)

    def body_at(place: Place) -> bytes | None:
        line = line_at(place)
        return None if line is None else stored_body(decode(line), asset_of) or b"null"

    return body_at


def _line_reader(root: Path, most_bytes: int) -> Callable[[Place], bytes | None]:
    held: OrderedDict[Place, _Block] = OrderedDict()  # the one asked for last at the end
    firsts: dict[str, list[int]] = {}
    size = 0

    def line_at(place: Place) -> bytes | None:
        nonlocal size
        segment, seq = place
        found = _held_line(held, firsts.get(segment, ()), place)
        if found is not None:
            return found
        name = parse_segment(segment)
        block = None if name is None else _read_block(root, name, seq)
        if block is None:
            return None
        held[segment, block[0]] = block
        insort(firsts.setdefault(segment, []), block[0])
        size += block[2]
        while size > most_bytes and len(held) > 1:
            size -= _forget_oldest(held, firsts)
        return block[1][seq - block[0]]

    return line_at


def _held_line(
    held: OrderedDict[Place, _Block], firsts: list[int] | tuple[()], place: Place
) -> bytes | None:
    segment, seq = place
    at = bisect_right(firsts, seq) - 1
    if at < 0:
        return None
    key = (segment, firsts[at])
    first, lines, _ = held[key]
    if seq - first >= len(lines):
        return None
    held.move_to_end(key)
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


def _forget_oldest(held: OrderedDict[Place, _Block], firsts: dict[str, list[int]]) -> int:
    """Its size."""
    (segment, first), (_, _, size) = held.popitem(last=False)
    firsts[segment].remove(first)
    if not firsts[segment]:
        del firsts[segment]
    return size
