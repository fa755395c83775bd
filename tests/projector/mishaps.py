"""What may happen to an archive between two updates, apart from new events."""

import shutil
from collections.abc import Callable
from pathlib import Path

from projector.update.last_update import record_path
from tests.eventlog.making import settle


def nothing(root: Path) -> None:
    """Nothing happens."""


def remove_parts(root: Path) -> None:
    """Removes every second part and keyframe."""
    for path in sorted((root / "views").glob("parts*/*/*/*/[2spkr]*.parquet"))[::2]:
        path.unlink()


def remove_state(root: Path) -> None:
    """Removes `state/`, with the catalog and the heads."""
    shutil.rmtree(root / "state", ignore_errors=True)


def remove_views(root: Path) -> None:
    """Removes `views/`."""
    shutil.rmtree(root / "views", ignore_errors=True)


def remove_record(root: Path) -> None:
    """Removes the record of the last update."""
    record_path(root).unlink(missing_ok=True)


def tear_record(root: Path) -> None:
    """Cuts the record of the last update."""
    if record_path(root).exists():
        record_path(root).write_bytes(record_path(root).read_bytes()[:-7])


def keep_record(root: Path) -> None:
    """Keeps a copy of the record of the last update, unless there is one."""
    if record_path(root).exists() and not (root / "kept").exists():
        shutil.copy(record_path(root), root / "kept")


def restore_record(root: Path) -> None:
    """Puts a copy back: the record of an earlier update."""
    if (root / "kept").exists() and (root / "views").exists():
        shutil.copy(root / "kept", record_path(root))


MISHAPS: tuple[Callable[[Path], None], ...] = (
    *(nothing, settle, remove_parts, remove_state, remove_views),
    *(remove_record, tear_record, keep_record, restore_record),
)
