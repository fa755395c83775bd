"""The writer: appends batches of events to a stream, durable when it says so.

    drafts → positions → lines → one write → fsync → head → acknowledged

A batch is built when its first seq is known, because a page names the events that
hold its entities. Segments roll on the hour and on a size bound; rolled ones are
sealed behind the writer's back, in seq order. A failed fsync ends the stream: what
the kernel then holds is unknown, and a retry would lie.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import attrs
import orjson

from eventlog import manifest as manifests
from eventlog import writers
from eventlog.assets import put_asset
from eventlog.clock import DAY, HOUR, MINUTE, Clock, format_us, hour_start, now_us
from eventlog.disk import REAL, Disk, check_free, make_dirs, replace_file, write_all
from eventlog.embed import embed
from eventlog.errors import Invalid, LocalResource, Locked
from eventlog.event import ANOMALY, HEARTBEAT, MAX_LINE_BYTES, Draft, Position, encode
from eventlog.paths import SegmentName, head_path, is_source, open_path, segment_at
from eventlog.recover import Cut, recover
from eventlog.seal import seal
from eventlog.segments import list_segments

SEGMENT_BYTES = 256 * 1024 * 1024

Build = Callable[[int, int], Sequence[Draft]]
"""From the seq of the first event and the instant observed to the events of a batch."""


@attrs.frozen
class Appended:
    """A batch that is durable."""

    first: Position
    last: Position
    segment: SegmentName
    sha256: str
    """Of the last line, without its line feed: what an index names beside its position."""


@attrs.define
class _Open:
    """The segment being written."""

    name: SegmentName
    handle: int
    size: int


@attrs.define
class Stream:
    """One writer's end of a stream (source, writer). Close it with `close_stream`."""

    root: Path
    source: str
    writer: str
    clock: Clock
    disk: Disk
    segment_bytes: int
    lock: int
    last_seq: int
    last_observed: int
    previous: str | None
    segment: _Open | None
    sealer: ThreadPoolExecutor
    sealing: list[Future[None]] = attrs.field(factory=list)
    broken: bool = False


def open_stream(
    root: Path,
    source: str,
    writer: str,
    *,
    clock: Clock = now_us,
    disk: Disk = REAL,
    segment_bytes: int = SEGMENT_BYTES,
    patient: bool = False,
) -> Stream:
    """Take a stream, recover it, and be ready to append.

    Raises `Locked` if another process writes it, `Corrupt` if what was durable is
    damaged. `patient`: wait some seconds for the lock.
    """
    if not is_source(source):
        raise Invalid(f"source {source!r}: expected lower-case letters, digits, '-' and '_'")
    take = writers.lock_patiently if patient else writers.lock_stream
    lock = take(root, source, writer, format_us(clock()))
    try:
        return _resume(root, source, writer, clock, disk, segment_bytes, lock)
    except BaseException:
        os.close(lock)
        raise


def _resume(
    root: Path,
    source: str,
    writer: str,
    clock: Clock,
    disk: Disk,
    segment_bytes: int,
    lock: int,
) -> Stream:
    found = recover(root, source, writer, disk)
    stream = Stream(
        root=root,
        source=source,
        writer=writer,
        clock=clock,
        disk=disk,
        segment_bytes=segment_bytes,
        lock=lock,
        last_seq=found.last_seq,
        last_observed=found.last_observed,
        previous=found.previous,
        segment=None,
        sealer=ThreadPoolExecutor(1, thread_name_prefix=f"seal-{source}"),
    )
    for tail in found.open[:-1]:
        _seal_now(stream, tail.name)
    for tail in found.open[-1:]:
        handle = disk.open_append(open_path(root, tail.name))
        stream.segment = _Open(tail.name, handle, tail.size)
        disk.fsync(handle)  # what a crashed writer left unsynced is made durable first
        _note_head(stream)
        if hour_start(clock()) > tail.name.starts_at:
            roll(stream)
    for cut in found.cuts:
        _append_cut(stream, cut)
    return stream


def _append_cut(stream: Stream, cut: Cut) -> None:
    """Give what recovery cut off its place in the log again."""
    data = cut.kept_at.read_bytes()
    held = embed(data) if data else None
    reason = {"reason": cut.reason, "segment": cut.segment, "offset": cut.offset}
    members = {**reason, "bytes": len(data), "sha256": manifests.digest(data)}
    draft = Draft(kind=ANOMALY, members=members, body_raw=data)
    if held is None or len(data) > MAX_LINE_BYTES // 2:
        asset = put_asset(stream.root, data, stream.disk)
        draft = attrs.evolve(draft, body_raw=None, body_asset=asset)
    at = max(stream.last_observed, stream.clock())
    append(stream, [lambda _seq, _at: [draft]], observed_at=at)
    stream.disk.unlink(cut.kept_at)


