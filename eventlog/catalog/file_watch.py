"""Notices changes of a file that is polled, at the cost of one `stat`.

Two writes within the resolution of a timestamp can leave the same stamp. Therefore an unchanged
stamp is trusted only after the file was read once more, long after the stamp was first seen.
Until then the file is read: at each poll as long as timestamps usually cannot tell two writes
apart, and less often after that.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import msgspec

SETTLED_S = 10.0
"""Duration after which a write cannot leave the stamp that was first seen before it."""
FRESH_S = 0.05
"""Age of a stamp up to which the file is read at each poll: some ticks of the kernel's clock,
which is the resolution of timestamps on most file systems."""
REREAD_S = 0.1
"""Seconds between two readings of a file whose stamp is older and not settled."""


class FileStamp(msgspec.Struct, frozen=True):
    """What differs if a file was written or replaced, within the resolution of timestamps."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    """Differs also if another program set `mtime_ns` back, as copying programs do."""


def file_stamp(path: Path) -> FileStamp | None:
    """Returns the stamp of a file, or None if it cannot be read."""
    try:
        status = os.stat(path)  # noqa: PTH116 - less work than `path.stat()`: a tail does little else
    except OSError:
        return None
    return FileStamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@attrs.frozen
class StampTimes:
    """How stamps are read, and the seconds that have passed, by a clock that is never set."""

    now: Callable[[], float] = time.monotonic
    stamp: Callable[[Path], FileStamp | None] = file_stamp


REAL_STAMPS = StampTimes()


@attrs.define
class FileWatch:
    """The state of a file when its caller read it last."""

    path: Path
    times: StampTimes = REAL_STAMPS
    stamp: FileStamp | None = None
    seen_at: float | None = None
    """When the stamp was first seen; None before the first poll."""
    read_at: float = 0
    """When the caller read the file last."""
    is_settled: bool = False
    """Whether the caller read the file so late that only another stamp means a change."""


def may_have_changed(watch: FileWatch) -> bool:
    """Whether the file may differ from what it was at the last call. The caller then reads it.

    A missing file counts as one with a stamp of its own. A write that left the same stamp as
    another one long before it is noticed after `REREAD_S`.
    """
    stamp, now = watch.times.stamp(watch.path), watch.times.now()
    if watch.seen_at is None or stamp != watch.stamp:
        watch.stamp, watch.seen_at, watch.read_at, watch.is_settled = stamp, now, now, False
        return True
    is_fresh = now - watch.seen_at < FRESH_S
    if watch.is_settled or (not is_fresh and now - watch.read_at < REREAD_S):
        return False
    watch.read_at = now
    watch.is_settled = now - watch.seen_at >= SETTLED_S
    return True
