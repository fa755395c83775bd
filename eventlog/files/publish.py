"""Publishes files: under its name, a file exists with all of its bytes, or not at all.

    temporary name → bytes, fsynced → linked or renamed → folder fsynced

`publish_new` links, which never replaces a file. `publish_written` and `replace_durably`
rename, which replaces the file of that name. A crash leaves at most the temporary file. The
next publication of the same name deletes it; if its name is unique, `delete_interrupted` does.
"""

import contextlib
import itertools
import os
from pathlib import Path

from eventlog.clock import DAY
from eventlog.files.disk import Disk, make_dirs, sync_parents, write_durable

_numbers = itertools.count()


def temporary_path(path: Path) -> Path:
    """Returns the name under which a file is written before it is published."""
    return path.with_name(f".{path.name}.tmp")


def unique_temporary_path(path: Path) -> Path:
    """Returns a temporary name that no other writer of the same file uses."""
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.tmp")


def delete_interrupted(folder: Path, now: int) -> None:
    """Deletes the temporary files in a folder that are a day old: their writers were killed."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            is_temporary = entry.name.startswith(".") and entry.name.endswith(".tmp")
            if is_temporary and entry.stat().st_mtime_ns // 1000 < now - DAY:
                Path(entry.path).unlink(missing_ok=True)


def publish_new(
    disk: Disk,
    path: Path,
    data: bytes,
    root: Path | None = None,
    temporary: Path | None = None,
) -> bool:
    """Publishes a file under a new name. Returns False if the name is taken; then nothing changes.

    The name is durable on return, in both cases. With `root`, missing folders are created, and
    those between `root` and the file become durable, too. `temporary` is a
    `unique_temporary_path` where several writers may publish the same file at once.
    """
    if root is not None:
        make_dirs(disk, path.parent)
    temporary = temporary or temporary_path(path)
    write_durable(disk, temporary, data)
    try:
        disk.link(temporary, path)  # not rename: it would replace another writer's file
        is_new = True
    except FileExistsError:
        is_new = False
    finally:
        disk.unlink(temporary)
    _sync_name(disk, path, root)
    return is_new


def replace_durably(disk: Disk, path: Path, data: bytes, root: Path | None = None) -> None:
    """Publishes a file, replacing the one of that name. Durable on return; `root` as above."""
    if root is not None:
        make_dirs(disk, path.parent)
    temporary = temporary_path(path)
    write_durable(disk, temporary, data)
    publish_written(disk, temporary, path, root)


def publish_written(disk: Disk, temporary: Path, path: Path, root: Path | None = None) -> None:
    """Publishes a file that is durable under a temporary name, replacing the one at `path`."""
    disk.rename(temporary, path)
    _sync_name(disk, path, root)


def _sync_name(disk: Disk, path: Path, root: Path | None) -> None:
    sync_parents(disk, path.parent, root or path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Replaces a file atomically, but not durably: only for what can be computed again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
