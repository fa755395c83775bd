"""Streams: one writer's end of (source, writer), its open segment and its sealing.

Segments that were rolled wait in a queue and are sealed behind the writer's back, in
the order of their seqs: a segment whose sealing went wrong holds up the later ones, so
that the chain of manifests never skips one.
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
from eventlog.write.seal import finish, seal

SEGMENT_BYTES = 256 * 1024 * 1024
MAX_UNSEALED = 4
"""So many rolled segments may wait; then rolling waits for the sealer."""


@attrs.define
class OpenSegment:
    """The segment being written."""

    name: SegmentName
    handle: int
    size: int
    starts_at: int = attrs.field(init=False)
    """First instant of its hour."""

    @starts_at.default
    def _starts_at_of(self) -> int:
        return self.name.starts_at


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
    sealer: ThreadPoolExecutor
    last_seq: int = 0
    last_observed: int = 0
    previous: str | None = None
    """SHA-256 of the manifest sealed last."""
    segment: OpenSegment | None = None
    head: Path = attrs.field(init=False)
    named: set[Path] = attrs.field(factory=set)
    """Folders whose own names are known to be durable."""
    unsealed: deque[SegmentName] = attrs.field(factory=deque)
    sealing: list[Future[None]] = attrs.field(factory=list)
    broken: bool = False
    turn: threading.RLock = attrs.field(factory=threading.RLock)
    """Held while something is appended or rolled: one at a time, whoever calls."""

    @head.default
    def _head_of(self) -> Path:
        return head_path(self.root, self.source, self.writer)


def open_segment(stream: Stream, at: int) -> OpenSegment:
    """The next segment of the hour of `at`, its name durable."""
    check_free_space(stream.disk, stream.root)
    first = segment_at(stream.source, stream.writer, at, 0)
    folder = open_path(stream.root, first).parent
    made = make_dirs(stream.disk, folder)
    prefix = f"{first.hour}-{first.writer}-"
    numbers = [
        int(entry.name[len(prefix) :].partition(".")[0])
        for entry in folder.iterdir()
        if entry.name.startswith(prefix)
    ]
    name = attrs.evolve(first, number=max(numbers, default=-1) + 1)
    handle = stream.disk.open_append(open_path(stream.root, name))
    if folder in stream.named or (folder in made and folder.parent in stream.named):
        stream.disk.sync_dir(folder)
    else:
        sync_parents(stream.disk, folder, stream.root)
    stream.named.update((folder, folder.parent))
    return OpenSegment(name, handle, 0)


def roll(stream: Stream) -> None:
    """Close the open segment and have it sealed in the background.

    Raises what went wrong with an earlier sealing; that is tried again each time.
    """
    with stream.turn:
        held = stream.segment
        if held is None:
            return
        stream.disk.close(held.handle)
        stream.segment = None
        if held.size:
            stream.unsealed.append(held.name)
            stream.sealing.append(stream.sealer.submit(seal_pending, stream))
        else:
            stream.disk.unlink(open_path(stream.root, held.name))
        _raise_seal_errors(stream, wait=len(stream.unsealed) > MAX_UNSEALED)


def seal_pending(stream: Stream) -> None:
    """Seal what waits, in the order of its seqs."""
    while stream.unsealed:
        name = stream.unsealed[0]
        try:
            if not finish(stream.root, name, stream.disk):
                seal(stream.root, name, stream.previous, stream.disk)
        except OSError as error:
            raise LocalResource(
                f"{name}: sealing: {error.strerror}", "make room, then: hindlog segment seal --all"
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
    """Return when every rolled segment is sealed. Raises what went wrong with one."""
    _raise_seal_errors(stream, wait=True)
    if stream.unsealed:
        stream.sealer.submit(seal_pending, stream).result()


def keep_head(stream: Stream) -> None:
    """Note the head again if it was deleted under us.

    Before lines are written: without a head readers believe whole lines, and would
    show what is not durable yet.
    """
    if not stream.head.exists():
        note_head(stream)


def note_head(stream: Stream) -> None:
    """Say in `state/` how far the stream is durable. Disposable: it never fails."""
    held = stream.segment
    path = stream.head
    name, size = (str(held.name), held.size) if held else ("", 0)
    note = encode_head(Head(name, size, stream.last_seq))
    try:
        try:
            _write_over(path, note)
        except FileNotFoundError:  # state/ was deleted under us
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_over(path, note)
    except OSError:  # no head is better than an old one, which would hide what is durable
        with contextlib.suppress(OSError):
            path.unlink()


def _write_over(path: Path, data: bytes) -> None:
    # In place: a rename makes ext4 write the new file out within our next fsync.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.pwrite(handle, data, 0)
    finally:
        os.close(handle)
