"""Appends batches of events to a stream: assigns positions, writes, fsyncs.

    drafts → positions → lines → one write → fsync → head → acknowledged

A batch is built when its first seq is known, because a page event contains the seqs of its
entity events. A failed fsync ends the stream: afterwards it is unknown which bytes are on
disk, and a second fsync could succeed without having written them.
"""

import logging
from collections.abc import Callable, Sequence

import attrs

from eventlog.clock import DAY, MINUTE, format_us, hour_start
from eventlog.errors import Invalid, LocalResource
from eventlog.files.disk import check_free_space, write_all
from eventlog.format import manifest as manifests
from eventlog.format.event import HEARTBEAT, MAX_LINE_BYTES, Draft, EntityBatch, Position
from eventlog.format.event_codec import encode, encode_entity_batch
from eventlog.format.paths import SegmentName, open_path
from eventlog.write.stream import OpenSegment, Stream, open_segment, restore_head, roll, write_head

_LOGGER = logging.getLogger(__name__)

BuildBatch = Callable[[int, int], Sequence[Draft | EntityBatch]]
"""Returns the events of a batch, from the seq of its first event and the instant observed."""

QUIET_US = 5 * MINUTE
"""Time since the start of an hour after which a writer without events appends a heartbeat."""


@attrs.frozen
class Appended:
    """A batch that was appended and is durable."""

    first: Position
    last: Position
    segment: SegmentName
    sha256: str
    """SHA-256 of the last line, without its line feed; indexes store it with its position."""
    draft_lines: Sequence[tuple[int, bytes]] = attrs.field(repr=False)
    """Seq and line, with its line feed, of each event passed as `Draft`."""


def append(
    stream: Stream, builds: Sequence[BuildBatch], observed_at: int | None = None
) -> list[Appended]:
    """Appends batches in one write and one fsync; they are durable on return.

    `observed_at` is for imports, whose events were observed earlier. Without it, the current
    instant is used, but never one before the previous event or before the open hour. Raises
    what a build raises, or `LocalResource` if the disk or the clock is at fault; then none
    of the batches is in the log.
    """
    with stream.mutex:
        return write_composed(stream, compose(stream, builds, observed_at))


@attrs.frozen
class ComposedBatch:
    """Batches with their positions, not written yet. They must be the next to be written."""

    segment: OpenSegment
    first_seq: int
    data: bytes = attrs.field(repr=False)
    done: list[Appended]
    last_seq: int
    at: int


def compose(
    stream: Stream, builds: Sequence[BuildBatch], observed_at: int | None = None
) -> ComposedBatch:
    """First half of `append`: everything except writing and fsyncing.

    Raises what a build raises; then the stream is unchanged, except for rolling.
    """
    check_ready(stream)
    at = _instant(stream) if observed_at is None else observed_at
    segment = _segment_for(stream, at)
    data, done, last_seq = encode_batches(stream, builds, at, segment.name)
    return ComposedBatch(segment, stream.last_seq + 1, data, done, last_seq, at)


def encode_batches(
    stream: Stream, builds: Sequence[BuildBatch], at: int, segment: SegmentName
) -> tuple[bytes, list[Appended], int]:
    """Returns the lines of batches that follow the end of the stream, what describes each
    batch, and the last seq. Raises what a build raises; the stream is unchanged."""
    pieces: list[bytes] = []
    done: list[Appended] = []
    seq = stream.last_seq
    for build in builds:
        count, lines, piece = _batch(stream, build, seq + 1, at)
        last_line = piece[piece.rfind(b"\n", 0, -1) + 1 : -1]
        first, last = (Position(at, stream.writer, end) for end in (seq + 1, seq + count))
        done.append(Appended(first, last, segment, manifests.digest(last_line), lines))
        pieces.append(piece)
        seq += count
    return b"".join(pieces), done, seq


def write_composed(stream: Stream, composed: ComposedBatch) -> list[Appended]:
    """Second half of `append`: writes and fsyncs; the batches are durable on return.

    Raises `Invalid` if the stream has changed since the batches were composed.
    """
    if composed.data:
        if composed.first_seq != stream.last_seq + 1 or stream.segment is not composed.segment:
            raise Invalid(
                f"{stream.source}: the stream has changed since the batches were composed"
            )
        restore_head(stream)
        _write(stream, composed.segment, composed.data)
        stream.last_seq, stream.last_observed = composed.last_seq, composed.at
        write_head(stream)
        _LOGGER.debug(
            "wrote events %d to %d of %s, %d bytes",
            composed.first_seq,
            composed.last_seq,
            composed.segment.name,
            len(composed.data),
        )
    return composed.done


def check_ready(stream: Stream) -> None:
    """Raises `LocalResource` after a disk error, or if the disk is nearly full."""
    check_not_broken(stream)
    check_free_space(stream.disk, stream.root)


