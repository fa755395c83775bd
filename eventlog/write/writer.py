"""Opens and closes streams for writing.

`open_stream` locks and recovers a stream, `append` makes batches durable, `close_stream`
seals a segment whose hour is over and unlocks. `stream.py` contains segments and their
sealing, `append.py` positions and durable writes; their public names can be imported here.
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
from eventlog.files.listing import list_segments
from eventlog.format import manifest as manifests
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.line_header import line_header
from eventlog.format.paths import is_source, is_writer, open_path
from eventlog.write.append import (
    Appended,
    BuildBatch,
    ComposedBatch,
    append,
    append_heartbeat,
    check_upstream_clock,
    compose,
    roll_and_heartbeat,
    write_composed,
)
from eventlog.write.publish_group import list_groups
from eventlog.write.recover import ResumePoint, TailAnomaly, recover
from eventlog.write.stream import (
    SEGMENT_BYTES,
    OpenSegment,
    Stream,
    roll,
    seal_pending,
    wait_sealed,
    write_head,
)

__all__ = [
    "SEGMENT_BYTES",
    "Appended",
    "BuildBatch",
    "ComposedBatch",
    "Stream",
    "append",
    "append_heartbeat",
    "check_upstream_clock",
    "close_stream",
    "compose",
    "open_stream",
    "roll",
    "roll_and_heartbeat",
    "seal_all",
    "seal_idle",
    "wait_sealed",
    "write_composed",
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
    """Locks and recovers a stream, and opens it for appending.

    Raises `Locked` if another process writes it, `Corrupt` if durable events are damaged.
    `patient`: wait some seconds for the lock. `distrust_head`: cut off damaged lines even if
    they are durable according to the head in `state/`; only for `repair`.
    """
    if not is_source(source) or not is_writer(writer):
        raise Invalid(f"stream {source!r}, writer {writer!r}: expected a name and 8 hex digits")
    acquire = stream_lock.lock_stream_waiting if patient else stream_lock.lock_stream
    lock = acquire(root, source, writer, format_us(clock()))
    sealer = ThreadPoolExecutor(1, thread_name_prefix=f"seal-{source}")
    stream = Stream(root, source, writer, clock, disk, segment_bytes, lock, sealer)
    try:
        _resume(stream, recover(root, source, writer, disk, distrust_head=distrust_head))
    except BaseException:
        _release(stream)
        raise
    return stream


def _resume(stream: Stream, end: ResumePoint) -> None:
    """Sets a stream to the end of its log; seals earlier segments and appends anomalies."""
    stream.last_seq, stream.last_observed = end.last_seq, end.last_observed
    stream.previous = end.previous
    sealed = next((prefix.last_seq - prefix.rows for prefix in end.open), end.last_seq)
    stream_lock.record_sealed_seq(stream.lock, sealed)
    stream.unsealed.extend(prefix.name for prefix in end.open[:-1])
    seal_pending(stream)
    for prefix in end.open[-1:]:
        handle = stream.disk.open_append(open_path(stream.root, prefix.name))
        stream.segment = OpenSegment(prefix.name, handle, prefix.size)
        stream.disk.fsync(handle)  # what a crashed writer left unsynced is made durable first
        sync_parents(stream.disk, open_path(stream.root, prefix.name).parent, stream.root)
    write_head(stream)  # replaces the head from before the crash
    if stream.segment and hour_start(stream.clock()) > stream.segment.starts_at:
        roll(stream)
    for anomaly in end.anomalies:
        _append_anomaly(stream, anomaly, end)


def _append_anomaly(stream: Stream, anomaly: TailAnomaly, end: ResumePoint) -> None:
    """Appends what recovery cut off to the log, as an anomaly."""
    data = anomaly.kept_at.read_bytes() if anomaly.kept_at else b""
    members = {
        "reason": anomaly.reason,
        "segment": anomaly.segment,
        "offset": anomaly.offset,
        "bytes": anomaly.size,
        "sha256": manifests.digest(data) if anomaly.kept_at else None,
    }
    draft = Draft(kind=ANOMALY, members=members, body_raw=data or None)
    if len(data) > MAX_INLINE_BYTES:
        asset = put_asset(stream.root, data, stream.disk)
        draft = attrs.evolve(draft, body_raw=None, body_asset=asset)
    if not _is_last_line(end, members):
        at = max(stream.last_observed, stream.clock())
        append(stream, [lambda _seq, _at: [draft]], observed_at=at)
    if anomaly.kept_at:
        stream.disk.unlink(anomaly.kept_at)
        stream.disk.sync_dir(anomaly.kept_at.parent)


def _is_last_line(end: ResumePoint, members: dict[str, object]) -> bool:
    """Whether an earlier start appended this anomaly, but crashed before removing its file."""
    if not end.last_line or line_header(end.last_line).kind != ANOMALY:
        return False
    event = orjson.loads(end.last_line)
    return event["kind"] == ANOMALY and all(
        event.get(name) == value for name, value in members.items()
    )


def close_stream(stream: Stream, *, seal_open: bool = False) -> None:
    """Closes and unlocks a stream. `seal_open`: seal the open segment first, as imports do."""
    try:
        segment = stream.segment
        if segment is not None and not stream.broken:
            is_over = stream.clock() >= segment.starts_at + HOUR
            if seal_open or is_over or not segment.size:
                roll(stream)
        if not stream.broken:
            wait_sealed(stream)
    finally:
        _release(stream)


def _release(stream: Stream) -> None:
    stream.sealer.shutdown()
    if stream.segment is not None:
        with contextlib.suppress(OSError):
            stream.disk.close(stream.segment.handle)
        stream.segment = None
    os.close(stream.lock)


def seal_idle(root: Path, source: str, writer: str, clock: Clock = now_us) -> int | None:
    """Seals the open segments of a stream. Returns their number, or None if it is locked."""
    before = sum(x.is_sealed for x in list_segments(root, source, writer))
    try:
        stream = open_stream(root, source, writer, clock=clock)
    except Locked:
        return None
    close_stream(stream, seal_open=True)
    after = sum(x.is_sealed for x in list_segments(root, source, writer))
    return after - before


def seal_all(root: Path, clock: Clock = now_us) -> dict[tuple[str, str], int | None]:
    """Calls `seal_idle` for every stream with an unsealed segment, or with a group that was
    interrupted; returns the results."""
    unsealed = {
        (files.name.source, files.name.writer)
        for files in list_segments(root)
        if files.is_open or not files.is_sealed
    } | set(list_groups(root))
    return {
        (source, writer): seal_idle(root, source, writer, clock)
        for source, writer in sorted(unsealed)
    }
