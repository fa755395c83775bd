"""Appending: batches of events get their positions, and are durable when it says so.

    drafts → positions → lines → one write → fsync → head → acknowledged

A batch is built when its first seq is known, because a page names the events that
hold its entities. A failed fsync ends the stream: what the kernel then holds is
unknown, and a retry would lie.
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
from eventlog.write.stream import OpenSegment, Stream, keep_head, note_head, open_segment, roll

_LOGGER = logging.getLogger(__name__)

Build = Callable[[int, int], Sequence[Draft | EntityBatch]]
"""From the seq of the first event and the instant observed to the events of a batch."""

QUIET_US = 5 * MINUTE
"""An hour in which a living writer said nothing for so long gets a heartbeat."""


@attrs.frozen
class Appended:
    """A batch that is durable."""

    first: Position
    last: Position
    segment: SegmentName
    sha256: str
    """Of the last line, without its line feed: what an index names beside its position."""
    told: Sequence[tuple[int, bytes]] = attrs.field(repr=False)
    """Seq and line, with its line feed, of the events given one by one, not as `Alike`."""


def append(
    stream: Stream, builds: Sequence[Build], observed_at: int | None = None
) -> list[Appended]:
    """Append batches in one write and one fsync; durable when this returns.

    `observed_at` is for imports, whose events happened at their own time; live
    streams leave it out and get the clock rule: never before the event before, nor
    before the open hour. Raises what a build raises, or `LocalResource` where the disk
    or the clock is at fault; then nothing of the batches counts.
    """
    with stream.turn:
        return commit(stream, compose(stream, builds, observed_at))


@attrs.frozen
class Composed:
    """Batches with their positions, not written yet. The next thing appended to the stream."""

    held: OpenSegment
    first_seq: int
    data: bytes = attrs.field(repr=False)
    done: list[Appended]
    last_seq: int
    at: int


def compose(stream: Stream, builds: Sequence[Build], observed_at: int | None = None) -> Composed:
    """The first half of `append`: everything except writing and syncing.

    Raises what a build raises; then no batch has changed the stream.
    """
    _check_ready(stream)
    at = _instant(stream) if observed_at is None else observed_at
    segment = _room(stream, at)
    pieces: list[bytes] = []
    done: list[Appended] = []
    seq = stream.last_seq
    for build in builds:
        count, lines, piece = _batch(stream, build, seq + 1, at)
        last_line = piece[piece.rfind(b"\n", 0, -1) + 1 : -1]
        first, last = (Position(at, stream.writer, end) for end in (seq + 1, seq + count))
        done.append(Appended(first, last, segment.name, manifests.digest(last_line), lines))
        pieces.append(piece)
        seq += count
    return Composed(segment, stream.last_seq + 1, b"".join(pieces), done, seq, at)


def commit(stream: Stream, composed: Composed) -> list[Appended]:
    """The second half of `append`: durable when this returns.

    Raises `Invalid` where the stream does not end where it did when this was composed.
    """
    if composed.data:
        if composed.first_seq != stream.last_seq + 1 or stream.segment is not composed.held:
            raise Invalid(f"{stream.source}: composed behind what did not become durable")
        keep_head(stream)
        _write(stream, composed.held, composed.data)
        stream.last_seq, stream.last_observed = composed.last_seq, composed.at
        note_head(stream)
        _LOGGER.debug(
            "wrote events %d to %d of %s, %d bytes",
            composed.first_seq,
            composed.last_seq,
            composed.held.name,
            len(composed.data),
        )
    return composed.done


def _check_ready(stream: Stream) -> None:
    if stream.broken:
        raise LocalResource(f"{stream.source}: this stream has ended after a disk error")
    check_free_space(stream.disk, stream.root)


def _batch(
    stream: Stream, build: Build, first: int, at: int
) -> tuple[int, list[tuple[int, bytes]], bytes]:
    """How many events a batch has; those given one by one; the lines of all in one piece."""
    pieces: list[bytes] = []
    told: list[tuple[int, bytes]] = []
    seq, instant = first, format_us(at)
    for event in build(first, at):
        if isinstance(event, EntityBatch):
            pieces.append(_alike(stream, event, seq, instant))
            seq += len(event.ids)
        else:
            pieces.append(_line(stream, event, seq, instant))
            told.append((seq, pieces[-1]))
            seq += 1
    if seq == first:
        raise Invalid("a batch without events")
    piece = b"".join(pieces)
    if len(piece) > MAX_LINE_BYTES:
        _check_lines(piece)
    return seq - first, told, piece


def _check_lines(piece: bytes) -> None:
    longest = max(map(len, piece.split(b"\n"))) + 1
    if longest > MAX_LINE_BYTES:
        raise Invalid(
            f"an event of {longest} bytes: expected at most {MAX_LINE_BYTES}",
            "bodies this large belong into assets/",
        )


def _alike(stream: Stream, event: EntityBatch, seq: int, at: str) -> bytes:
    source, writer = stream.source, stream.writer
    return encode_entity_batch(event, source=source, writer=writer, first_seq=seq, observed_at=at)


def _line(stream: Stream, event: Draft, seq: int, at: str) -> bytes:
    source, writer = stream.source, stream.writer
    return encode(event, source=source, writer=writer, seq=seq, observed_at=at)


def _instant(stream: Stream) -> int:
    """The clock rule of live streams."""
    now = stream.clock()
    floor = stream.segment.starts_at if stream.segment else 0
    at = max(now, stream.last_observed, floor)
    if at > now + MINUTE:
        raise LocalResource(
            f"{stream.source}: the log ends at {format_us(at)}, but the clock says "
            f"{format_us(now)}",
            "set the clock right, then start again",
        )
    return at


def check_upstream_clock(observed_at: int, upstream: int) -> None:
    """Refuse to write while the clock is a day or more ahead of upstream's `Date`."""
    if observed_at > upstream + DAY:
        raise LocalResource(
            f"the clock says {format_us(observed_at)}, upstream says {format_us(upstream)}",
            "set the clock right, then start again",
        )


