"""The disk: complete writes, durable folders, and the reserve."""

import errno
import os
from pathlib import Path

import pytest

from eventlog.errors import LocalResource
from eventlog.files.disk import (
    REAL,
    RESERVE_BYTES,
    check_free_space,
    full_disk_named,
    make_dirs,
    sync_file,
    sync_parents,
    write_durable,
)
from tests.eventlog.making import disk_with, recording_disk


@pytest.mark.parametrize(
    ("free", "need", "enough"),
    [
        (RESERVE_BYTES, 0, True),
        (RESERVE_BYTES - 1, 0, False),
        (RESERVE_BYTES + 5, 5, True),
        (RESERVE_BYTES + 5, 6, False),
    ],
)
def test_the_reserve_must_stay_free_after_writing(
    tmp_path: Path, free: int, need: int, enough: bool
) -> None:
    disk = disk_with(free_bytes=lambda _path: free)
    if enough:
        check_free_space(disk, tmp_path, need)
        return
    with pytest.raises(LocalResource, match="expected at least 512 MiB"):
        check_free_space(disk, tmp_path, need)


def test_each_new_folder_is_made_durable_in_its_parent(tmp_path: Path) -> None:
    steps: list[str] = []
    root = tmp_path / "root"
    root.mkdir()
    missing = make_dirs(recording_disk(steps), root / "a" / "b" / "c")

    assert [path.name for path in missing] == ["c", "b", "a"]
    assert steps == ["sync_dir root", "sync_dir a", "sync_dir b"]
    assert make_dirs(recording_disk(steps), root / "a" / "b") == []


def test_a_folder_that_another_process_creates_meanwhile_is_no_error(tmp_path: Path) -> None:
    def sync_dir(path: Path) -> None:
        (path / "a" / "b").mkdir(parents=True, exist_ok=True)
        REAL.sync_dir(path)

    make_dirs(disk_with(sync_dir=sync_dir), tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_folders_become_durable_up_to_the_root(tmp_path: Path) -> None:
    steps: list[str] = []
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    sync_parents(recording_disk(steps), root / "a" / "b", root)

    assert steps == ["sync_dir b", "sync_dir a", "sync_dir root"]


def test_a_durable_file_contains_only_the_new_bytes_and_is_fsynced_before_it_is_closed(
    tmp_path: Path,
) -> None:
    steps: list[str] = []
    path = tmp_path / "file"
    path.write_bytes(b"left by a process that died")
    write_durable(recording_disk(steps), path, b"new")

    assert path.read_bytes() == b"new"
    assert steps == ["open_append file", "write file", "fsync file", "close file"]


def test_an_existing_file_is_fsynced_unchanged(tmp_path: Path) -> None:
    steps: list[str] = []
    (tmp_path / "file").write_bytes(b"abc")
    sync_file(recording_disk(steps), tmp_path / "file")

    assert steps == ["open_append file", "fsync file", "close file"]
    assert (tmp_path / "file").read_bytes() == b"abc"


def test_a_full_disk_is_an_error_of_this_machine_with_a_place() -> None:
    root = Path("/srv/a")
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        for file in (None, "/srv/b/x"):
            with pytest.raises(LocalResource) as error, full_disk_named(root):
                raise OSError(number, os.strerror(number), file)
            assert error.value.what == f"{file or root}: {os.strerror(number)}"
    with pytest.raises(FileNotFoundError), full_disk_named(root):
        raise FileNotFoundError(errno.ENOENT, "none")
