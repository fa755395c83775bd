"""Publishing files: complete, durable, and never over another writer's file by mistake."""

import os
from pathlib import Path

import pytest

from eventlog.clock import DAY, SECOND
from eventlog.files.publish import (
    delete_interrupted,
    publish_new,
    publish_written,
    replace_durably,
    replace_file,
    temporary_path,
    unique_temporary_path,
)
from tests.eventlog.making import disk_with, recording_disk

WRITTEN = [
    "open_append .file.tmp",
    "write .file.tmp",
    "fsync .file.tmp",
    "close .file.tmp",
]


def test_a_new_file_is_durable_before_it_gets_its_name(tmp_path: Path) -> None:
    steps: list[str] = []
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()

    assert publish_new(recording_disk(steps), path, b"bytes")
    assert steps == [*WRITTEN, "link file", "unlink .file.tmp", "sync_dir folder"]
    assert [(x.name, x.read_bytes()) for x in path.parent.iterdir()] == [("file", b"bytes")]


def test_a_name_that_is_taken_keeps_its_file_and_becomes_durable(tmp_path: Path) -> None:
    steps: list[str] = []
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"first")

    assert not publish_new(recording_disk(steps), path, b"second")
    assert steps == [*WRITTEN, "unlink .file.tmp", "sync_dir folder"]
    assert [(x.name, x.read_bytes()) for x in path.parent.iterdir()] == [("file", b"first")]


@pytest.mark.parametrize("publish", [publish_new, replace_durably])
def test_with_a_root_missing_folders_are_created_and_become_durable(
    tmp_path: Path, publish: object
) -> None:
    steps: list[str] = []
    root = tmp_path / "root"
    root.mkdir()
    path = root / "outer" / "inner" / "file"
    publish(recording_disk(steps), path, b"bytes", root)  # type: ignore[operator]

    assert path.read_bytes() == b"bytes"
    assert steps[:3] == ["sync_dir root", "sync_dir outer", WRITTEN[0]]
    assert steps[-3:] == ["sync_dir inner", "sync_dir outer", "sync_dir root"]


def test_a_replaced_file_is_durable_before_the_old_one_is_gone(tmp_path: Path) -> None:
    steps: list[str] = []
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"old")
    replace_durably(recording_disk(steps), path, b"new")

    assert steps == [*WRITTEN, "rename file", "sync_dir folder"]
    assert [(x.name, x.read_bytes()) for x in path.parent.iterdir()] == [("file", b"new")]


def test_a_file_written_under_its_temporary_name_is_renamed_durably(tmp_path: Path) -> None:
    steps: list[str] = []
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    temporary_path(path).write_bytes(b"frames")
    publish_written(recording_disk(steps), temporary_path(path), path)

    assert steps == ["rename file", "sync_dir folder"]
    assert path.read_bytes() == b"frames"


@pytest.mark.parametrize("publish", [publish_new, replace_durably])
def test_a_temporary_file_that_a_crash_left_is_not_continued(
    tmp_path: Path, publish: object
) -> None:
    path = tmp_path / "file"
    temporary_path(path).write_bytes(b"half")
    publish(disk_with(), path, b"bytes")  # type: ignore[operator]

    assert [(x.name, x.read_bytes()) for x in tmp_path.iterdir()] == [("file", b"bytes")]


def test_an_error_of_the_link_removes_the_temporary_file(tmp_path: Path) -> None:
    def link(_old: Path, _new: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        publish_new(disk_with(link=link), tmp_path / "file", b"bytes")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_can_be_computed_again_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    replace_file(path, b"new")

    assert [(x.name, x.read_bytes()) for x in tmp_path.iterdir()] == [("file", b"new")]


def test_what_killed_processes_left_is_deleted_after_a_day(tmp_path: Path) -> None:
    name = tmp_path / "file"
    old, new = unique_temporary_path(name), unique_temporary_path(name)
    for path in (name, old, new, tmp_path / ".lock"):
        path.touch()
        os.utime(path, (0, 1 if path == new else 0))

    delete_interrupted(tmp_path, DAY + SECOND)
    assert set(tmp_path.iterdir()) == {name, new, tmp_path / ".lock"}
    delete_interrupted(tmp_path / "none", DAY)
