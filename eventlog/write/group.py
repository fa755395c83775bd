"""Groups: many sealed segments of a stream become durable together. For imports.

    batches ──> lines ──> blocks ──(background thread)──> prepared .zst and manifest
                                                                    │ commit
                       one sync of all, the record, then their names in the order of the chain

Nothing of a group is durable, or in the log, before `commit_group` returns; a crash leaves
either nothing of it or, after the next start of the writer, all of it. The files have the
same bytes as those of `append` and `seal`. There is no open segment while a group is written.
"""

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from pathlib import Path

import attrs

from eventlog.clock import hour_start
from eventlog.errors import LocalResource
from eventlog.files.disk import make_dirs, sync_parents
from eventlog.files.listing import segment_suffixes
from eventlog.files.stream_lock import record_sealed_seq
from eventlog.format.frames import FRAME_BYTES
from eventlog.format.paths import SegmentName, group_dir, sealed_path, segment_at
from eventlog.write.append import (
    Appended,
    BuildBatch,
    check_not_broken,
    check_ready,
    encode_batches,
)
from eventlog.write.prepare_group import (
    GroupBlock,
    Preparation,
    close_preparation,
    prepare_blocks,
    sync_prepared,
)
from eventlog.write.publish_group import finish_group, write_record
from eventlog.write.stream import Stream, roll, wait_sealed, write_head

_JOB_BYTES = 1024 * 1024
_JOB_BLOCKS = 64
"""Blocks that the background thread gets at once: small segments are not worth a switch."""
_MAX_JOBS = 2


@attrs.frozen
class GroupLimits:
    """When a group ends, and how it becomes durable."""

    segments: int = 1024
    bytes: int = 64 * 1024 * 1024
    """Lines of a group without its last segment. The index of stored bodies keeps the entries
    of a group in memory, which take up to as much."""
    single_syncs: int = 32
    """Segments up to which each file is fsynced, and days up to which each day folder is. Syncing
    the file system also writes what other programs have changed on it, which is worthwhile only
    for many files."""


GROUP_LIMITS = GroupLimits()


@attrs.define
class _Segment:
    """A segment to which lines are added; its blocks are compressed meanwhile."""

    name: SegmentName
    starts_at: int
    size: int = 0
    rest: list[bytes] = attrs.field(factory=list)
    """Lines that do not fill a frame yet."""
    rest_bytes: int = 0


@attrs.define
class SegmentGroup:
    """A group of a stream that is open for writing. End it with `close_group`."""

    stream: Stream
    folder: Path
    limits: GroupLimits
    handle: int
    """Handle of the folder: open all the time, so that no error of writing is missed."""
    preparation: Preparation
    """Used by the background thread, except when there are no jobs."""
    segment: _Segment | None = None
    blocks: list[GroupBlock] = attrs.field(factory=list)
    """Not given to the background thread yet."""
    blocks_bytes: int = 0
    jobs: deque[Future[None]] = attrs.field(factory=deque)
    size: int = 0
    """Bytes of all lines."""
    count: int = 0
    """Number of segments."""
    numbers: dict[tuple[str, str], int] = attrs.field(factory=dict)
    """Next number of a segment, by date and hour."""
    dates: set[str] = attrs.field(factory=set)
    """Days whose numbers are known."""


def open_group(stream: Stream, limits: GroupLimits) -> SegmentGroup:
    """Starts a group at the end of a stream, whose open segment is sealed first."""
    roll(stream)
    wait_sealed(stream)
    folder = group_dir(stream.root, stream.source, stream.writer)
    make_dirs(stream.disk, folder)
    sync_parents(stream.disk, folder, stream.root)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return SegmentGroup(stream, folder, limits, handle, Preparation(folder, stream.previous))


def append_to_group(
    group: SegmentGroup, builds: Sequence[BuildBatch], observed_at: int
) -> list[Appended]:
    """Appends batches; they are durable, and in the log, after `commit_group`.

    Segments end as with `append`, and also if an event was observed before its predecessor.
    Raises what a build raises; then nothing of the batches is in the group.
    """
    stream = group.stream
    check_ready(stream)
    segment = _segment_for(group, observed_at)
    data, done, last_seq = encode_batches(stream, builds, observed_at, segment.name)
    stream.last_seq, stream.last_observed = last_seq, observed_at
    segment.size += len(data)
    group.size += len(data)
    _add_lines(group, segment, data)
    return done


def is_group_full(group: SegmentGroup, observed_at: int) -> bool:
    """Whether an event of this instant would begin a segment that belongs to the next group."""
    if group.segment is not None and _fits(group, group.segment, observed_at):
        return False
    return group.count >= group.limits.segments or group.size >= group.limits.bytes


def _segment_for(group: SegmentGroup, at: int) -> _Segment:
    """Returns the segment for an event of this instant; ends the last one if necessary."""
    if group.segment is not None and _fits(group, group.segment, at):
        return group.segment
    _end_segment(group)
    first = segment_at(group.stream.source, group.stream.writer, at, 0)
    name = attrs.evolve(first, number=_take_number(group, first))
    group.segment = _Segment(name, hour_start(at))
    group.count += 1
    return group.segment


