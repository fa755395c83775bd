"""Stream lock: one process per stream (flock); its file records how far the stream is sealed."""

import contextlib
import fcntl
import os
import platform
import time
from pathlib import Path

import orjson

from eventlog.clock import SECOND, parse_us
from eventlog.errors import Locked
from eventlog.files.disk import REAL, make_dirs
from eventlog.format.paths import lock_path

_PATIENCE_S = 5.0
"""How long a `command` waits for another one's append."""


_GLANCE_S = 0.05
"""So long at least: somebody may only have looked whether the stream is held."""


_NOTE_BYTES = 4096


def lock_stream(
    root: Path, source: str, writer: str, now: str, patience_s: float = _GLANCE_S
) -> int:
    """Hold a stream. The handle is the lock: closing it, or dying, lets go.

    Raises `Locked` with who holds it.
    """
    handle = _lock_within(root, source, writer, patience_s)
    if handle is None:
        raise Locked(
            f"{source}, writer {writer}: held by {_holder(root, source, writer, now)}",
            "wait for it or stop that process; a lock goes with its process",
        )
    _write_note(handle, _note(handle) | {"pid": os.getpid(), "host": platform.node(), "since": now})
    return handle


def note_sealed(handle: int, last_seq: int) -> None:
    """Say in the lock file of a stream how far it is sealed. It never fails.

    What `state/` says of it may be deleted, and with it every trace of segments that are gone.
    """
    with contextlib.suppress(OSError):
        _write_note(handle, _note(handle) | {"sealed_seq": last_seq})


def sealed_seq(root: Path, source: str, writer: str) -> int:
    """How far a stream was sealed, by its lock file; 0 where that says nothing."""
    try:
        found = orjson.loads(lock_path(root, source, writer).read_bytes()).get("sealed_seq", 0)
    except (OSError, ValueError, AttributeError):
        return 0
    return found if isinstance(found, int) else 0


def _note(handle: int) -> dict[str, object]:
    try:
        found = orjson.loads(os.pread(handle, _NOTE_BYTES, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _write_note(handle: int, note: dict[str, object]) -> None:
    data = orjson.dumps(note)
    os.pwrite(handle, data, 0)
    os.ftruncate(handle, len(data))  # behind the write: a crash between leaves the old end of it


def lock_patiently(root: Path, source: str, writer: str, now: str) -> int:
    """As `lock_stream`, but waits some seconds: for roles that hold it for one append."""
    return lock_stream(root, source, writer, now, _PATIENCE_S)


def _lock_within(root: Path, source: str, writer: str, patience_s: float) -> int | None:
    deadline = time.monotonic() + patience_s
    while True:
        handle = _try_lock(root, source, writer)
        if handle is not None or time.monotonic() > deadline:
            return handle
        time.sleep(0.01)


def is_held(root: Path, source: str, writer: str) -> bool:
    """Whether a living process writes this stream."""
    if not lock_path(root, source, writer).exists():
        return False
    handle = _try_lock(root, source, writer, fcntl.LOCK_SH)
    if handle is None:
        return True
    os.close(handle)
    return False


def _try_lock(root: Path, source: str, writer: str, how: int = fcntl.LOCK_EX) -> int | None:
    path = lock_path(root, source, writer)
    if how == fcntl.LOCK_SH:  # only looked at: also where nothing may be written
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
    os.close(handle)  # held, or a file that somebody has removed meanwhile
    return None


def _holder(root: Path, source: str, writer: str, now: str) -> str:
    try:
        note = orjson.loads(lock_path(root, source, writer).read_bytes())
        age_s = (parse_us(now) - parse_us(note["since"])) // SECOND
        return f"process {note['pid']} on {note['host']} since {note['since']} ({age_s} s)"
    except (OSError, KeyError, TypeError, ValueError):
        return "another process"
