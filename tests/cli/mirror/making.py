"""Archives whose mirror is a folder beside them."""

from pathlib import Path

from tests.cli.making import hindlog, new_archive
from tests.eventlog.making import OTHER
from tests.eventlog.mirror.buckets import add_hour


def mirrored_archive(folder: Path) -> Path:
    """Creates the archive `a` and its empty bucket `bucket` in a folder; returns the archive."""
    (folder / "bucket").mkdir()
    return new_archive(folder / "a", f'[mirror]\nurl = "file://{folder}/bucket"\n')


def pushed_archive(folder: Path) -> Path:
    """Creates such an archive with two sealed hours of two writers, and pushes it."""
    root = mirrored_archive(folder)
    add_hour(root, 0)
    add_hour(root, 1, OTHER)
    assert hindlog("sync", "push", at=root).code == 0
    return root
