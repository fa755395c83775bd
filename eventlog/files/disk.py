"""The disk: every change that must survive a power cut, spelled out once.

`Disk` is a value whose fields are functions, so that a test can hand in one that
forgets what was not synced. Each raises `OSError` as the system does.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import attrs

from eventlog.errors import LocalResource

RESERVE_BYTES = 512 * 1024 * 1024
"""Crawling stops while this much is still free."""


def _open_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _sync_dir(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free_bytes(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


@attrs.frozen
class Disk:
    """How files are changed."""

    open_append: Callable[[Path], int] = _open_append
    write: Callable[[int, bytes], int] = os.write
    """May write less than it was given."""
    fsync: Callable[[int], None] = os.fsync
    truncate: Callable[[int, int], None] = os.ftruncate
    close: Callable[[int], None] = os.close
    rename: Callable[[Path, Path], None] = os.rename
    link: Callable[[Path, Path], None] = os.link
    """Raises `FileExistsError` where the new name is taken: never replaces."""
    unlink: Callable[[Path], None] = os.unlink
    sync_dir: Callable[[Path], None] = _sync_dir
    free_bytes: Callable[[Path], int] = _free_bytes


REAL = Disk()


def write_all(disk: Disk, handle: int, data: bytes) -> None:
    """Write every byte, also where the system takes them in portions."""
    view = memoryview(data)
    while view:
        written = disk.write(handle, view)  # type: ignore[arg-type]
        view = view[written:]


def make_dirs(disk: Disk, folder: Path) -> list[Path]:
    """`folder` and what is missing above it, each made durable; those that were missing."""
    missing = []
    at = folder
    while not at.is_dir():
        missing.append(at)
        at = at.parent
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            each.mkdir()
        disk.sync_dir(each.parent)
    return missing


def sync_up(disk: Disk, folder: Path, root: Path) -> None:
    """Make the names on the way to `folder` durable, also those a killed process made."""
    while folder != root.parent:
        disk.sync_dir(folder)
        folder = folder.parent


def write_durable(disk: Disk, path: Path, data: bytes) -> None:
    """A new file under a temporary name, whole and on disk when this returns."""
    path.unlink(missing_ok=True)
    handle = disk.open_append(path)
    try:
        write_all(disk, handle, data)
        disk.fsync(handle)
    finally:
        disk.close(handle)


def replace_file(path: Path, data: bytes) -> None:
    """Swap a disposable file in one step. Not durable: for `state/` only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


def check_free(disk: Disk, root: Path, need: int = 0) -> None:
    """Raises `LocalResource` before the disk is full."""
    free = disk.free_bytes(root)
    if free - need < RESERVE_BYTES:
        raise LocalResource(
            f"{root}: {free // 2**20} MiB free, expected at least {RESERVE_BYTES // 2**20} MiB",
            "free some space, then start again: nothing was lost",
        )
