"""Repair: which copies count as good, and the files after a repair."""

import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.repair import consistent_manifest, repair, repair_sealed
from eventlog.check.verify import verify
from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.files.assets import put_asset
from eventlog.files.listing import list_segments
from eventlog.format import manifest as manifests
from eventlog.format.event import ENTITY, Draft
from eventlog.format.paths import SegmentName, asset_path, manifest_path, open_path, sealed_path
from eventlog.write.writer import close_stream
from tests.eventlog.earlier_manifests import rewrite_as_earlier
from tests.eventlog.making import (
    HOUR,
    START,
    ManualClock,
    entity,
    files_of,
    opened,
    put,
    write_hours,
    write_log,
)


def previous_of(root: Path, name: SegmentName, previous: str | None) -> bytes:
    """Returns the manifest of a segment with another previous manifest."""
    found = manifests.parse_manifest(manifest_path(root, name).read_bytes(), "here")
    return manifests.encode_manifest(attrs.evolve(found, previous=previous))


def test_a_manifest_is_consistent_only_with_its_own_neighbours(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 4, 2)
    for number, name in enumerate(names):
        data = manifest_path(tmp_path, name).read_bytes()
        assert consistent_manifest(tmp_path, name, data) is not None
        assert consistent_manifest(tmp_path, names[number - 1], data) is None
        assert consistent_manifest(tmp_path, name, b"{}") is None
        other = previous_of(tmp_path, name, "0" * 64)
        assert consistent_manifest(tmp_path, name, other) is None


def test_an_unreadable_manifest_does_not_prevent_the_comparison_with_the_next_one(
    tmp_path: Path,
) -> None:
    names = write_hours(tmp_path, 4, 2)
    manifest_path(tmp_path, names[0]).write_bytes(b"{}")

    for name in names[2:]:
        assert consistent_manifest(tmp_path, name, previous_of(tmp_path, name, "0" * 64)) is None


def test_an_edited_manifest_whose_chain_is_intact_is_compared_with_its_segment(
    tmp_path: Path,
) -> None:
    names = write_hours(tmp_path, 1, 2)
    (name,) = names
    path = manifest_path(tmp_path, name)
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"longest_line_bytes":', b'"longest_line_bytes":1'))
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / path.name).write_bytes(good)
    done = repair(tmp_path, name, copy)

    assert "manifest from" in done.what
    assert path.read_bytes() == good


@pytest.mark.parametrize("suffix", [".ndjson.zst", ".ndjson"])
@pytest.mark.parametrize("layout", ["file", "folder", "archive"])
def test_a_segment_is_restored_from_a_sealed_or_an_open_copy(
    tmp_path: Path, suffix: str, layout: str
) -> None:
    root, copy = tmp_path / "a", tmp_path / "copy"
    name = write_log(root, [[entity(n, 400_000) for n in range(5)]], seal=False)
    lines = open_path(root, name).read_bytes()
    close_stream(opened(root), seal_open=True)
    sound = files_of(root)
    packed = sealed_path(root, name).read_bytes()
    folder = copy / "log" / name.source / name.date if layout == "archive" else copy
    folder.mkdir(parents=True)
    file = folder / f"05-{name.writer}-000{suffix}"
    file.write_bytes(packed if suffix.endswith("zst") else lines)
    sealed_path(root, name).unlink()
    done = repair(root, name, file if layout == "file" else copy)

    assert files_of(root) == sound
    assert done.what == f"segment from {file}"


def test_a_lost_manifest_is_computed_from_a_copy_of_the_segment(tmp_path: Path) -> None:
    root, copy = tmp_path / "a", tmp_path / "copy"
    names = write_hours(root, 3, 2)
    sound = files_of(root)
    copy.mkdir()
    shutil.move(sealed_path(root, names[1]), copy)
    manifest_path(root, names[1]).unlink()
    done = repair(root, names[1], copy)

    assert files_of(root) == sound
    assert "its own lines, confirmed by the next manifest" in done.what