def _room(stream: Stream, at: int) -> OpenSegment:
    """The open segment that takes an event of this instant."""
    segment = stream.segment
    if segment is not None and _fits(stream, segment, at):
        return segment
    roll(stream)
    stream.segment = open_segment(stream, at)
    return stream.segment


def _fits(stream: Stream, segment: OpenSegment, at: int) -> bool:
    """Whether an open segment takes an event of this instant."""
    return (
        hour_start(at) == segment.starts_at
        and (at >= stream.last_observed or not segment.size)
        and segment.size < stream.segment_bytes
    )


def _write(stream: Stream, held: OpenSegment, data: bytes) -> None:
    try:
        write_all(stream.disk, held.handle, data)
    except OSError as error:
        _cut_back(stream, held)
        raise LocalResource(
            f"{open_path(stream.root, held.name)}: {error.strerror}; nothing of the batch counts",
            "make room, then start again",
        ) from error
    try:
        stream.disk.fsync(held.handle)
    except OSError as error:
        stream.broken = True  # never retried: the kernel may have dropped the pages
        raise LocalResource(
            f"{open_path(stream.root, held.name)}: fsync: {error.strerror}",
            "check the disk, then start again: recovery goes on from what is durable",
        ) from error
    held.size += len(data)


def _cut_back(stream: Stream, held: OpenSegment) -> None:
    """Take a half-written batch off again."""
    try:
        stream.disk.truncate(held.handle, held.size)
        stream.disk.fsync(held.handle)
    except OSError:
        stream.broken = True  # the next start cuts the tail


def beat(stream: Stream) -> list[Appended]:
    """Say that the writer lives, so that a quiet hour is no gap."""
    return append(stream, [lambda _seq, _at: [Draft(kind=HEARTBEAT)]])


def keep_hours(stream: Stream) -> None:
    """What a living writer does from time to time when nothing else happens.

    A segment whose hour is over is rolled and sealed; an hour in which nothing was
    said for some minutes gets its heartbeat.
    """
    with stream.turn:
        now = stream.clock()
        hour = hour_start(now)
        if stream.segment is not None and stream.segment.starts_at < hour:
            roll(stream)
        if stream.last_observed < hour and now >= hour + QUIET_US:
            beat(stream)
