"""Follows the log: yields events as they are appended, each exactly once.

Per stream, the tail knows the next seq and the offset in the open segment. Writers store in
`state/heads/` up to where their stream is durable. The tail polls these heads and reads no
further, so it yields nothing that a power failure could revoke. Without a head, it reads as
far as recovery would.

    poll        one `stat` per head; it is read if it may have changed
    listing     every 0.2 s: the timestamps of few folders, and of open segments without a head

While nothing happens, the pause between two polls grows from 5 to 20 ms.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, FolderTimes
from eventlog.catalog.file_watch import REAL_STAMPS, FileWatch, StampTimes, may_have_changed
from eventlog.catalog.index import SourceIndex, read_index, read_indexes
from eventlog.catalog.lookup import find_open_segments, streams_of
from eventlog.catalog.stream_watch import StreamWatch, poll_streams
from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.files.heads import Head, read_head
from eventlog.files.listing import list_segments
from eventlog.files.lost_segments import read_losses, skip_lost
from eventlog.format.paths import SegmentName, head_path, open_path, parse_segment
from eventlog.format.valid_lines import first_seq, valid_prefix
from eventlog.read import cursor as cursors
from eventlog.read.cursor import Cursor, StreamKey
from eventlog.read.event_filter import EVERYTHING, Select, compile_select
from eventlog.read.reader import Record, block_records, merge, read_one, read_stream
from eventlog.read.segment_lines import blocks_from_start
from eventlog.read.seq_ranges import ignore_corrupt, iterate_seq_ranges

POLL_S = 0.005
"""Pause between two polls of the heads after an event."""
IDLE_POLL_S = 0.02
"""Longest pause, which is reached 0.75 s after the last event."""
_GROWTH = 1.02
"""Ratio of a pause to the one before."""
_LIST_EVERY_S = 0.2
"""Pauses between two listings, which find new streams and events without a head."""


@attrs.define
class _Progress:
    """How far the tail has read a stream."""

    source: str
    writer: str
    next_seq: int
    head_file: FileWatch
    last_head: Head | None = None
    """The head that was processed last."""
    segment: SegmentName | None = None
    """The open segment in which the tail continues at `offset`; None: look it up."""
    offset: int = 0
    open_files: Sequence[FileWatch] | None = None
    """The open segments of a stream without a head; None: look them up."""


def follow(
    root: Path,
    start: Cursor,
    *,
    since: int | None = None,
    idle: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    times: StampTimes = REAL_STAMPS,
    folder_times: FolderTimes = REAL_TIMES,
) -> Iterator[Record]:
    """Yields events after `start` without end; streams not in `start` from their first event.

    Each stream is in seq order; streams with new events in the same poll are merged by time.
    `since` omits events observed before that instant. `idle` is called whenever there is no
    new event, and returns whether to continue. Raises `Corrupt` if the log has a gap.
    """
    streams = {key: _begin(root, key, mark.seq + 1, times) for key, mark in start.items()}
    watch = StreamWatch(root, folder_times)
    pause_s, unlisted_s = POLL_S, _LIST_EVERY_S
    while True:
        is_listing = unlisted_s >= _LIST_EVERY_S
        listed = poll_streams(watch) if is_listing else []
        for key in listed:
            if key not in streams:
                streams[key] = _begin(root, key, 1, times)
        unlisted_s = pause_s + (0 if is_listing else unlisted_s)
        per_stream = [
            _new_events(root, stream, since, is_listing, bool(listed))
            for stream in streams.values()
        ]
        new = [events for events in per_stream if events is not None]
        is_idle = True
        for record in merge(new) if new else ():
            is_idle = False
            yield record
        if is_idle:
            if not idle():
                return
            sleep(pause_s)
        pause_s = min(pause_s * _GROWTH, IDLE_POLL_S) if is_idle else POLL_S


def _begin(root: Path, key: StreamKey, next_seq: int, times: StampTimes) -> _Progress:
    return _Progress(*key, next_seq, FileWatch(head_path(root, *key), times))


def _new_events(
    root: Path, stream: _Progress, since: int | None, is_listing: bool, is_listed: bool
) -> Iterator[Record] | None:
    """Returns the new durable events of a stream; None if there are none.

    Consuming the iterator advances the progress. `is_listing`: streams without a head are read,
    too, if their open segments may have changed. `is_listed`: or if folders may have.
    """
    if may_have_changed(stream.head_file):
        head = read_head(root, stream.source, stream.writer)
        if head is not None:
            stream.open_files = None
            return None if head == stream.last_head else _up_to(root, stream, since, head)
        stream.segment = stream.last_head = None
    if stream.last_head is None and is_listing and (_has_grown(stream) or is_listed):
        return _without_head(root, stream, since)
    return None


def _has_grown(stream: _Progress) -> bool:
    """Whether an open segment of a stream without a head may have new lines."""
    if stream.open_files is None:
        return True
    return sum(map(may_have_changed, stream.open_files)) > 0  # no `any`: it would poll only some


def _without_head(root: Path, stream: _Progress, since: int | None) -> Iterator[Record]:
    """Yields new events of a stream without a head; afterwards its open segments are watched."""
    known = {file.path: file for file in stream.open_files or ()}
    names = find_open_segments(root, stream.source, stream.writer)
    paths = [open_path(root, name) for name in names]
    times = stream.head_file.times
    stream.open_files = [known.get(path) or FileWatch(path, times) for path in paths]
    _has_grown(stream)  # new stamps are seen before the files are read
    yield from _from_listing(root, stream, since, None)


def _up_to(root: Path, stream: _Progress, since: int | None, head: Head) -> Iterator[Record]:
    """Yields new events up to the head."""
    name = parse_segment(head.segment)
    if name is not None and name == stream.segment:
        with suppress(FileNotFoundError, Corrupt):  # sealed or replaced meanwhile
            yield from _from_offset(root, stream, since, name, head)
    if stream.next_seq <= head.last_seq:
        yield from _from_listing(root, stream, since, head)
    stream.last_head = head
    if stream.next_seq == head.last_seq + 1:
        stream.segment, stream.offset = name, head.durable_bytes


def _from_offset(
    root: Path, stream: _Progress, since: int | None, name: SegmentName, head: Head
) -> Iterator[Record]:
    """Yields the new events of the open segment, from the offset on."""
    compiled = compile_select(Select(since=since))
    with open_path(root, name).open("rb") as file:
        file.seek(stream.offset)
        for block in blocks_from_start(file, head.durable_bytes - stream.offset):
            records = block_records(block, name, compile_select(EVERYTHING))
            for record in records:
                if record.seq != stream.next_seq:
                    return
                stream.next_seq += 1
                if record.observed_at >= compiled.since:
                    yield record


def _from_listing(
    root: Path, stream: _Progress, since: int | None, head: Head | None
) -> Iterator[Record]:
    """Yields new events by listing the segments; up to the head, if there is one."""
    for record in read_stream(root, stream.source, stream.writer, stream.next_seq - 1, since):
        if head is not None and record.seq > head.last_seq:
            break
        stream.next_seq = record.seq + 1
        yield record
    if head is not None and stream.next_seq <= head.last_seq:
        with suppress(NotFound):  # a head beyond the log is ignored
            read_one(root, stream.source, stream.writer, head.last_seq)
            stream.next_seq = head.last_seq + 1  # the events in between are before `since`


def end_of(root: Path, times: FolderTimes = REAL_TIMES) -> Cursor:
    """Returns the cursor after everything that is durable now."""
    return {
        key: cursors.mark(last.seq, last.line)
        for index in read_indexes(root, times)
        for key in streams_of([index])
        if (last := last_event(root, *key, index)) is not None
    }


def last_event(
    root: Path, source: str, writer: str, index: SourceIndex | None = None
) -> Record | None:
    """Returns the last durable event of a stream, or None if there is none.

    `index`: the index of the source, unless it is to be read.
    """
    index = index or read_index(root, source)
    segments = iterate_seq_ranges(
        root, source, writer, on_corrupt=ignore_corrupt, backwards=True, index=index
    )
    for segment in segments:
        after = (segment.last_seq or segment.first_seq) - 1
        last = None
        for record in read_stream(root, source, writer, after, index=index):
            last = record
        if last is not None:
            return last
    return None


def check_cursor(root: Path, cursor: Cursor) -> None:
    """Raises `Invalid` unless the log contains the last events of a cursor.

    Events whose loss was accepted need not exist.
    """
    for (source, writer), mark in cursor.items():
        where = f"cursor of {source}, writer {writer}"
        if skip_lost(read_losses(root, source, writer), mark.seq) > mark.seq:
            continue  # its last event is in an accepted loss
        segments = iterate_seq_ranges(root, source, writer, on_corrupt=ignore_corrupt)
        oldest = next(segments, None)
        if oldest is not None and mark.seq < oldest.first_seq:
            raise Invalid(
                f"{where}: seq {mark.seq} is before the oldest segment, which begins with "
                f"seq {oldest.first_seq} ({oldest.name})",
                "hindlog tail --from beginning",
            )
        try:
            line = _marked_line(root, source, writer, mark.seq)
        except (NotFound, Corrupt) as error:
            message = f"{where}: the log has no event with seq {mark.seq}: {error.what}"
            raise Invalid(message, "hindlog verify") from error
        if cursors.mark(mark.seq, line) != mark:
            raise Invalid(
                f"{where}: the event with seq {mark.seq} differs from the one in the cursor",
                "hindlog verify; then hindlog tail --from beginning",
            )


def _marked_line(root: Path, source: str, writer: str, seq: int) -> bytes:
    """Returns the last line of a cursor, even if it is beyond the head.

    It was durable when the cursor was made. An older `state/` that was restored from a backup
    does not invalidate it.
    """
    try:
        return read_one(root, source, writer, seq).line
    except (NotFound, Corrupt):
        line = _line_beyond_head(root, source, writer, seq)
        if line is None:
            raise
        return line


def _line_beyond_head(root: Path, source: str, writer: str, seq: int) -> bytes | None:
    """Returns a complete line of an open segment, ignoring the head; None if there is none."""
    unsealed = (files.name for files in list_segments(root, source, writer) if files.is_open)
    for name in unsealed:
        with suppress(FileNotFoundError), open_path(root, name).open("rb") as file:
            first = first_seq(file)
            if first is not None and first <= seq <= valid_prefix(file, name, first - 1).last_seq:
                file.seek(0)
                return next(islice(file, seq - first, None)).rstrip(b"\n")
    return None
