"""Reading: events in the total order, lines exactly as written.

    hour by hour: segment ─┐
                  segment ─┼─ merged by (observed_at, writer, seq) ──> records
                  segment ─┘

Memory is one frame per stream of one hour, whatever the size of the log. Manifests
and their frame indexes skip what cannot match. A damaged segment is refused by name
and never stops the others.
"""

import heapq
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import attrs
import msgspec

from eventlog.clock import parse_us
from eventlog.errors import Corrupt, NotFound
from eventlog.files.listing import SegmentFiles, list_segments, read_manifest
from eventlog.files.lost_segments import read_losses, skip_lost
from eventlog.files.stream_lock import is_locked
from eventlog.format.event import Position
from eventlog.format.line_header import read_block
from eventlog.format.paths import SegmentName, manifest_path, open_path
from eventlog.read.event_filter import EVERYTHING, Filter, Select, chosen, ready, wants_segment
from eventlog.read.segment_lines import block_at, first_seq, segment_blocks

_LOOKS = 4
"""So often a folder is listed before a hole is called one."""
_LOOK_AGAIN_S = 0.02

Refuse = Callable[[Corrupt], None]
"""What is done about a damaged segment, while the others are read on."""


class Record(msgspec.Struct, frozen=True, gc=False):  # a Struct: a log has millions
    """One event, as it stands in the log."""

    line: bytes
    """Without its line feed."""
    segment: SegmentName
    observed_at: str
    writer: str
    seq: int

    @property
    def key(self) -> tuple[str, str, int, str]:
        """The total order; the source last, since writers may share an id across sources."""
        return (self.observed_at, self.writer, self.seq, self.segment.source)

    @property
    def position(self) -> Position:
        """The place in the total order, in numbers."""
        return Position(parse_us(self.observed_at), self.writer, self.seq)


def raise_it(error: Corrupt) -> None:
    """Refuse a damaged segment by ending the reading."""
    raise error


def skip_it(error: Corrupt) -> None:
    """Pass over a damaged segment: `verify` names it."""


def read_events(
    root: Path,
    select: Select = EVERYTHING,
    *,
    refuse: Refuse = raise_it,
    backwards: bool = False,
) -> Iterator[Record]:
    """The events wanted, in the total order, or in its reverse."""
    wanted = ready(select)
    listed = [each.name for each in list_segments(root) if wants_segment(select, each.name)]
    listed.sort(key=lambda name: (name.date, name.hour), reverse=backwards)
    for _, hour in groupby(listed, key=lambda name: (name.date, name.hour)):
        streams = [
            _chain_records(root, chain, wanted, refuse, backwards)
            for chain in _chains(root, list(hour))
        ]
        yield from merge(streams, backwards=backwards)


def merge(streams: list[Iterator[Record]], *, backwards: bool = False) -> Iterator[Record]:
    """Records of several streams, each in order, in the total order."""
    if len(streams) == 1:
        return streams[0]
    return heapq.merge(*streams, key=attrgetter("key"), reverse=backwards)


def _chains(root: Path, hour: list[SegmentName]) -> list[list[SegmentName]]:
    """The segments of an hour, those in a row that follow each other in time.

    So many small segments of one stream (imports) are open one after the other.
    """
    chains: list[list[SegmentName]] = []
    ends: dict[tuple[str, str], tuple[int, list[SegmentName]]] = {}
    for name in sorted(hour):
        stream = (name.source, name.writer)
        times = _times(root, name)
        if times and stream in ends and ends[stream][0] <= times[0]:
            chain = ends[stream][1]
            chain.append(name)
        else:
            chain = [name]
            chains.append(chain)
        if times:
            ends[stream] = (times[1], chain)
    return chains


def _times(root: Path, name: SegmentName) -> tuple[int, int] | None:
    """When a sealed segment begins and ends. None for open and for damaged ones."""
    try:
        found = read_manifest(root, name)
    except (FileNotFoundError, Corrupt):
        return None
    return found.first_us, found.last_us


def _chain_records(
    root: Path, chain: list[SegmentName], wanted: Filter, refuse: Refuse, backwards: bool
) -> Iterator[Record]:
    for name in reversed(chain) if backwards else chain:
        try:
            yield from segment_records(root, name, wanted, backwards=backwards)
        except Corrupt as error:
            refuse(error)


def segment_records(
    root: Path, name: SegmentName, wanted: Filter, *, backwards: bool = False
) -> Iterator[Record]:
    """The events wanted of one segment, in the order of its lines or in its reverse."""
    for block in segment_blocks(root, name, wanted.select, backwards=backwards):
        found = block_records(block, name, wanted)
        yield from reversed(found) if backwards else found


def block_records(block: bytes, name: SegmentName, wanted: Filter) -> list[Record]:
    """The events wanted of some whole lines."""
    writer = name.writer
    run = read_block(block, name.source, writer, str(name))
    rows = enumerate(zip(run.lines, run.observed, strict=True), run.first_seq)
    if wanted.takes_all:
        return [Record(line, name, at, writer, seq) for seq, (line, at) in rows]
    return [
        Record(line, name, at, writer, seq)
        for (seq, (line, at)), sort in zip(rows, run.kinds_and_types, strict=True)
        if chosen(wanted, line, at, sort)
    ]


