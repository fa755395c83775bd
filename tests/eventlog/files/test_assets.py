"""Assets: named by their SHA-256, durable, stored once, checked when read."""

import os
import re
from pathlib import Path

import pytest

from eventlog.errors import Corrupt, NotFound
from eventlog.files.assets import get_asset, put_asset
from eventlog.files.disk import REAL
from eventlog.files.publish import unique_temporary_path
from eventlog.format.manifest import digest
from eventlog.format.paths import asset_path
from tests.eventlog.making import disk_with, recording_disk


def test_get_asset_is_the_inverse_of_put_asset(tmp_path: Path) -> None:
    name = put_asset(tmp_path, b"large")

    assert get_asset(tmp_path, name) == b"large"
    assert put_asset(tmp_path, b"large") == name
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]


def test_the_folder_of_an_asset_is_named_by_the_first_two_digits_of_its_sha_256(
    tmp_path: Path,
) -> None:
    name = put_asset(tmp_path, b"large")

    assert (tmp_path / "assets" / "sha256" / name[:2] / name).read_bytes() == b"large"


def test_an_asset_is_durable_when_its_name_is_returned(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    root.mkdir()
    steps: list[str] = []
    name = put_asset(root, b"large", recording_disk(steps))
    steps[:] = [re.sub(r"\.\d+-\d+\.tmp$", ".tmp", step) for step in steps]
    up = [f"sync_dir {name[:2]}", "sync_dir sha256", "sync_dir assets", "sync_dir archive"]

    assert steps == [
        "sync_dir archive",
        "sync_dir assets",
        "sync_dir sha256",
        f"open_append .{name}.tmp",
        f"write .{name}.tmp",
        f"fsync .{name}.tmp",
        f"close .{name}.tmp",
        f"link {name}",
        f"unlink .{name}.tmp",
        *up,
    ]
    steps.clear()
    put_asset(root, b"large", recording_disk(steps))
    assert steps == up


def test_what_a_killed_process_left_goes_when_another_asset_is_put_a_day_later(
    tmp_path: Path,
) -> None:
    left = unique_temporary_path(asset_path(tmp_path, digest(b"large")))
    left.parent.mkdir(parents=True)
    left.touch()
    put_asset(tmp_path, b"large")
    assert left.exists()
    asset_path(tmp_path, digest(b"large")).unlink()
    os.utime(left, (0, 0))

    put_asset(tmp_path, b"large")
    assert not left.exists()


def test_two_writers_may_put_the_same_asset_at_once(tmp_path: Path) -> None:
    """One puts it after the other wrote its temporary file, and before that has its name."""

    def link(old: Path, new: Path) -> None:
        put_asset(tmp_path, b"large")
        REAL.link(old, new)

    name = put_asset(tmp_path, b"large", disk_with(link=link))

    assert get_asset(tmp_path, name) == b"large"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]


def test_another_process_that_puts_the_same_asset_first_is_no_error(tmp_path: Path) -> None:
    def link(old: Path, new: Path) -> None:
        new.write_bytes(old.read_bytes())
        REAL.link(old, new)

    name = put_asset(tmp_path, b"large", disk_with(link=link))

    assert get_asset(tmp_path, name) == b"large"
    assert list(asset_path(tmp_path, name).parent.iterdir()) == [asset_path(tmp_path, name)]


def test_the_error_names_a_missing_or_changed_asset(tmp_path: Path) -> None:
    name = put_asset(tmp_path, b"large")
    asset_path(tmp_path, name).write_bytes(b"other")
    with pytest.raises(Corrupt, match=f"{name}: expected SHA-256 {name[:16]}"):
        get_asset(tmp_path, name)
    asset_path(tmp_path, name).unlink()
    with pytest.raises(NotFound, match=f"{name}: missing, but an event refers to it"):
        get_asset(tmp_path, name)
