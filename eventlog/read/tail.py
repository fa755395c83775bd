"""Tail: the events as they are appended, none lost, none twice.

Per stream it knows the next seq and, for the open segment, how many bytes of it are
shown. Writers note in `state/heads/` how far they are durable; we look there (a
look per stream), go no further than that, and so show nothing that a power cut
could take back. Where a head is missing we go as far as recovery would.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import attrs

from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.files.heads import Head, read_head
from eventlog.files.listing import list_segments, list_streams
from eventlog.files.lost_segments import read_losses, skip_lost
from eventlog.format.paths import SegmentName, open_path, parse_segment
from eventlog.format.valid_lines import valid_prefix
from eventlog.read import cursor as cursors
from eventlog.read.cursor import Cursor, StreamKey
from eventlog.read.event_filter import EVERYTHING, Select, ready
from eventlog.read.reader import (
    Record,
    block_records,
    extents,
    merge,
    read_one,
    read_stream,
    skip_it,
)
from eventlog.read.segment_lines import first_blocks, first_seq

POLL_S = 0.005
_LIST_EVERY = 40
"""New streams, and what streams without a head hold, are looked for every so many polls."""


@attrs.define
class _Follow:
    """Where one stream stands."""

    source: str
    writer: str
    next_seq: int
    seen: Head | None = None
    """The head that was read last."""
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
        look = turn % _LIST_EVERY == 0
        if look:
            _discover(root, streams)
        turn += 1
        news = [_fresh(root, stream, since, look) for stream in streams.values()]
        fresh = [each for each in news if each is not None]
        silent = True
        for record in merge(fresh) if fresh else ():
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


def _fresh(root: Path, stream: _Follow, since: int | None, look: bool) -> Iterator[Record] | None:
    """What is new and durable in a stream. It counts as shown when it is taken."""
    head = read_head(root, stream.source, stream.writer)
    if head is None:
        stream.segment = stream.seen = None
        return _known(root, stream, since, None) if look else None
    return None if head == stream.seen else _up_to(root, stream, since, head)


def _up_to(root: Path, stream: _Follow, since: int | None, head: Head) -> Iterator[Record]:
    """New events as far as the head says."""
    name = parse_segment(head.segment)
    if name is not None and name == stream.segment:
        with suppress(FileNotFoundError, Corrupt):  # sealed meanwhile, or no longer the same
            yield from _from_offset(root, stream, since, name, head)
    if stream.next_seq <= head.last_seq:
        yield from _known(root, stream, since, head)
    stream.seen = head
    if stream.next_seq == head.last_seq + 1:
        stream.segment, stream.offset = name, head.durable_bytes


def _from_offset(
    root: Path, stream: _Follow, since: int | None, name: SegmentName, head: Head
) -> Iterator[Record]:
    """The new lines of the open segment we stand in."""
    wanted = ready(Select(since=since))
    with open_path(root, name).open("rb") as file:
        file.seek(stream.offset)
        for block in first_blocks(file, head.durable_bytes - stream.offset):
            records = block_records(block, name, ready(EVERYTHING))
            for record in records:
                if record.seq != stream.next_seq:
                    return
                stream.next_seq += 1
                if record.observed_at >= wanted.since:
                    yield record


def _known(root: Path, stream: _Follow, since: int | None, head: Head | None) -> Iterator[Record]:
    """New events by way of the listing; up to the head, where there is one."""
    for record in read_stream(root, stream.source, stream.writer, stream.next_seq - 1, since):
        if head is not None and record.seq > head.last_seq:
            break
        stream.next_seq = record.seq + 1
        yield record
    if head is not None and stream.next_seq <= head.last_seq:
        with suppress(NotFound):  # the head knows more than the log: it is not believed
            read_one(root, stream.source, stream.writer, head.last_seq)
            stream.next_seq = head.last_seq + 1  # what lies between is before `since`


def end_of(root: Path) -> Cursor:
    """The cursor behind everything that is durable now."""
    return {
        key: cursors.mark(last.seq, last.line)
        for key in list_streams(root)
        if (last := last_of(root, *key)) is not None
    }


def last_of(root: Path, source: str, writer: str) -> Record | None:
    """The last durable event of a stream."""
    for extent in reversed(extents(root, source, writer, skip_it)):
        after = (extent.last_seq or extent.first_seq) - 1
        last = None
        for record in read_stream(root, source, writer, after):
            last = record
        if last is not None:
            return last
    return None


def confirm(root: Path, cursor: Cursor) -> None:
    """Check that the log still holds what a cursor says, accepted losses aside.

    Raises `Invalid` if not.
    """
    for (source, writer), mark in cursor.items():
        where = f"cursor of {source}, writer {writer}"
        if skip_lost(read_losses(root, source, writer), mark.seq) > mark.seq:
            continue  # what it saw is lost, and known to be
        floor = next(iter(extents(root, source, writer, skip_it)), None)
        if floor is not None and mark.seq < floor.first_seq:
            raise Invalid(
                f"{where}: seq {mark.seq} is below the oldest segment, which begins with "
                f"seq {floor.first_seq} ({floor.name})",
                "hindlog tail --from beginning",
            )
        try:
            line = _seen(root, source, writer, mark.seq)
        except (NotFound, Corrupt) as error:
            what = f"{where}: the log has no event with seq {mark.seq}: {error.what}"
            raise Invalid(what, "hindlog verify") from error
        if cursors.mark(mark.seq, line) != mark:
            raise Invalid(
                f"{where}: the event with seq {mark.seq} is another one than the cursor saw",
                "hindlog verify; then hindlog tail --from beginning",
            )


def _seen(root: Path, source: str, writer: str, seq: int) -> bytes:
    """The line that a cursor saw, also where a head of another time does not know it.

    It was durable then: a `state/` that was put back does not unmake it.
    """
    try:
        return read_one(root, source, writer, seq).line
    except (NotFound, Corrupt):
        line = _written(root, source, writer, seq)
        if line is None:
            raise
        return line


def _written(root: Path, source: str, writer: str, seq: int) -> bytes | None:
    """A whole line of an open segment, whatever the head says."""
    unsealed = (each.name for each in list_segments(root, source, writer) if each.is_open)
    for name in unsealed:
        with suppress(FileNotFoundError), open_path(root, name).open("rb") as file:
            first = first_seq(file)
            if first is not None and first <= seq <= valid_prefix(file, name, first - 1).last_seq:
                file.seek(0)
                return next(islice(file, seq - first, None)).rstrip(b"\n")
    return None


__all__ = ["confirm", "end_of", "follow", "last_of", "list_streams"]
