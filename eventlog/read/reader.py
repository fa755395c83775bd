"""Reads events in the total order; lines exactly as written.

    hour by hour: segment ─┐
                  segment ─┼─ merged by (observed_at, writer, seq) ──> records
                  segment ─┘

Memory: one frame per stream of one hour, independent of the size of the log. Segments and
frames that cannot match, by their manifests, are skipped. A damaged segment is reported to
a callback and does not prevent reading the others.
"""

import heapq
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path

import attrs
import msgspec

from eventlog.catalog.day import DayFolder, SealedFacts
from eventlog.catalog.index import SourceIndex
from eventlog.catalog.lookup import days_between
from eventlog.clock import parse_us
from eventlog.errors import Corrupt, NotFound
from eventlog.files.lost_segments import read_losses, skip_lost
from eventlog.files.stream_lock import is_locked
from eventlog.format.event import Position
from eventlog.format.line_header import line_header, read_block
from eventlog.format.paths import SegmentName
from eventlog.read.block_cache import BlockCache
from eventlog.read.event_filter import (
    EVERYTHING,
    CompiledSelect,
    Select,
    accepts_line,
    compile_select,
    wants_segment,
)
from eventlog.read.segment_lines import read_lines, segment_blocks
from eventlog.read.seq_ranges import OnCorrupt, SeqRange, iterate_seq_ranges, raise_corrupt

_MAX_LISTINGS = 4
"""Number of listings that must show a gap in the seqs before it counts as one."""
_RELIST_AFTER_S = 0.02
"""Pause before the folder is listed again."""


class Record(msgspec.Struct, frozen=True, gc=False):  # Struct, not attrs: a log has millions
    """One event as stored in the log."""

    line: bytes
    """The line without its line feed."""
    segment: SegmentName
    observed_at: str
    writer: str
    seq: int

    @property
    def key(self) -> tuple[str, str, int, str]:
        """Sort key of the total order; the source is last, since streams may share a writer id."""
        return (self.observed_at, self.writer, self.seq, self.segment.source)

    @property
    def position(self) -> Position:
        """The position, with the instant as a number."""
        return Position(parse_us(self.observed_at), self.writer, self.seq)


def read_events(
    root: Path,
    select: Select = EVERYTHING,
    *,
    on_corrupt: OnCorrupt = raise_corrupt,
    backwards: bool = False,
) -> Iterator[Record]:
    """Yields the selected events in the total order, or in reverse order."""
    compiled = compile_select(select)
    days = days_between(root, select.sources, select.since, select.until, backwards=backwards)
    for folders in days:
        yield from day_events(root, folders, compiled, on_corrupt, backwards=backwards)


def day_events(
    root: Path,
    folders: Iterable[DayFolder],
    compiled: CompiledSelect,
    on_corrupt: OnCorrupt = raise_corrupt,
    *,
    backwards: bool = False,
) -> Iterator[Record]:
    """Yields the selected events of one day, given the segments of each source on that day."""
    segments = [
        (name, entry.facts)
        for folder in folders
        for name, entry in folder.segments
        if wants_segment(compiled.select, name)
    ]
    segments.sort(key=_hour, reverse=backwards)
    for _, hour in groupby(segments, key=_hour):
        streams = [
            _records_of_segments(root, sequence, compiled, on_corrupt, backwards)
            for sequence in _sequences(hour)
        ]
        yield from merge(streams, backwards=backwards)


def _hour(segment: tuple[SegmentName, SealedFacts | None]) -> str:
    """Returns the hour in which a segment of a day is."""
    return segment[0].hour


def merge(streams: list[Iterator[Record]], *, backwards: bool = False) -> Iterator[Record]:
    """Merges the records of several streams, each of them ordered, into the total order."""
    if len(streams) == 1:
        return streams[0]
    return heapq.merge(*streams, key=attrgetter("key"), reverse=backwards)


def _sequences(
    hour: Iterable[tuple[SegmentName, SealedFacts | None]],
) -> list[list[SegmentName]]:
    """Groups the segments of an hour into sequences of one stream that do not overlap in time.

    The segments of a sequence are opened one after the other. This matters for imports, which
    write many small segments. An open segment, without facts, is a sequence of its own.
    """
    sequences: list[list[SegmentName]] = []
    ends: dict[tuple[str, str], tuple[int, list[SegmentName]]] = {}
    for name, facts in sorted(hour, key=itemgetter(0)):
        stream = (name.source, name.writer)
        if facts and stream in ends and ends[stream][0] <= facts.first_us:
            sequence = ends[stream][1]
            sequence.append(name)
        else:
            sequence = [name]
            sequences.append(sequence)
        if facts:
            ends[stream] = (facts.last_us, sequence)
    return sequences


def _records_of_segments(
    root: Path,
    names: list[SegmentName],
    compiled: CompiledSelect,
    on_corrupt: OnCorrupt,
    backwards: bool,
) -> Iterator[Record]:
    for name in reversed(names) if backwards else names:
        try:
            yield from segment_records(root, name, compiled, backwards=backwards)
        except Corrupt as error:
            on_corrupt(error)


