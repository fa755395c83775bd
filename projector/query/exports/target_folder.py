"""The folder of an export: it appears complete or not at all, and never deletes other files."""

import contextlib
import fcntl
import glob
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from eventlog.errors import Invalid

EXPORT_MANIFEST = "manifest.json"
"""Name of the manifest in the exported folder."""


@contextlib.contextmanager
def temporary_folder(to: Path) -> Iterator[Path]:
    """Yields a locked folder next to `to`. Deletes it afterwards, and those of crashed exports."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for leftover in to.parent.glob(f".{glob.escape(to.name)}.*.tmp"):
        if (handle := _lock(leftover)) is not None:
            shutil.rmtree(leftover, ignore_errors=True)
            os.close(handle)
    temporary = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    handle = _lock(temporary)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """Returns the handle of a folder that is now locked; None if another process has the lock.

    The lock ends with the process.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def refuse_other_content(to: Path) -> set[str]:
    """Returns the views of an earlier export in a folder, which may be missing or empty.

    Raises `Invalid` if it contains anything else.
    """
    if not to.exists() or (to.is_dir() and not any(to.iterdir())):
        return set()
    if not (to / EXPORT_MANIFEST).is_file():
        raise Invalid(f"{to}: expected an export or nothing", "name an empty or new folder")
    try:
        manifest = json.loads((to / EXPORT_MANIFEST).read_bytes())
        listed = {file["path"] for view in manifest["views"] for file in view["files"]}
        views = {str(view["view"]) for view in manifest["views"]}
    except (ValueError, KeyError, TypeError) as error:
        message = f"{to / EXPORT_MANIFEST}: not the manifest of an export: {error}"
        raise Invalid(message, "name an empty or new folder") from error
    present = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}
    unlisted = sorted(present - listed - {EXPORT_MANIFEST})
    if unlisted:
        message = f"{to}: contains {unlisted[0]!r}, which no export wrote"
        raise Invalid(message, "name an empty or new folder")
    return views


def refuse_loss(to: Path, earlier: set[str], names: Sequence[str]) -> None:
    """Raises `Invalid` if the earlier export has a view that the new one lacks."""
    if lost := sorted(earlier - set(names)):
        message = f"{to}: contains an export of {lost[0]}, which this one would delete"
        raise Invalid(message, "name all of its views, or an empty or new folder")


def publish_export(temporary: Path, to: Path) -> None:
    """Renames the new export to `to`; an earlier one is renamed before, and deleted after."""
    if not to.exists():
        temporary.rename(to)
        return
    old = to.with_name(f".{to.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    to.rename(old)
    temporary.rename(to)
    shutil.rmtree(old)