@attrs.frozen
class Extent:
    """Which seqs a segment holds."""

    name: SegmentName
    first_seq: int
    last_seq: int | None
    """None for an open segment: it grows."""
    last_us: int | None = None


def extents(root: Path, source: str, writer: str, refuse: Refuse = raise_it) -> list[Extent]:
    """The segments of a stream in the order of their seqs."""
    found: list[Extent] = []
    for each in list_segments(root, source, writer):
        try:
            extent = _extent(root, each)
        except Corrupt as error:
            refuse(error)
        else:
            found += [extent] if extent else []
    return sorted(found, key=lambda extent: extent.first_seq)


def _extent(root: Path, files: SegmentFiles) -> Extent | None:
    name = files.name
    if not files.is_sealed:
        try:
            with open_path(root, name).open("rb") as file:
                seq = first_seq(file)
            return Extent(name, seq, None) if seq is not None else None
        except FileNotFoundError:
            if not manifest_path(root, name).exists():
                return None  # a .zst alone: verify names it
    return _sealed_extent(root, name)


@lru_cache(maxsize=1 << 16)  # sealed segments never change
def _sealed_extent(root: Path, name: SegmentName) -> Extent:
    manifest = read_manifest(root, name)
    return Extent(name, manifest.first_seq, manifest.last_seq, manifest.last_us)


def read_stream(
    root: Path, source: str, writer: str, after_seq: int = 0, since: int | None = None
) -> Iterator[Record]:
    """The events of one stream with a seq greater than `after_seq`, in seq order.

    `since` leaves out what was observed before that instant. Raises `Corrupt` at a
    hole: a segment is missing.
    """
    floor = ready(Select(since=since)).since
    expected = after_seq + 1
    looks = 0
    while True:
        try:
            for records in _onwards(root, source, writer, expected, since):
                expected = records[-1].seq + 1
                yield from (each for each in records if each.observed_at >= floor)
            return
        except _Hole:  # segments come and go while a folder is listed: look again first
            looks += 1
            if looks == _LOOKS or (looks > 1 and not is_locked(root, source, writer)):
                raise
            time.sleep(_LOOK_AGAIN_S)


def _onwards(
    root: Path, source: str, writer: str, expected: int, since: int | None
) -> Iterator[list[Record]]:
    """The events of a stream from a seq on, block by block, as one listing has them."""
    for extent in extents(root, source, writer):
        if extent.last_seq is not None and extent.last_seq < expected:
            continue
        if expected == 1:
            expected = extent.first_seq  # from the oldest there is
        if extent.first_seq > expected:  # looked up where something is missing, not before
            expected = skip_lost(read_losses(root, source, writer), expected)
        if extent.first_seq > expected:
            raise _hole(source, writer, expected, extent)
        if since is not None and extent.last_us is not None and extent.last_us < since:
            expected = (extent.last_seq or 0) + 1
            continue
        for block in segment_blocks(root, extent.name, from_seq=expected):
            records = block_records(block, extent.name, ready(EVERYTHING))
            records = [each for each in records if each.seq >= expected]
            if records:
                _check_run(records, expected, extent)
                expected = records[-1].seq + 1
                yield records


def _check_run(records: list[Record], expected: int, extent: Extent) -> None:
    """Lines of a stream count on by one: within a block that was seen already."""
    if records[0].seq != expected:
        found = attrs.evolve(extent, first_seq=records[0].seq)
        raise _hole(extent.name.source, extent.name.writer, expected, found)


class _Hole(Corrupt):
    """A seq that no segment of a listing holds."""


def _hole(source: str, writer: str, expected: int, found: Extent) -> _Hole:
    return _Hole(
        f"{source}, writer {writer}: expected seq {expected}, found {found.first_seq} in "
        f"{found.name}: a segment is missing",
        "hindlog verify",
    )


def read_one(root: Path, source: str, writer: str, seq: int) -> Record:
    """One event by its position, without reading the rest. Raises `NotFound`."""
    damages: list[Corrupt] = []
    for extent in reversed(extents(root, source, writer, damages.append)):
        if extent.first_seq <= seq and (extent.last_seq is None or seq <= extent.last_seq):
            return read_at(root, extent.name, seq)
    if damages:
        raise damages[0]
    raise NotFound(f"{source}, writer {writer}: no event with seq {seq}", "hindlog segment list")


def read_at(root: Path, name: SegmentName, seq: int) -> Record:
    """One event of a known segment, from its one frame. Raises `NotFound`."""
    block = block_at(root, name, seq)
    if block:
        run = read_block(block, name.source, name.writer, str(name))
        if run.first_seq <= seq < run.first_seq + len(run.lines):
            at = seq - run.first_seq
            return Record(run.lines[at], name, run.observed[at], name.writer, seq)
    raise NotFound(f"{name}: no event with seq {seq}", f"hindlog segment cat {name}")