def _fits(group: SegmentGroup, segment: _Segment, at: int) -> bool:
    """Whether an event of this instant may be added to a segment."""
    return (
        hour_start(at) == segment.starts_at
        and (at >= group.stream.last_observed or not segment.size)
        and segment.size < group.stream.segment_bytes
    )


def _take_number(group: SegmentGroup, first: SegmentName) -> int:
    """Returns the next number in an hour. A folder is listed once: the stream is locked."""
    folder = sealed_path(group.stream.root, first).parent
    if first.date not in group.dates:
        group.dates.add(first.date)
        for name in segment_suffixes(folder) if folder.is_dir() else ():
            if name.writer == first.writer:
                key = (name.date, name.hour)
                group.numbers[key] = max(group.numbers.get(key, 0), name.number + 1)
    key = (first.date, first.hour)
    number = group.numbers.get(key, 0)
    group.numbers[key] = number + 1
    return number


def _add_lines(group: SegmentGroup, segment: _Segment, data: bytes) -> None:
    """Adds lines; complete frames go to the background thread. Law: as `blocks` cuts them."""
    segment.rest.append(data)
    segment.rest_bytes += len(data)
    if segment.rest_bytes < FRAME_BYTES:
        return
    lines, start = b"".join(segment.rest), 0
    while (end := lines.find(b"\n", start + FRAME_BYTES - 1) + 1) > 0 and end < len(lines):
        _add_block(group, GroupBlock(segment.name, lines[start:end], is_last=False))
        start = end
    segment.rest = [lines[start:]]
    segment.rest_bytes = len(lines) - start


def _end_segment(group: SegmentGroup) -> None:
    segment, group.segment = group.segment, None
    if segment is None:
        return
    if segment.size:
        _add_block(group, GroupBlock(segment.name, b"".join(segment.rest), is_last=True))
    else:  # no batch could be built
        group.numbers[segment.name.date, segment.name.hour] -= 1
        group.count -= 1


def _add_block(group: SegmentGroup, block: GroupBlock) -> None:
    group.blocks.append(block)
    group.blocks_bytes += len(block.data)
    if group.blocks_bytes >= _JOB_BYTES or len(group.blocks) >= _JOB_BLOCKS:
        _start_job(group)


def _start_job(group: SegmentGroup) -> None:
    """Gives the collected blocks to the background thread; waits if it has enough to do."""
    blocks, group.blocks, group.blocks_bytes = group.blocks, [], 0
    group.jobs.append(group.stream.sealer.submit(_prepare, group, blocks))
    while len(group.jobs) > _MAX_JOBS:
        group.jobs.popleft().result()


def _prepare(group: SegmentGroup, blocks: Sequence[GroupBlock]) -> None:
    """Runs in the background thread."""
    with _disk_errors(group.stream):
        prepare_blocks(group.preparation, blocks, group.stream.disk)


def commit_group(group: SegmentGroup) -> None:
    """Makes everything durable that was appended, and publishes it. The group is then empty.

    Raises `LocalResource` if the disk is at fault; then nothing is written any more.
    """
    stream = group.stream
    _end_segment(group)
    _start_job(group)
    while group.jobs:
        group.jobs.popleft().result()
    check_not_broken(stream)  # the reserve of a nearly full disk suffices for what follows
    preparation = group.preparation
    if not preparation.segments:
        return
    with _disk_errors(stream):
        is_large = len(preparation.segments) > group.limits.single_syncs
        sync_prepared(preparation, group.handle if is_large else None, stream.disk)
        write_record(group.folder, preparation.segments, stream.disk)
        days = {segment.name.date for segment in preparation.segments}
        handle = group.handle if len(days) > group.limits.single_syncs else None
        finish_group(stream.root, stream.source, stream.writer, stream.disk, handle)
    stream.previous = preparation.previous
    record_sealed_seq(stream.lock, stream.last_seq)
    write_head(stream)
    preparation.segments, group.size, group.count = [], 0, 0


@contextlib.contextmanager
def _disk_errors(stream: Stream) -> Iterator[None]:
    """Ends the stream after any error: what was prepared is not complete."""
    try:
        yield
    except OSError as error:
        stream.broken = True
        raise LocalResource(
            f"{stream.source}: preparing segments: {error.strerror}",
            "free some disk space, then import again: what is in the log is not imported twice",
        ) from error
    except BaseException:
        stream.broken = True
        raise


def close_group(group: SegmentGroup) -> None:
    """Commits the group, unless the disk is at fault, and removes its folder."""
    stream = group.stream
    try:
        if not stream.broken:
            commit_group(group)
            with contextlib.suppress(OSError):  # it is not empty: left to the next start
                group.folder.rmdir()
    finally:
        wait(group.jobs)
        close_preparation(group.preparation, stream.disk)
        os.close(group.handle)
