"""Sealing and its completion: the order of the changes to the disk."""

from pathlib import Path

import pytest

from eventlog.files.listing import read_manifest
from eventlog.format.paths import manifest_path, open_path, sealed_path
from eventlog.write.seal import finish_sealing, seal
from tests.eventlog.making import entity, recording_disk, write_log
from tests.eventlog.write.test_seal import all_three, lay


def test_each_step_of_sealing_is_durable_before_the_next(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    steps: list[str] = []
    seal(tmp_path, name, None, recording_disk(steps))
    base, day = f"05-{name.writer}-000", name.date

    assert steps == [
        f"open_append .{base}.ndjson.zst.tmp",
        f"write .{base}.ndjson.zst.tmp",
        f"fsync .{base}.ndjson.zst.tmp",
        f"close .{base}.ndjson.zst.tmp",
        f"rename {base}.ndjson.zst",
        f"sync_dir {day}",
        f"open_append .{base}.manifest.json.tmp",
        f"write .{base}.manifest.json.tmp",
        f"fsync .{base}.manifest.json.tmp",
        f"close .{base}.manifest.json.tmp",
        f"link {base}.manifest.json",
        f"unlink .{base}.manifest.json.tmp",
        f"sync_dir {day}",
        f"unlink {base}.ndjson",
        f"sync_dir {day}",
    ]


@pytest.mark.parametrize("there", ["open+zst", "all three"])
def test_finishing_a_sealing_removes_files_durably(tmp_path: Path, there: str) -> None:
    name, files = all_three(tmp_path)
    lay(tmp_path, name, files if there == "all three" else files | {"manifest": b""})
    if there != "all three":
        manifest_path(tmp_path, name).unlink()
    steps: list[str] = []

    assert finish_sealing(tmp_path, name, recording_disk(steps)) is (there == "all three")
    removed = open_path if there == "all three" else sealed_path
    assert steps == [f"unlink {removed(tmp_path, name).name}", f"sync_dir {name.date}"]


def test_temporary_files_of_an_interrupted_sealing_are_not_continued(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    for path in (sealed_path(tmp_path, name), manifest_path(tmp_path, name)):
        path.with_name(f".{path.name}.tmp").write_bytes(b"half")
    manifest = seal(tmp_path, name, None)

    assert sealed_path(tmp_path, name).stat().st_size == manifest.zst.bytes
    assert read_manifest(tmp_path, name) == manifest
