"""The writer: takes a stream, appends to it, lets go of it.

`open_stream` locks and recovers, `append` makes batches durable, `close_stream` seals
what is over. What lies between stands in `stream` (segments and their sealing) and
`appending` (positions, the clock rule, the one write and fsync).
"""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import orjson

from eventlog.body.encode_body import MAX_INLINE_BYTES
from eventlog.clock import HOUR, Clock, format_us, hour_start, now_us
from eventlog.errors import Invalid, Locked
from eventlog.files import stream_lock
from eventlog.files.assets import put_asset
from eventlog.files.disk import REAL, Disk, sync_parents
from eventlog.files.listing import list_segments, list_streams
from eventlog.format import manifest as manifests
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.line_header import line_header
from eventlog.format.paths import is_source, is_writer, open_path
from eventlog.write.append import (
    Appended,
    Build,
    Composed,
    append,
    beat,
    check_upstream_clock,
    commit,
    compose,
    keep_hours,
)
from eventlog.write.recover import Cut, Resume, recover
from eventlog.write.stream import (
    SEGMENT_BYTES,
    OpenSegment,
    Stream,
    note_head,
    roll,
    seal_pending,
    wait_sealed,
)

__all__ = [
    "SEGMENT_BYTES",
    "Appended",
    "Build",
    "Composed",
    "Stream",
    "append",
    "beat",
    "check_upstream_clock",
    "close_stream",
    "commit",
    "compose",
    "keep_hours",
    "open_stream",
    "roll",
    "seal_all",
    "seal_idle",
    "wait_sealed",
]


def open_stream(
    root: Path,
    source: str,
    writer: str,
    *,
    clock: Clock = now_us,
    disk: Disk = REAL,
    segment_bytes: int = SEGMENT_BYTES,
    patient: bool = False,
    distrust_head: bool = False,
) -> Stream:
    """Take a stream, recover it, and be ready to append.

    Raises `Locked` if another process writes it, `Corrupt` if what was durable is
    damaged. `patient`: wait some seconds for the lock. `distrust_head`: cut damage out
    of what `state/` calls durable too; that is for `repair`.
    """
    if not is_source(source) or not is_writer(writer):
        raise Invalid(f"stream {source!r}, writer {writer!r}: expected a name and 8 hex digits")
    take = stream_lock.lock_stream_waiting if patient else stream_lock.lock_stream
    lock = take(root, source, writer, format_us(clock()))
    sealer = ThreadPoolExecutor(1, thread_name_prefix=f"seal-{source}")
    stream = Stream(root, source, writer, clock, disk, segment_bytes, lock, sealer)
    try:
        _resume(stream, recover(root, source, writer, disk, distrust_head=distrust_head))
    except BaseException:
        _let_go(stream)
        raise
    return stream


def _resume(stream: Stream, found: Resume) -> None:
    """Bring a stream to where its log ends."""
    stream.last_seq, stream.last_observed = found.last_seq, found.last_observed
    stream.previous = found.previous
    sealed = next((tail.last_seq - tail.rows for tail in found.open), found.last_seq)
    stream_lock.record_sealed_seq(stream.lock, sealed)
    stream.unsealed.extend(tail.name for tail in found.open[:-1])
    seal_pending(stream)
    for tail in found.open[-1:]:
        handle = stream.disk.open_append(open_path(stream.root, tail.name))
        stream.segment = OpenSegment(tail.name, handle, tail.size)
        stream.disk.fsync(handle)  # what a crashed writer left unsynced is made durable first
        sync_parents(stream.disk, open_path(stream.root, tail.name).parent, stream.root)
    note_head(stream)  # whatever state/ said before
    if stream.segment and hour_start(stream.clock()) > stream.segment.starts_at:
        roll(stream)
    for cut in found.cuts:
        _append_cut(stream, cut, found)


def _append_cut(stream: Stream, cut: Cut, found: Resume) -> None:
    """Give what recovery cut off its place in the log again."""
    data = cut.kept_at.read_bytes() if cut.kept_at else b""
    members = {
        "reason": cut.reason,
        "segment": cut.segment,
        "offset": cut.offset,
        "bytes": cut.size,
        "sha256": manifests.digest(data) if cut.kept_at else None,
    }
    draft = Draft(kind=ANOMALY, members=members, body_raw=data or None)
    if len(data) > MAX_INLINE_BYTES:
        asset = put_asset(stream.root, data, stream.disk)
        draft = attrs.evolve(draft, body_raw=None, body_asset=asset)
    if not _stands_last(found, members):
        at = max(stream.last_observed, stream.clock())
        append(stream, [lambda _seq, _at: [draft]], observed_at=at)
    if cut.kept_at:
        stream.disk.unlink(cut.kept_at)
        stream.disk.sync_dir(cut.kept_at.parent)


def _stands_last(found: Resume, members: dict[str, object]) -> bool:
    """Whether an earlier start appended this, and died before it said so."""
    if not found.last_line or line_header(found.last_line).kind != ANOMALY:
        return False
    event = orjson.loads(found.last_line)
    return event["kind"] == ANOMALY and all(
        event.get(name) == value for name, value in members.items()
    )


def close_stream(stream: Stream, *, seal_open: bool = False) -> None:
    """Let go of the stream. `seal_open`: seal the open segment first, as imports do."""
    try:
        held = stream.segment
        if held is not None and not stream.broken:
            over = stream.clock() >= held.starts_at + HOUR
            if seal_open or over or not held.size:
                roll(stream)
        if not stream.broken:
            wait_sealed(stream)
    finally:
        _let_go(stream)


def _let_go(stream: Stream) -> None:
    stream.sealer.shutdown()
    if stream.segment is not None:
        with contextlib.suppress(OSError):
            stream.disk.close(stream.segment.handle)
        stream.segment = None
    os.close(stream.lock)


def seal_idle(root: Path, source: str, writer: str, clock: Clock = now_us) -> int | None:
    """Seal what a stream left open, if no process writes it. How many; None if one does."""
    before = sum(each.is_sealed for each in list_segments(root, source, writer))
    try:
        stream = open_stream(root, source, writer, clock=clock)
    except Locked:
        return None
    close_stream(stream, seal_open=True)
    after = sum(each.is_sealed for each in list_segments(root, source, writer))
    return after - before


def seal_all(root: Path, clock: Clock = now_us) -> dict[tuple[str, str], int | None]:
    """`seal_idle` for every stream that has a segment without its seal."""
    waiting = {
        (each.name.source, each.name.writer)
        for each in list_segments(root)
        if each.is_open or not each.is_sealed
    }
    return {
        (source, writer): seal_idle(root, source, writer, clock)
        for source, writer in list_streams(root)
        if (source, writer) in waiting
    }
