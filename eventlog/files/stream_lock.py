"""Locks between processes (flock), which end with the process at the latest.

One process writes a stream; the file of its lock records how far the stream is sealed.
"""

import contextlib
import fcntl
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from eventlog.clock import SECOND, parse_us
from eventlog.errors import Locked
from eventlog.files.disk import REAL, make_dirs
from eventlog.format.paths import lock_path

_LONG_WAIT_S = 5.0
"""Time that a short-lived process waits for another one's append."""
_SHORT_WAIT_S = 0.05
"""Minimum wait: `is_locked` in another process takes the lock for a moment, too."""
_NOTE_BYTES = 4096
"""Maximum size of the JSON object in a lock file."""


@contextlib.contextmanager
def hold_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Locks a file while the block runs; creates it, in a folder that exists.

    Waits until no other process or thread has the lock; without `wait`, raises `BlockingIOError`
    if one has it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def lock_stream(
    root: Path, source: str, writer: str, now: str, timeout_s: float = _SHORT_WAIT_S
) -> int:
    """Locks a stream and returns a file handle. Closing it, or the end of the process, unlocks.

    Raises `Locked`, which names the process that has the lock.
    """
    handle = _lock_within(root, source, writer, timeout_s)
    if handle is None:
        raise Locked(
            f"{source}, writer {writer}: locked by {_holder(root, source, writer, now)}",
            "wait for that process, or stop it; its lock ends with it",
        )
    _write_note(handle, _note(handle) | {"pid": os.getpid(), "host": platform.node(), "since": now})
    return handle


def record_sealed_seq(handle: int, last_seq: int) -> None:
    """Stores in the lock file up to which seq a stream is sealed. Ignores `OSError`.

    The head in `state/` may be deleted, and with it the only evidence of missing segments.
    """
    with contextlib.suppress(OSError):
        _write_note(handle, _note(handle) | {"sealed_seq": last_seq})


def sealed_seq(root: Path, source: str, writer: str) -> int:
    """Returns the seq up to which a stream was sealed, by its lock file; 0 if unknown."""
    try:
        seq = orjson.loads(lock_path(root, source, writer).read_bytes()).get("sealed_seq", 0)
    except (OSError, ValueError, AttributeError):
        return 0
    return seq if isinstance(seq, int) else 0


def _note(handle: int) -> dict[str, object]:
    try:
        note = orjson.loads(os.pread(handle, _NOTE_BYTES, 0))
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _write_note(handle: int, note: dict[str, object]) -> None:
    data = orjson.dumps(note)
    os.pwrite(handle, data, 0)
    os.ftruncate(handle, len(data))  # second: a crash in between leaves only trailing bytes


def lock_stream_waiting(root: Path, source: str, writer: str, now: str) -> int:
    """Like `lock_stream`, but waits some seconds, for roles that lock only for one append."""
    return lock_stream(root, source, writer, now, _LONG_WAIT_S)


def _lock_within(root: Path, source: str, writer: str, timeout_s: float) -> int | None:
    deadline = time.monotonic() + timeout_s
    while True:
        handle = _try_lock(root, source, writer)
        if handle is not None or time.monotonic() > deadline:
            return handle
        time.sleep(0.01)


def is_locked(root: Path, source: str, writer: str) -> bool:
    """Whether a running process has locked this stream."""
    if not lock_path(root, source, writer).exists():
        return False
    handle = _try_lock(root, source, writer, fcntl.LOCK_SH)
    if handle is None:
        return True
    os.close(handle)
    return False


def lock_holder(root: Path, source: str, writer: str) -> dict[str, object] | None:
    """Returns pid, host and since when of the process that locks a stream; None if none does."""
    if not is_locked(root, source, writer):
        return None
    try:
        note = orjson.loads(lock_path(root, source, writer).read_bytes())
        return {"pid": int(note["pid"]), "host": str(note["host"]), "since": str(note["since"])}
    except (OSError, KeyError, TypeError, ValueError):
        return None  # it ended meanwhile


def _try_lock(root: Path, source: str, writer: str, how: int = fcntl.LOCK_EX) -> int | None:
    path = lock_path(root, source, writer)
    if how == fcntl.LOCK_SH:  # read-only: also works without write permission
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    else:
        make_dirs(REAL, path.parent)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
        current = path.stat().st_ino == os.fstat(handle).st_ino
    except (BlockingIOError, FileNotFoundError):
        current = False
    except BaseException:
        os.close(handle)
        raise
    if current:
        return handle
    os.close(handle)  # locked by another process, or the file was removed meanwhile
    return None


def _holder(root: Path, source: str, writer: str, now: str) -> str:
    try:
        note = orjson.loads(lock_path(root, source, writer).read_bytes())
        age_s = (parse_us(now) - parse_us(note["since"])) // SECOND
        return f"process {note['pid']} on {note['host']} since {note['since']} ({age_s} s)"
    except (OSError, KeyError, TypeError, ValueError):
        return "another process"