def test_a_lost_manifest_of_an_earlier_version_is_computed_as_it_was(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    rewrite_as_earlier(tmp_path, names)
    sound = files_of(tmp_path)
    manifest_path(tmp_path, names[1]).unlink()
    repair(tmp_path, names[1])

    assert files_of(tmp_path) == sound


def test_without_a_next_manifest_no_manifest_is_computed_from_a_segment(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    manifest_path(tmp_path, names[1]).unlink()
    data = previous_of(tmp_path, names[2], "0" * 64)
    manifest_path(tmp_path, names[2]).write_bytes(data)

    with pytest.raises(Corrupt, match="no good copy of its manifest"):
        repair(tmp_path, names[1])
    assert not manifest_path(tmp_path, names[1]).exists()


def test_an_open_file_that_differs_from_the_sealed_segment_is_kept(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    lines = open_path(tmp_path, name).read_bytes()
    close_stream(opened(tmp_path), seal_open=True)
    open_path(tmp_path, name).write_bytes(lines + b"more")
    assert "open copy" not in repair(tmp_path, name).what
    assert open_path(tmp_path, name).read_bytes() == lines + b"more"
    open_path(tmp_path, name).write_bytes(lines)

    assert repair(tmp_path, name).what == "open copy removed"
    assert not open_path(tmp_path, name).exists()


def test_an_open_file_beside_a_sealed_one_without_manifest_is_not_truncated(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    lines = open_path(tmp_path, name).read_bytes()
    close_stream(opened(tmp_path), seal_open=True)
    manifest_path(tmp_path, name).unlink()
    open_path(tmp_path, name).write_bytes(lines[:-5])

    with pytest.raises(Corrupt, match="no good copy of its manifest"):
        repair(tmp_path, name)
    assert open_path(tmp_path, name).read_bytes() == lines[:-5]


def test_a_damaged_file_is_kept_with_the_date_of_its_segment(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path / "a", clock)
    for _ in range(2):
        put(stream, entity(1))
        clock.at += 24 * HOUR
    close_stream(stream, seal_open=True)
    names = [each.name for each in list_segments(tmp_path / "a")]
    assert [name.hour for name in names] == ["05", "05"]
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    for number, name in enumerate(names):
        sealed_path(tmp_path / "a", name).write_bytes(b"bad %d" % number)
        repair(tmp_path / "a", name, tmp_path / "copy")
    aside = tmp_path / "a" / "log" / names[0].source / ".damaged"

    assert {path.name[:10]: path.read_bytes() for path in aside.iterdir()} == {
        "2026-11-21": b"bad 0",
        "2026-11-22": b"bad 1",
    }
    assert verify(tmp_path / "a").damages == ()


def test_a_segment_without_any_file_is_restored_from_a_copy(tmp_path: Path) -> None:
    names = write_hours(tmp_path / "a", 2, 2)
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    sound = files_of(tmp_path / "a")
    for path in (sealed_path, manifest_path):
        path(tmp_path / "a", names[0]).unlink()
    with pytest.raises(NotFound, match="no such segment"):
        repair(tmp_path / "a", names[0])
    repair(tmp_path / "a", names[0], tmp_path / "copy")

    assert files_of(tmp_path / "a") == sound


def test_a_good_manifest_is_not_replaced_because_an_asset_is_missing(tmp_path: Path) -> None:
    asset = put_asset(tmp_path, b"large")
    draft = Draft(kind=ENTITY, type="model", id="1", body_asset=asset)
    name = write_log(tmp_path, [[draft]], clock=ManualClock(START))
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(manifest_path(tmp_path, name), copy)
    asset_path(tmp_path, asset).unlink()

    assert "nothing to do" in repair_sealed(tmp_path, name, copy).what
    assert list(tmp_path.rglob(".damaged")) == []


def test_an_intact_sealed_segment_cannot_be_recorded_as_lost(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])
    other = attrs.evolve(name, number=4)

    assert "nothing to do" in accept_loss(tmp_path, name, clock=ManualClock()).what
    with pytest.raises(Invalid, match="found 0"):
        accept_loss(tmp_path, other, clock=ManualClock())
