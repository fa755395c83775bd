"""The state of a stream that is open for writing: its open segment and pending sealing.

Rolled segments are sealed in the background, in seq order. If sealing a segment fails,
later ones wait, so that the chain of manifests never skips a segment.
"""

import contextlib
import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import attrs

from eventlog.clock import Clock
from eventlog.errors import LocalResource
from eventlog.files.disk import Disk, check_free_space, make_dirs, sync_parents
from eventlog.files.heads import Head, encode_head
from eventlog.files.stream_lock import record_sealed_seq
from eventlog.format import manifest as manifests
from eventlog.format.paths import SegmentName, head_path, manifest_path, open_path, segment_at
from eventlog.write.seal import finish_sealing, seal

SEGMENT_BYTES = 256 * 1024 * 1024
MAX_UNSEALED = 4
"""Maximum number of rolled segments that are not sealed yet; then rolling waits."""


@attrs.define
class OpenSegment:
    """The segment to which events are appended."""

    name: SegmentName
    handle: int
    size: int
    starts_at: int = attrs.field(init=False)
    """First instant of the segment's hour."""

    @starts_at.default
    def _starts_at_of(self) -> int:
        return self.name.starts_at


@attrs.define
class Stream:
    """A stream (source, writer) that is open for writing. Close it with `close_stream`."""

    root: Path
    source: str
    writer: str
    clock: Clock
    disk: Disk
    segment_bytes: int
    lock: int
    """File handle of the stream lock."""
    sealer: ThreadPoolExecutor
    last_seq: int = 0
    last_observed: int = 0
    previous: str | None = None
    """SHA-256 of the last manifest or loss of the chain."""
    segment: OpenSegment | None = None
    head: Path = attrs.field(init=False)
    durable_folders: set[Path] = attrs.field(factory=set)
    """Folders that are known to be durable."""
    unsealed: deque[SegmentName] = attrs.field(factory=deque)
    """Rolled segments that are not sealed yet, in seq order."""
    sealing: list[Future[None]] = attrs.field(factory=list)
    """Results of the background sealings that were not examined yet."""
    broken: bool = False
    """Whether a disk error made it unknown what is durable; nothing is written any more."""
    mutex: threading.RLock = attrs.field(factory=threading.RLock)
    """Prevents two threads from appending or rolling at the same time."""

    @head.default
    def _head_of(self) -> Path:
        return head_path(self.root, self.source, self.writer)


def open_segment(stream: Stream, at: int) -> OpenSegment:
    """Creates the next segment of the hour of `at`; its name is durable on return."""
    check_free_space(stream.disk, stream.root)
    first = segment_at(stream.source, stream.writer, at, 0)
    folder = open_path(stream.root, first).parent
    created = make_dirs(stream.disk, folder)
    prefix = f"{first.hour}-{first.writer}-"
    numbers = [
        int(entry.name[len(prefix) :].partition(".")[0])
        for entry in folder.iterdir()
        if entry.name.startswith(prefix)
    ]
    name = attrs.evolve(first, number=max(numbers, default=-1) + 1)
    handle = stream.disk.open_append(open_path(stream.root, name))
    if folder in stream.durable_folders or (
        folder in created and folder.parent in stream.durable_folders
    ):
        stream.disk.sync_dir(folder)
    else:
        sync_parents(stream.disk, folder, stream.root)
    stream.durable_folders.update((folder, folder.parent))
    return OpenSegment(name, handle, 0)


def roll(stream: Stream) -> None:
    """Closes the open segment and seals it in the background.

    Raises the error of an earlier sealing, if any; that sealing is retried each time.
    """
    with stream.mutex:
        segment = stream.segment
        if segment is None:
            return
        stream.disk.close(segment.handle)
        stream.segment = None
        if segment.size:
            stream.unsealed.append(segment.name)
            stream.sealing.append(stream.sealer.submit(seal_pending, stream))
        else:
            stream.disk.unlink(open_path(stream.root, segment.name))
        _raise_seal_errors(stream, wait=len(stream.unsealed) > MAX_UNSEALED)


def seal_pending(stream: Stream) -> None:
    """Seals all rolled segments, in seq order."""
    while stream.unsealed:
        name = stream.unsealed[0]
        try:
            if not finish_sealing(stream.root, name, stream.disk):
                seal(stream.root, name, stream.previous, stream.disk)
        except OSError as error:
            raise LocalResource(
                f"{name}: sealing: {error.strerror}",
                "free some disk space, then: hindlog segment seal --all",
            ) from error
        sealed = manifest_path(stream.root, name).read_bytes()
        stream.previous = manifests.digest(sealed)
        _, last_seq = manifests.seqs_in(sealed) or (0, 0)
        record_sealed_seq(stream.lock, last_seq)
        stream.unsealed.popleft()


def _raise_seal_errors(stream: Stream, *, wait: bool) -> None:
    for future in list(stream.sealing):
        if wait or future.done():
            stream.sealing.remove(future)
            future.result()


def wait_sealed(stream: Stream) -> None:
    """Waits until every rolled segment is sealed. Raises the error of a sealing that failed."""
    _raise_seal_errors(stream, wait=True)
    if stream.unsealed:
        stream.sealer.submit(seal_pending, stream).result()


def restore_head(stream: Stream) -> None:
    """Writes the head again if it was deleted meanwhile.

    Must be called before lines are written: without a head, readers return every complete
    line, also those that are not durable yet.
    """
    if not stream.head.exists():
        write_head(stream)


def write_head(stream: Stream) -> None:
    """Stores the high-water mark of the stream in `state/`. Ignores `OSError`."""
    segment = stream.segment
    path = stream.head
    name, size = (str(segment.name), segment.size) if segment else ("", 0)
    note = encode_head(Head(name, size, stream.last_seq))
    try:
        try:
            _overwrite(path, note)
        except FileNotFoundError:  # state/ was deleted meanwhile
            path.parent.mkdir(parents=True, exist_ok=True)
            _overwrite(path, note)
    except OSError:  # no head is better than an outdated one, which would hide durable events
        with contextlib.suppress(OSError):
            path.unlink()


def _overwrite(path: Path, data: bytes) -> None:
    # In place: after a rename, ext4 would write the new file during our next fsync.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.pwrite(handle, data, 0)
    finally:
        os.close(handle)
