"""Cache of files that were fetched from the mirror: bounded, and shared by processes.

    cache/log/…, cache/assets/…   complete files, checked and fsynced before they got their name
    cache/.size                   sum of their sizes, or more; guarded by the lock
    cache/.lock                   flock: adding a file, and evicting others
    cache/.locks/<2 hex digits>   flock: one process fetches a file at a time

All of it may be deleted at any time. The file used least recently is evicted first; its time of
modification is that of its last use. An open file, or one with another link, can still be read.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from eventlog.clock import HOUR, now_us
from eventlog.files.publish import temporary_path
from eventlog.files.stream_lock import hold_lock
from eventlog.format.manifest import digest

LOW_SHARE = 0.9
"""Share of the bound down to which files are evicted, so that not every fetch has to evict."""
STALE_US = HOUR
"""Age from which on a temporary file was left by a process that was killed."""


def cache_dir(root: Path) -> Path:
    """The folder of the cache."""
    return root / "cache"


def cached_path(root: Path, name: str) -> Path:
    """The file of an object in the cache."""
    return root / "cache" / name


@contextmanager
def lock_cached_file(root: Path, name: str) -> Iterator[None]:
    """Waits until no other thread or process fetches this file. Few files share a lock."""
    locks = cache_dir(root) / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with hold_lock(locks / digest(name.encode())[:2]):
        yield


def mark_as_used(path: Path) -> None:
    """Makes a file the one that was used last."""
    with suppress(FileNotFoundError):
        os.utime(path)


def add_to_cache(root: Path, name: str, temporary: Path, max_bytes: int) -> None:
    """Gives a complete file its name in the cache, and evicts others if the bound is exceeded.

    The new file stays whatever its size. The caller has the lock of the file.
    """
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    mark_as_used(temporary)  # an interrupted fetch may have left it long ago
    folder = cache_dir(root)
    with hold_lock(folder / ".lock"):
        total = _read_size(folder)
        if total is None or total + size > max_bytes:
            total = _evict(folder, max_bytes - size, int(max_bytes * LOW_SHARE) - size)
        # written before the name appears: after a crash in between it is too large, not too small
        (folder / ".size").write_text(str(total + size))
        temporary.replace(cached_path(root, name))


def _read_size(folder: Path) -> int | None:
    try:
        return int((folder / ".size").read_text())
    except (FileNotFoundError, ValueError):
        return None


@attrs.frozen(order=True)
class _CachedFile:
    used_ns: int
    path: str
    size: int


def _evict(folder: Path, allowed: int, goal: int) -> int:
    """Deletes files if they have more bytes than allowed, until they have `goal` bytes.

    Returns their sum. The files used least recently come first.
    """
    files = sorted(_list_cached(folder))
    total = sum(file.size for file in files)
    if total <= allowed:
        return total
    for file in files:
        if total <= goal:
            break
        with suppress(FileNotFoundError):
            Path(file.path).unlink()
        total -= file.size
    return total


def _list_cached(folder: Path) -> Iterator[_CachedFile]:
    """Yields complete files, and temporary ones that nobody writes any more."""
    oldest_ns = (now_us() - STALE_US) * 1000
    for kind in ("log", "assets"):
        for parent, _, names in os.walk(folder / kind):
            for name in names:
                path = Path(parent, name)
                with suppress(FileNotFoundError):
                    status = path.stat()
                    if not name.startswith(".") or status.st_mtime_ns < oldest_ns:
                        yield _CachedFile(status.st_mtime_ns, str(path), status.st_size)


def partial_path(root: Path, name: str) -> Path:
    """The file that an object is written to until it is complete."""
    return temporary_path(cached_path(root, name))
