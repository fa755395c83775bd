"""Generations: folders of parts, one of which the views file reads.

    views/parts…/          parts; `views/current` names the folder that updates go on with
    views/hindlog.duckdb   names files of it

A rebuild makes a new folder beside and swaps the views file. What is no longer named is
deleted an hour later at the earliest: an open reader still reads by the old list.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from eventlog.clock import HOUR
from eventlog.errors import Invalid, NoArchive
from eventlog.files.disk import replace_file
from eventlog.format.paths import log_dir

FIRST = "parts"
CURRENT = "current"
SPILL = "spill-"
"""With its process: what a reader could not hold in memory."""
_NAME = re.compile(r"parts(-[0-9]+)?")
_ASIDE = re.compile(r"aside-[0-9]+")


def views_dir(root: Path) -> Path:
    """Where an archive's views lie. Raises `NoArchive`."""
    if not log_dir(root).is_dir():
        raise NoArchive(f"{root}: no archive here", "hindlog init")
    refuse_glob(root)
    return root.resolve() / "views"


def refuse_glob(root: Path) -> None:
    """Raises `Invalid` for a folder whose name DuckDB would take for a pattern of names."""
    odd = sorted(set("*?[") & set(str(root.resolve())))
    if odd:
        raise Invalid(
            f"{root.resolve()}: expected no {' '.join(odd)} in the path of an archive: "
            "its views name files by it, and these stand for other names",
            "rename the folder",
        )


def current_parts(views: Path) -> Path:
    """The folder of parts that updates go on with."""
    try:
        name = (views / CURRENT).read_text().strip()
    except FileNotFoundError:
        return views / FIRST
    return views / (name if _NAME.fullmatch(name) else FIRST)


def next_parts(views: Path) -> Path:
    """A folder of parts that nobody has used."""
    numbers = [
        int(each.name.partition("-")[2] or 0)
        for each in views.iterdir()
        if _NAME.fullmatch(each.name)
    ]
    return views / f"{FIRST}-{max(numbers, default=0) + 1}"


def make_current(parts: Path) -> None:
    """Let updates go on with this folder."""
    replace_file(parts.parent / CURRENT, parts.name.encode() + b"\n")


def sweep(views: Path, before: frozenset[str], after: frozenset[str], now: int) -> None:
    """Delete parts that no views file has named for an hour, and what crashes left.

    `before` and `after`: paths below `views` that the last and the present views file
    name. A part that leaves is stamped with the time it left.
    """
    for path in (views / each for each in before - after):
        with contextlib.suppress(FileNotFoundError):
            os.utime(path, ns=(now * 1000, now * 1000))
    keep = current_parts(views).name
    for folder in [each for each in views.iterdir() if each.is_dir()]:
        if _ASIDE.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
        elif _NAME.fullmatch(folder.name):
            for path in folder.rglob("*.parquet*"):
                left = str(path.relative_to(views)) not in after
                if left and now - path.stat().st_mtime_ns // 1000 > HOUR:
                    path.unlink(missing_ok=True)
            if folder.name != keep:
                _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):
                path.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def writable(root: Path) -> Iterator[Path]:
    """The archive; where its views may not be written, a folder that leads to all of it.

    In that folder something can be built aside, and nothing of the archive changes.
    """
    views = views_dir(root)
    if os.access(views if views.exists() else root, os.W_OK):
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="hindlog-") as other:
        (Path(other) / "views").mkdir()
        for path in (*root.iterdir(), *views.glob("*")):
            if path not in (views, views / ".lock", views / "tmp"):
                (Path(other) / path.relative_to(root)).symlink_to(path)
        yield Path(other).resolve()


@contextlib.contextmanager
def locked(views: Path) -> Iterator[None]:
    """Only one process builds at a time; a second one waits."""
    views.mkdir(parents=True, exist_ok=True)
    handle = os.open(views / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def scratch(views: Path) -> Iterator[Path]:
    """A folder for copies and spilled rows, gone afterwards, also after a crash."""
    for left in views.glob(f"{SPILL}*"):
        if not _lives(left.name.removeprefix(SPILL)):
            shutil.rmtree(left, ignore_errors=True)
    mine = views / "tmp" / str(os.getpid())
    shutil.rmtree(views / "tmp", ignore_errors=True)
    mine.mkdir(parents=True)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)


def _lives(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def aside(views: Path) -> Iterator[Path]:
    """A folder beside, for views that are only looked at; gone afterwards."""
    mine = views / f"aside-{os.getpid()}"
    shutil.rmtree(mine, ignore_errors=True)
    mine.mkdir(parents=True)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)