def append(
    stream: Stream, builds: Sequence[Build], observed_at: int | None = None
) -> list[Appended]:
    """Append batches in one write and one fsync; durable when this returns.

    `observed_at` is for imports, whose events happened at their own time; live
    streams leave it out and get the clock rule: never before the event before, nor
    before the open hour. Raises `LocalResource` where the disk or the clock is at
    fault; then nothing of the batches counts.
    """
    if stream.broken:
        raise LocalResource(f"{stream.source}: this stream has ended after a disk error")
    at = _instant(stream) if observed_at is None else observed_at
    _make_room(stream, at)
    seq, stamp = stream.last_seq, format_us(at)
    lines: list[bytes] = []
    done: list[Appended] = []
    assert stream.segment is not None
    for build in builds:
        first = seq + 1
        for draft in build(first, at):
            seq += 1
            lines.append(_line(stream, draft, seq, stamp))
        done.append(_appended(stream, at, first, seq, lines))
    _write(stream, b"".join(lines))
    stream.last_seq, stream.last_observed = seq, at
    _note_head(stream)
    return done


def _appended(stream: Stream, at: int, first: int, last: int, lines: list[bytes]) -> Appended:
    assert stream.segment is not None
    return Appended(
        Position(at, stream.writer, first),
        Position(at, stream.writer, last),
        stream.segment.name,
        manifests.digest(lines[-1][:-1]),
    )


def _line(stream: Stream, draft: Draft, seq: int, observed_at: str) -> bytes:
    line = encode(
        draft,
        source=stream.source,
        writer=stream.writer,
        seq=seq,
        observed_at=observed_at,
    )
    if len(line) > MAX_LINE_BYTES:
        raise Invalid(
            f"an event of {len(line)} bytes: expected at most {MAX_LINE_BYTES}",
            "bodies this large belong into assets/",
        )
    return line


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


def _make_room(stream: Stream, at: int) -> None:
    """The open segment that takes an event of this instant."""
    held = stream.segment
    fits = (
        held is not None
        and hour_start(at) == held.name.starts_at
        and at >= stream.last_observed
        and held.size < stream.segment_bytes
    )
    if not fits:
        if held is not None:
            roll(stream)
        _open_segment(stream, at)


def _open_segment(stream: Stream, at: int) -> None:
    check_free(stream.disk, stream.root)
    taken = segment_at(stream.source, stream.writer, at, 0)
    folder = open_path(stream.root, taken).parent
    make_dirs(stream.disk, folder, stream.root)
    prefix = f"{taken.hour}-{taken.writer}-"
    numbers = [
        int(entry.name[len(prefix) :].partition(".")[0])
        for entry in folder.iterdir()
        if entry.name.startswith(prefix)
    ]
    name = attrs.evolve(taken, number=max(numbers, default=-1) + 1)
    handle = stream.disk.open_append(open_path(stream.root, name))
    stream.disk.sync_dir(folder)
    stream.segment = _Open(name, handle, 0)


def roll(stream: Stream) -> None:
    """Close the open segment and have it sealed in the background."""
    held = stream.segment
    if held is None:
        return
    stream.disk.close(held.handle)
    stream.segment = None
    _raise_seal_errors(stream, wait=False)
    if held.size:
        stream.sealing.append(stream.sealer.submit(_seal_now, stream, held.name))


def _seal_now(stream: Stream, name: SegmentName) -> None:
    manifest = seal(stream.root, name, stream.previous, stream.disk)
    stream.previous = manifests.digest(manifests.to_bytes(manifest))


def _raise_seal_errors(stream: Stream, *, wait: bool) -> None:
    for future in list(stream.sealing):
        if wait or future.done():
            stream.sealing.remove(future)
            future.result()


def wait_sealed(stream: Stream) -> None:
    """Return when every rolled segment is sealed. Raises what went wrong with one."""
    _raise_seal_errors(stream, wait=True)


def _write(stream: Stream, data: bytes) -> None:
    held = stream.segment
    assert held is not None
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


def _cut_back(stream: Stream, held: _Open) -> None:
    """Take a half-written batch off again."""
    try:
        stream.disk.truncate(held.handle, held.size)
        stream.disk.fsync(held.handle)
    except OSError:
        stream.broken = True  # the next start cuts the tail


def _note_head(stream: Stream) -> None:
    held = stream.segment
    assert held is not None
    path = head_path(stream.root, stream.source, stream.writer)
    note = {
        "segment": str(held.name),
        "durable_bytes": held.size,
        "last_seq": stream.last_seq,
    }
    try:
        replace_file(path, orjson.dumps(note))
    except FileNotFoundError:  # state/ was deleted under us
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, orjson.dumps(note))


def beat(stream: Stream) -> list[Appended]:
    """Say that the writer lives, so that a quiet hour is no gap."""
    return append(stream, [lambda _seq, _at: [Draft(kind=HEARTBEAT)]])


def close_stream(stream: Stream, *, seal_open: bool = False) -> None:
    """Let go of the stream. `seal_open`: seal the open segment first, as imports do."""
    try:
        if stream.segment is not None:
            over = stream.clock() >= stream.segment.name.starts_at + HOUR
            if seal_open or over or not stream.segment.size:
                roll(stream)
            else:
                stream.disk.close(stream.segment.handle)
                stream.segment = None
        wait_sealed(stream)
    finally:
        stream.sealer.shutdown()
        os.close(stream.lock)


def seal_idle(root: Path, source: str, writer: str, clock: Clock = now_us) -> int | None:
    """Seal what a stream left open, if no process writes it. How many; None if one does."""
    try:
        stream = open_stream(root, source, writer, clock=clock)
    except Locked:
        return None
    before = sum(each.is_sealed for each in list_segments(root, source, writer))
    close_stream(stream, seal_open=True)
    after = sum(each.is_sealed for each in list_segments(root, source, writer))
    return after - before
