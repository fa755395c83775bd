"""Appending: batches of events get their positions, and are durable when it says so.

    drafts → positions → lines → one write → fsync → head → acknowledged

A batch is built when its first seq is known, because a page names the events that
hold its entities. A failed fsync ends the stream: what the kernel then holds is
unknown, and a retry would lie.
"""

from collections.abc import Callable, Sequence

import attrs

from eventlog import manifest as manifests
from eventlog.clock import DAY, MINUTE, format_us, hour_start
from eventlog.disk import check_free, write_all
from eventlog.errors import Invalid, LocalResource
from eventlog.event import HEARTBEAT, MAX_LINE_BYTES, Alike, Draft, Position, encode, encode_alike
from eventlog.paths import SegmentName, open_path
from eventlog.stream import OpenSegment, Stream, keep_head, note_head, open_segment, roll

Build = Callable[[int, int], Sequence[Draft | Alike]]
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
    lines: Sequence[bytes] = attrs.field(repr=False)
    """With their line feeds."""


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


def append_each(stream: Stream, builds: Sequence[Build]) -> list[Appended | Exception]:
    """As `append`, but a batch whose build raises is left out and its error handed back."""
    with stream.turn:
        composed = _compose(stream, builds, None, one_by_one=True)
    commit(stream, composed)
    return composed.done


@attrs.frozen
class Composed:
    """Batches with their positions, not written yet. The next thing appended to the stream."""

    held: OpenSegment
    lines: Sequence[bytes]
    done: list[Appended | Exception]
    last_seq: int
    at: int


def compose(stream: Stream, builds: Sequence[Build], observed_at: int | None = None) -> Composed:
    """The first half of `append`: all of its work but for waiting on the disk."""
    return _compose(stream, builds, observed_at, one_by_one=False)


def commit(stream: Stream, composed: Composed) -> list[Appended]:
    """The second half of `append`: durable when this returns."""
    if composed.lines:
        keep_head(stream)
        _write(stream, composed.held, b"".join(composed.lines))
        stream.last_seq, stream.last_observed = composed.last_seq, composed.at
        note_head(stream)
    return [each for each in composed.done if isinstance(each, Appended)]


def _compose(
    stream: Stream, builds: Sequence[Build], observed_at: int | None, *, one_by_one: bool
) -> Composed:
    if stream.broken:
        raise LocalResource(f"{stream.source}: this stream has ended after a disk error")
    check_free(stream.disk, stream.root)
    at = _instant(stream) if observed_at is None else observed_at
    held = _room(stream, at)
    seq, lines = stream.last_seq, list[bytes]()
    done: list[Appended | Exception] = []
    for build in builds:
        try:
            batch = _batch(stream, build, seq + 1, at)
        except Exception as error:
            if not one_by_one:
                raise
            done.append(error)
            continue
        done.append(_appended(stream, held, at, seq + 1, batch))
        lines += batch
        seq += len(batch)
    return Composed(held, lines, done, seq, at)


def _batch(stream: Stream, build: Build, first: int, at: int) -> list[bytes]:
    lines: list[bytes] = []
    for event in build(first, at):
        lines += _lines(stream, event, first + len(lines), format_us(at))
    longest = max(map(len, lines), default=0)
    if longest > MAX_LINE_BYTES:
        raise Invalid(
            f"an event of {longest} bytes: expected at most {MAX_LINE_BYTES}",
            "bodies this large belong into assets/",
        )
    if not lines:
        raise Invalid("a batch without events")
    return lines


def _lines(stream: Stream, event: Draft | Alike, seq: int, at: str) -> list[bytes]:
    source, writer = stream.source, stream.writer
    if isinstance(event, Alike):
        return encode_alike(event, source=source, writer=writer, first_seq=seq, observed_at=at)
    return [encode(event, source=source, writer=writer, seq=seq, observed_at=at)]


def _appended(
    stream: Stream, held: OpenSegment, at: int, first: int, lines: list[bytes]
) -> Appended:
    return Appended(
        Position(at, stream.writer, first),
        Position(at, stream.writer, first + len(lines) - 1),
        held.name,
        manifests.digest(lines[-1][:-1]),
        lines,
    )


def _instant(stream: Stream) -> int:
    """The clock rule of live streams."""
    now = stream.clock()
    floor = stream.segment.name.starts_at if stream.segment else 0
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
    held = stream.segment
    if (
        held is not None
        and hour_start(at) == held.name.starts_at
        and (at >= stream.last_observed or not held.size)
        and held.size < stream.segment_bytes
    ):
        return held
    roll(stream)
    stream.segment = open_segment(stream, at)
    return stream.segment


def _write(stream: Stream, held: OpenSegment, data: bytes) -> None:
    path = open_path(stream.root, held.name)
    try:
        write_all(stream.disk, held.handle, data)
    except OSError as error:
        _cut_back(stream, held)
        raise LocalResource(
            f"{path}: {error.strerror}; nothing of the batch counts",
            "make room, then start again",
        ) from error
    try:
        stream.disk.fsync(held.handle)
    except OSError as error:
        stream.broken = True  # never retried: the kernel may have dropped the pages
        raise LocalResource(
            f"{path}: fsync: {error.strerror}",
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
        if stream.segment is not None and stream.segment.name.starts_at < hour:
            roll(stream)
        if stream.last_observed < hour and now >= hour + QUIET_US:
            beat(stream)
