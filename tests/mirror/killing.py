"""Kills a process at any change of a file, as far as the files are concerned.

    with killed_at(folder, 7) as steps:
        …        # the eighth change of a file in the folder, and all after it, raise `Killed`

An audit hook of Python sees every change of a file, in all threads: opening for writing, renaming,
linking, deleting, creating a folder. After the kill, `finally` blocks change no file either.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from tests.eventlog.mirror.buckets import Killed

CHANGES = {"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir"}
NEVER = 1 << 30


@attrs.define
class Steps:
    """The changes of files in a folder."""

    folder: str
    limit: int
    """Number of changes until the process is killed."""
    count: int = 0


_running: list[Steps] = []


@contextmanager
def killed_at(folder: Path, limit: int = NEVER) -> Iterator[Steps]:
    """Counts changes, and raises `Killed` in place of those after so many. Suppresses it."""
    if _hook not in _hooks:
        _hooks.append(_hook)
        sys.addaudithook(_hook)  # there is no way to remove it
    steps = Steps(str(folder), limit)
    _running.append(steps)
    try:
        with suppress(Killed):
            yield steps
    finally:
        _running.remove(steps)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _running or not (event in CHANGES or (event == "open" and _is_writing(arguments))):
        return
    for steps in list(_running):
        if _path_of(event, arguments).startswith(steps.folder):
            steps.count += 1
            if steps.count > steps.limit:
                raise Killed


def _path_of(event: str, arguments: tuple[object, ...]) -> str:
    """Returns the path of a change. `shutil.rmtree` names files relative to an open folder."""
    path, folder = str(arguments[0]), arguments[1] if len(arguments) > 1 else -1
    if event in ("os.remove", "os.rmdir") and isinstance(folder, int) and folder >= 0:
        return str(Path(f"/proc/self/fd/{folder}").readlink() / path)
    return path


def _is_writing(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


_hooks: list[object] = []