def check_not_broken(stream: Stream) -> None:
    """Raises `LocalResource` after a disk error."""
    if stream.broken:
        raise LocalResource(f"{stream.source}: the log accepts no more events after a disk error")


def _batch(
    stream: Stream, build: BuildBatch, first: int, at: int
) -> tuple[int, list[tuple[int, bytes]], bytes]:
    """Returns the number of events of a batch, the lines of its drafts, and all lines joined."""
    pieces: list[bytes] = []
    draft_lines: list[tuple[int, bytes]] = []
    seq, instant = first, format_us(at)
    for event in build(first, at):
        if isinstance(event, EntityBatch):
            pieces.append(_batch_lines(stream, event, seq, instant))
            seq += len(event.ids)
        else:
            pieces.append(_line(stream, event, seq, instant))
            draft_lines.append((seq, pieces[-1]))
            seq += 1
    if seq == first:
        raise Invalid("expected a batch with at least one event")
    piece = b"".join(pieces)
    if len(piece) > MAX_LINE_BYTES:
        _check_lines(piece)
    return seq - first, draft_lines, piece


def _check_lines(piece: bytes) -> None:
    longest = max(map(len, piece.split(b"\n"))) + 1
    if longest > MAX_LINE_BYTES:
        raise Invalid(
            f"an event of {longest} bytes: expected at most {MAX_LINE_BYTES}",
            "store bodies of this size in assets/",
        )


def _batch_lines(stream: Stream, event: EntityBatch, seq: int, at: str) -> bytes:
    source, writer = stream.source, stream.writer
    return encode_entity_batch(event, source=source, writer=writer, first_seq=seq, observed_at=at)


def _line(stream: Stream, event: Draft, seq: int, at: str) -> bytes:
    source, writer = stream.source, stream.writer
    return encode(event, source=source, writer=writer, seq=seq, observed_at=at)


def _instant(stream: Stream) -> int:
    """Returns the current instant, but none before the last event or the open hour."""
    now = stream.clock()
    floor = stream.segment.starts_at if stream.segment else 0
    at = max(now, stream.last_observed, floor)
    if at > now + MINUTE:
        raise LocalResource(
            f"{stream.source}: the log ends at {format_us(at)}, but the clock says "
            f"{format_us(now)}",
            "set the clock of this machine, then start again",
        )
    return at


def check_upstream_clock(observed_at: int, upstream: int) -> None:
    """Raises `LocalResource` if the clock is more than a day ahead of upstream's `Date`."""
    if observed_at > upstream + DAY:
        raise LocalResource(
            f"the clock says {format_us(observed_at)}, upstream says {format_us(upstream)}",
            "set the clock of this machine, then start again",
        )


def _segment_for(stream: Stream, at: int) -> OpenSegment:
    """Returns the open segment for an event of this instant; rolls to a new one if necessary."""
    segment = stream.segment
    if segment is not None and _fits(stream, segment, at):
        return segment
    roll(stream)
    stream.segment = open_segment(stream, at)
    return stream.segment


def _fits(stream: Stream, segment: OpenSegment, at: int) -> bool:
    """Whether an event of this instant may be appended to an open segment."""
    return (
        hour_start(at) == segment.starts_at
        and (at >= stream.last_observed or not segment.size)
        and segment.size < stream.segment_bytes
    )


def _write(stream: Stream, segment: OpenSegment, data: bytes) -> None:
    try:
        write_all(stream.disk, segment.handle, data)
    except OSError as error:
        _truncate_back(stream, segment)
        raise LocalResource(
            f"{open_path(stream.root, segment.name)}: {error.strerror}; the batch was not stored",
            "free some disk space, then start again",
        ) from error
    try:
        stream.disk.fsync(segment.handle)
    except OSError as error:
        stream.broken = True  # never retried: the kernel may have dropped the pages
        raise LocalResource(
            f"{open_path(stream.root, segment.name)}: fsync: {error.strerror}",
            "check the disk, then start again: recovery continues after the last durable event",
        ) from error
    segment.size += len(data)


def _truncate_back(stream: Stream, segment: OpenSegment) -> None:
    """Removes a half-written batch from the open segment."""
    try:
        stream.disk.truncate(segment.handle, segment.size)
        stream.disk.fsync(segment.handle)
    except OSError:
        stream.broken = True  # recovery removes the torn tail at the next start


def append_heartbeat(stream: Stream) -> list[Appended]:
    """Appends an event that shows that the writer was running, so that the hour is no gap."""
    return append(stream, [lambda _seq, _at: [Draft(kind=HEARTBEAT)]])


def roll_and_heartbeat(stream: Stream) -> None:
    """Rolls a segment whose hour is over, and appends a heartbeat in an hour without events.

    A running writer calls this periodically.
    """
    with stream.mutex:
        now = stream.clock()
        hour = hour_start(now)
        if stream.segment is not None and stream.segment.starts_at < hour:
            roll(stream)
        if stream.last_observed < hour and now >= hour + QUIET_US:
            append_heartbeat(stream)
