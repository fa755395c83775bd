"""Changes of files that must survive a power failure.

`Disk` is a value whose fields are functions, so that a test can pass a simulated disk that
loses everything not fsynced. Each function raises `OSError` like the system call.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from eventlog.errors import LocalResource
from eventlog.files.file_system import sync_file_system

RESERVE_BYTES = 512 * 1024 * 1024
"""Amount of free space below which nothing is written any more."""


def _open_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _sync_dir(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free_bytes(path: Path) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


@attrs.frozen
class Disk:
    """The functions that change files."""

    open_append: Callable[[Path], int] = _open_append
    write: Callable[[int, bytes], int] = os.write
    """Returns the number of bytes written, which may be fewer than passed."""
    fsync: Callable[[int], None] = os.fsync
    truncate: Callable[[int, int], None] = os.ftruncate
    close: Callable[[int], None] = os.close
    rename: Callable[[Path, Path], None] = os.rename
    link: Callable[[Path, Path], None] = os.link
    """Raises `FileExistsError` if the new name is taken: never replaces a file."""
    unlink: Callable[[Path], None] = os.unlink
    sync_dir: Callable[[Path], None] = _sync_dir
    sync_file_system: Callable[[int], bool] = sync_file_system
    """Makes everything durable that is on the file system of an open folder or file. Returns
    False, and does nothing, where the system cannot do that or does not report errors."""
    free_bytes: Callable[[Path], int] = _free_bytes


REAL = Disk()


def write_all(disk: Disk, handle: int, data: bytes) -> None:
    """Writes all bytes, also if the system accepts only a part per call."""
    view = memoryview(data)
    while view:
        written = disk.write(handle, view)  # type: ignore[arg-type]
        view = view[written:]


def make_dirs(disk: Disk, folder: Path) -> list[Path]:
    """Creates `folder` and its missing parents, durably. Returns the folders that were missing."""
    missing = []
    at = folder
    while not at.is_dir():
        missing.append(at)
        at = at.parent
    for created in reversed(missing):
        with contextlib.suppress(FileExistsError):
            created.mkdir()
        disk.sync_dir(created.parent)
    return missing


def sync_parents(disk: Disk, folder: Path, root: Path) -> None:
    """Fsyncs `folder` and its parents up to `root`: a killed process may have created them."""
    while folder != root.parent:
        disk.sync_dir(folder)
        folder = folder.parent


def write_durable(disk: Disk, path: Path, data: bytes) -> None:
    """Writes a new file, complete and fsynced on return; an existing file is deleted first."""
    path.unlink(missing_ok=True)
    handle = disk.open_append(path)
    try:
        write_all(disk, handle, data)
        disk.fsync(handle)
    finally:
        disk.close(handle)


def sync_file(disk: Disk, path: Path) -> None:
    """Fsyncs an existing file."""
    handle = disk.open_append(path)
    try:
        disk.fsync(handle)
    finally:
        disk.close(handle)


@contextlib.contextmanager
def full_disk_named(root: Path) -> Iterator[None]:
    """Raises `LocalResource` with the folder in place of an error that the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise LocalResource(
            f"{error.filename or root}: {error.strerror}",
            "make room there, then run it again: complete files stay, nothing was lost",
        ) from error


def check_free_space(disk: Disk, root: Path, need: int = 0) -> None:
    """Raises `LocalResource` unless `RESERVE_BYTES` stay free after writing `need` bytes."""
    free = disk.free_bytes(root)
    if free - need < RESERVE_BYTES:
        raise LocalResource(
            f"{root}: {free // 2**20} MiB free, expected at least {RESERVE_BYTES // 2**20} MiB",
            "free some disk space, then start again: nothing was lost",
        )
