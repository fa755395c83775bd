"""Tail: the events as they are appended, none lost, none twice.

Per stream it knows the next seq and, for the open segment, how many bytes of it are
shown. Writers note in `state/heads/` how far they are durable; we look there (a
`stat` per stream), go no further than that, and so show nothing that a power cut
could take back. Where a head is missing we stop at the last whole line.
"""

import heapq
import time
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path

import attrs

from eventlog import cursor as cursors
from eventlog.cursor import Cursor, StreamKey
from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.paths import SegmentName, head_path, open_path, parse_segment
from eventlog.prefix import prefix
from eventlog.reader import Record, extents, read_one, read_stream
from eventlog.segments import Head, list_segments, read_head

POLL_S = 0.005
_LIST_EVERY = 40
"""New streams without a head are looked for every so many polls."""


@attrs.define
class _Follow:
    """Where one stream stands."""

    source: str
    writer: str
    next_seq: int
    seen: tuple[int, int, int] | None = None
    """Inode, size and time of the head that was read last."""
    segment: SegmentName | None = None
    offset: int = 0


def follow(
    root: Path,
    start: Cursor,
    *,
    since: int | None = None,
    idle: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Record]:
    """Events after `start`, for ever; of streams it does not name, from their first.

    Each stream in the order of its seqs; streams that have something new at one look
    are merged by time. `since` leaves out what was observed before that instant.
    `idle` is asked, whenever nothing is new, whether to go on. Raises `Corrupt` where
    the log has a hole.
    """
    streams: dict[StreamKey, _Follow] = {
        key: _Follow(*key, mark.seq + 1) for key, mark in start.items()
    }
    turn = 0
    while True:
        if turn % _LIST_EVERY == 0:
            _discover(root, streams)
        turn += 1
        fresh = [_fresh(root, stream, since) for stream in streams.values()]
        silent = True
        for record in heapq.merge(*fresh, key=attrgetter("key")):
            silent = False
            yield record
        if silent:
            if not idle():
                return
            sleep(POLL_S)


def _discover(root: Path, streams: dict[StreamKey, _Follow]) -> None:
    for key in list_streams(root):
        if key not in streams:
            streams[key] = _Follow(*key, 1)


def list_streams(root: Path) -> list[StreamKey]:
    """Every (source, writer) that the log holds something of."""
    return sorted({(each.name.source, each.name.writer) for each in list_segments(root)})


def _fresh(root: Path, stream: _Follow, since: int | None) -> Iterator[Record]:
    """What is new and durable in a stream. It counts as shown when it is taken."""
    path = head_path(root, stream.source, stream.writer)
    try:
        found = path.stat()
    except FileNotFoundError:
        stream.segment = None
        yield from _known(root, stream, since, None)
        return
    stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
    head = read_head(root, stream.source, stream.writer) if stamp != stream.seen else None
    name = parse_segment(head.segment) if head else None
    if head is None or name is None:
        return
    if head.last_seq >= stream.next_seq:
        records = _from_offset(root, stream, name, head) if name == stream.segment else None
        if records is None:
            yield from _known(root, stream, since, head)
        else:
            yield from _taken(stream, records)
        stream.segment, stream.offset = name, head.durable_bytes
    stream.seen = stamp


def _known(root: Path, stream: _Follow, since: int | None, head: Head | None) -> Iterator[Record]:
    """New events by way of the listing; up to the head, where there is one."""
    found = read_stream(root, stream.source, stream.writer, stream.next_seq - 1, since)
    for record in found:
        if head is not None and record.seq > head.last_seq:
            return
        stream.next_seq = record.seq + 1
        yield record
    if head is not None:
        stream.next_seq = max(stream.next_seq, head.last_seq + 1)


def _taken(stream: _Follow, records: list[Record]) -> Iterator[Record]:
    for record in records:
        stream.next_seq = record.seq + 1
        yield record


def _from_offset(root: Path, stream: _Follow, name: SegmentName, head: Head) -> list[Record] | None:
    """The new lines of the open segment we stand in. None if it is gone."""
    try:
        with open_path(root, name).open("rb") as file:
            file.seek(stream.offset)
            data = file.read(head.durable_bytes - stream.offset)
    except FileNotFoundError:
        return None
    lines = data.split(b"\n")
    if lines.pop() or not lines:
        return None
    records = [_record(line, name) for line in lines]
    if [record.seq for record in records] != list(
        range(stream.next_seq, stream.next_seq + len(records))
    ):
        return None
    return records


def _record(line: bytes, name: SegmentName) -> Record:
    head = prefix(line)
    return Record(line, name, head.observed_at, head.writer, head.seq)


def end_of(root: Path) -> Cursor:
    """The cursor behind everything that is durable now."""
    return {
        key: cursors.mark(last.seq, last.line)
        for key in list_streams(root)
        if (last := last_of(root, *key)) is not None
    }


def last_of(root: Path, source: str, writer: str) -> Record | None:
    """The last durable event of a stream."""
    for extent in reversed(extents(root, source, writer)):
        after = (extent.last_seq or extent.first_seq) - 1
        last = None
        for record in read_stream(root, source, writer, after):
            last = record
        if last is not None:
            return last
    return None


def confirm(root: Path, cursor: Cursor) -> None:
    """Check that the log still holds what a cursor says. Raises `Invalid` if not."""
    for (source, writer), mark in cursor.items():
        where = f"cursor of {source}, writer {writer}"
        floor = next(iter(extents(root, source, writer)), None)
        if floor is not None and mark.seq < floor.first_seq - 1:
            raise Invalid(
                f"{where}: seq {mark.seq} is below the oldest segment, which begins with "
                f"seq {floor.first_seq} ({floor.name})",
                "hindlog tail --from beginning",
            )
        try:
            record = read_one(root, source, writer, mark.seq)
        except (NotFound, Corrupt) as error:
            what = f"{where}: the log has no event with seq {mark.seq}: {error.what}"
            raise Invalid(what, "hindlog verify") from error
        if cursors.mark(record.seq, record.line) != mark:
            raise Invalid(
                f"{where}: the event with seq {mark.seq} is another one than the cursor saw",
                "hindlog verify; then hindlog tail --from beginning",
            )