def segment_records(
    root: Path, name: SegmentName, compiled: CompiledSelect, *, backwards: bool = False
) -> Iterator[Record]:
    """Yields the selected events of one segment, in the order of its lines or in reverse order."""
    for block in segment_blocks(root, name, compiled.select, backwards=backwards):
        records = block_records(block, name, compiled)
        yield from reversed(records) if backwards else records


def block_records(block: bytes, name: SegmentName, compiled: CompiledSelect) -> list[Record]:
    """Returns the selected events of a block of complete lines."""
    writer = name.writer
    parsed = read_block(block, name.source, writer, str(name))
    rows = enumerate(zip(parsed.lines, parsed.observed, strict=True), parsed.first_seq)
    if compiled.takes_all:
        return [Record(line, name, at, writer, seq) for seq, (line, at) in rows]
    return [
        Record(line, name, at, writer, seq)
        for (seq, (line, at)), kind_and_type in zip(rows, parsed.kinds_and_types, strict=True)
        if accepts_line(compiled, line, at, kind_and_type)
    ]


def read_stream(
    root: Path,
    source: str,
    writer: str,
    after_seq: int = 0,
    since: int | None = None,
    *,
    index: SourceIndex | None = None,
) -> Iterator[Record]:
    """Yields the events of one stream with a seq greater than `after_seq`, in seq order.

    `since` omits events observed before that instant. Raises `Corrupt` if seqs are missing
    and their loss was not accepted. `index`: the index of the source, unless it is to be read.
    """
    floor = compile_select(Select(since=since)).since
    expected = after_seq + 1
    listings = 0
    while True:
        try:
            for records in _blocks_from(root, source, writer, expected, since, index):
                expected = records[-1].seq + 1
                yield from (record for record in records if record.observed_at >= floor)
            return
        except _MissingSeq:  # may be caused by sealing during the listing: list again
            listings, index = listings + 1, None
            if listings == _MAX_LISTINGS or (listings > 1 and not is_locked(root, source, writer)):
                raise
            time.sleep(_RELIST_AFTER_S)


def _blocks_from(
    root: Path,
    source: str,
    writer: str,
    expected: int,
    since: int | None,
    index: SourceIndex | None,
) -> Iterator[list[Record]]:
    """Yields the events of a stream from a seq on, block by block, according to one listing."""
    for segment in iterate_seq_ranges(root, source, writer, expected, index=index):
        if segment.last_seq is not None and segment.last_seq < expected:
            continue  # one that overlaps the one before
        if expected == 1:
            expected = segment.first_seq  # the oldest that exists
        if segment.first_seq > expected:  # losses are read only if seqs are missing
            expected = skip_lost(read_losses(root, source, writer), expected)
        if segment.first_seq > expected:
            raise _missing_seq(source, writer, expected, segment)
        if since is not None and segment.last_us is not None and segment.last_us < since:
            expected = (segment.last_seq or 0) + 1
            continue
        for block in segment_blocks(root, segment.name, from_seq=expected):
            records = block_records(block, segment.name, compile_select(EVERYTHING))
            records = [record for record in records if record.seq >= expected]
            if records:
                _check_first(records, expected, segment)
                expected = records[-1].seq + 1
                yield records


def _check_first(records: list[Record], expected: int, segment: SeqRange) -> None:
    """Raises unless the first record has the expected seq. (`read_block` checks the others.)"""
    if records[0].seq != expected:
        actual = attrs.evolve(segment, first_seq=records[0].seq)
        raise _missing_seq(segment.name.source, segment.name.writer, expected, actual)


class _MissingSeq(Corrupt):
    """No segment of a listing contains a seq."""


def _missing_seq(source: str, writer: str, expected: int, actual: SeqRange) -> _MissingSeq:
    return _MissingSeq(
        f"{source}, writer {writer}: expected seq {expected}, found {actual.first_seq} in "
        f"{actual.name}: a segment is missing",
        "hindlog verify",
    )


def read_one(
    root: Path, source: str, writer: str, seq: int, cache: BlockCache | None = None
) -> Record:
    """Returns one event by its position, reading a single block. Raises `NotFound`.

    For many events of a stream, see `lines_by_seq`, which reads the catalog once.
    """
    damages: list[Corrupt] = []
    segments = iterate_seq_ranges(
        root, source, writer, seq, seq, on_corrupt=damages.append, backwards=True
    )
    for segment in segments:
        return read_event_in(root, segment.name, seq, cache)
    if damages:
        raise damages[0]
    raise NotFound(f"{source}, writer {writer}: no event with seq {seq}", "hindlog segment list")


def read_event_in(
    root: Path, name: SegmentName, seq: int, cache: BlockCache | None = None
) -> Record:
    """Returns one event of a segment, reading a single block. Raises `NotFound`."""
    line = read_lines(root, name, [seq], cache).get(seq)
    if line is None:
        raise NotFound(f"{name}: no event with seq {seq}", f"hindlog segment cat {name}")
    return Record(line, name, line_header(line).observed_at, name.writer, seq)
