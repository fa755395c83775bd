"""Folders of an archive's views, and who may write them.

    views/parts…/          parts; `views/current` names the folder that updates write to
    views/hindlog.duckdb   the views file, which names files of that folder
    views/last-update      what the last complete update read and wrote
    views/answers/         what `status`, `doctor` and `changes` computed from these views
    views/tmp/             scratch files of the process that builds
    views/aside-<pid>/     views of a check, a comparison or a rebuild into a file
    views/spill-<pid>/     rows that a reader's query spilled to disk

A rebuild writes the next folder of parts and then replaces the views file. Parts that the views
file no longer names are deleted an hour later at the earliest, because an open reader still
reads the files that its snapshot names.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from eventlog.clock import HOUR
from eventlog.errors import Invalid, NoArchive, NotFound
from eventlog.files.publish import replace_file
from eventlog.files.stream_lock import hold_lock
from eventlog.format.paths import log_dir

VIEWS_FILE = "hindlog.duckdb"
FIRST = "parts"
"""Folder of parts of an archive that was never rebuilt."""
CURRENT = "current"
"""File with the name of the folder that updates write to."""
SPILL = "spill-"
"""Prefix of a folder for spilled rows; the process id follows."""
_PARTS_FOLDER = re.compile(r"parts(-[0-9]+)?")
_TEMPORARY_FOLDER = re.compile(r"aside-[0-9]+")


def views_dir(root: Path) -> Path:
    """Returns the folder of an archive's views. Raises `NoArchive`, or `Invalid` for its path."""
    if not log_dir(root).is_dir():
        raise NoArchive(f"{root}: no archive here", "hindlog init")
    refuse_glob_characters(root)
    return root.resolve() / "views"


def find_views_file(views: Path) -> Path:
    """Returns the path of the views file in a folder. Raises `NotFound` if there is none yet."""
    path = views / VIEWS_FILE
    if not path.exists():
        raise NotFound(f"{path}: no views yet", "hindlog view update")
    return path


def is_utf8(text: str) -> bool:
    """Returns whether a text from the command line was UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def has_backslash(path: Path) -> bool:
    """Returns whether DuckDB would open another path instead.

    It takes `\\` for `/` in the real path of a database and of a folder for spilled rows, but not
    in the paths of other files.
    """
    return "\\" in os.path.realpath(path)


def refuse_glob_characters(root: Path) -> None:
    """Raises `Invalid` for a path that DuckDB would read as another one or as a glob pattern."""
    path = str(root.resolve())
    if not is_utf8(path):
        raise Invalid(
            f"{path}: expected UTF-8 in the path of an archive: "
            "DuckDB cannot open files with such a path",
            "rename the folder",
        )
    characters = sorted(set("*?[") & set(path))
    if characters:
        raise Invalid(
            f"{path}: expected no {' '.join(characters)} in the path of an archive: "
            "DuckDB would read a path with them as a pattern",
            "rename the folder",
        )


def current_parts(views: Path) -> Path:
    """Returns the folder of parts that updates write to."""
    try:
        name = (views / CURRENT).read_text().strip()
    except FileNotFoundError:
        return views / FIRST
    return views / (name if _PARTS_FOLDER.fullmatch(name) else FIRST)


def next_parts(views: Path) -> Path:
    """Returns a new name for a folder of parts, greater than all that exist."""
    numbers = [
        int(path.name.partition("-")[2] or 0)
        for path in views.iterdir()
        if _PARTS_FOLDER.fullmatch(path.name)
    ]
    return views / f"{FIRST}-{max(numbers, default=0) + 1}"


def set_current_parts(parts: Path) -> None:
    """Makes a folder of parts the one that updates write to."""
    replace_file(parts.parent / CURRENT, parts.name.encode() + b"\n")


def delete_unused_parts(
    views: Path, before: frozenset[str], after: frozenset[str], now: int
) -> None:
    """Deletes parts that no views file has named for an hour, and folders left by crashes.

    `before` and `after`: the files, as paths below `views`, of the previous and of the present
    views file. A file that only the previous one names gets `now` (in microseconds) as its
    time of modification, from which the hour counts.
    """
    for path in (views / name for name in before - after):
        with contextlib.suppress(FileNotFoundError):
            os.utime(path, ns=(now * 1000, now * 1000))
    current = current_parts(views).name
    for folder in [path for path in views.iterdir() if path.is_dir()]:
        if _TEMPORARY_FOLDER.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
        elif _PARTS_FOLDER.fullmatch(folder.name):
            for path in folder.rglob("*.parquet*"):
                is_unused = str(path.relative_to(views)) not in after
                if is_unused and now - path.stat().st_mtime_ns // 1000 > HOUR:
                    path.unlink(missing_ok=True)
            if folder.name != current:
                _delete_empty(folder)


def _delete_empty(folder: Path) -> None:
    """Deletes the empty folders below a folder, and the folder itself if nothing is left."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):
                path.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def writable_archive(root: Path) -> Iterator[Path]:
    """Yields the archive, or a temporary folder of links to it if its views are read-only.

    Temporary views can be built there without a change to the archive.
    """
    views = views_dir(root)
    if os.access(views if views.exists() else root, os.W_OK):
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="hindlog-") as linked:
        (Path(linked) / "views").mkdir()
        for path in (*root.iterdir(), *views.glob("*")):
            if path not in (views, views / ".lock", views / "tmp"):
                (Path(linked) / path.relative_to(root)).symlink_to(path)
        yield Path(linked).resolve()


@contextlib.contextmanager
def views_lock(views: Path) -> Iterator[None]:
    """Locks the views while the block runs: one process builds, and a second one waits."""
    views.mkdir(parents=True, exist_ok=True)
    with hold_lock(views / ".lock"):
        yield


@contextlib.contextmanager
def scratch_folder(views: Path) -> Iterator[Path]:
    """Yields an empty folder for copies and spilled rows, and deletes it afterwards.

    Call it under `views_lock`. It also deletes what crashed builds and readers left. DuckDB spills
    rows into it: if it cannot open a folder of this path, the folder is one of the system's.
    """
    for spill in views.glob(f"{SPILL}*"):
        if not _is_running(spill.name.removeprefix(SPILL)):
            shutil.rmtree(spill, ignore_errors=True)
    if has_backslash(views):
        with tempfile.TemporaryDirectory(prefix="hindlog-") as temporary:
            yield Path(temporary)
        return
    folder = views / "tmp" / str(os.getpid())
    shutil.rmtree(views / "tmp", ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_running(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def temporary_views(views: Path) -> Iterator[Path]:
    """Yields an empty folder for views that are compared or copied, and deletes it afterwards."""
    folder = views / f"aside-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
