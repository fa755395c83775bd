"""Damage of one segment: its place, and what does not count as damage."""

from pathlib import Path

import attrs
import pytest

from eventlog.check.segment_damage import Damage, asset_damage, open_damage, sealed_damage
from eventlog.files.assets import put_asset
from eventlog.files.heads import Head
from eventlog.files.listing import read_manifest
from eventlog.format.event import ENTITY, Draft
from eventlog.format.frames import compress
from eventlog.format.manifest import Content, Frame, digest
from eventlog.format.paths import (
    SegmentName,
    asset_path,
    manifest_path,
    open_path,
    sealed_path,
)
from eventlog.read.segment_lines import segment_blocks
from tests.eventlog.earlier_manifests import rewrite_as_earlier
from tests.eventlog.making import HOUR, START, ManualClock, entity, write_log


@pytest.fixture
def sealed(tmp_path: Path) -> SegmentName:
    """Returns the name of a sealed segment with six events in three frames."""
    return write_log(tmp_path, [[entity(n, 600_000) for n in range(6)]])


@pytest.mark.parametrize(("edge", "frame"), [("begin", 1), ("before", 0), ("end", None)])
def test_the_damage_of_a_file_of_wrong_size_is_in_the_frame_where_it_ends(
    tmp_path: Path, sealed: SegmentName, edge: str, frame: int | None
) -> None:
    manifest = read_manifest(tmp_path, sealed)
    assert len(manifest.frames) == 3
    path = sealed_path(tmp_path, sealed)
    data = path.read_bytes()
    second = manifest.frames[1].offset
    path.write_bytes({"begin": data[:second], "before": data[: second - 1]}.get(edge, data + b"x"))
    (damage,) = sealed_damage(tmp_path, manifest)

    size = path.stat().st_size
    assert (damage.frame, damage.byte) == (frame, min(size, len(data)))
    assert damage.what == f"expected {len(data)} bytes, found {size}"


def test_each_damaged_frame_is_reported_with_its_first_line(
    tmp_path: Path, sealed: SegmentName
) -> None:
    manifest = read_manifest(tmp_path, sealed)
    path = sealed_path(tmp_path, sealed)
    data = bytearray(path.read_bytes())
    for frame in (manifest.frames[0], manifest.frames[2]):
        data[frame.offset + frame.bytes // 2] ^= 8
    path.write_bytes(bytes(data))

    assert [(each.frame, each.line, each.byte) for each in sealed_damage(tmp_path, manifest)] == [
        (0, 1, 0),
        (2, 5, manifest.frames[2].offset),
    ]


def test_missing_assets_of_a_damaged_segment_are_reported_as_well(tmp_path: Path) -> None:
    asset = put_asset(tmp_path, b"large")
    draft = Draft(kind=ENTITY, type="model", id="1", body_asset=asset)
    name = write_log(tmp_path, [[draft, entity(1, 2**20), entity(2, 2**20)]])
    manifest = read_manifest(tmp_path, name)
    path = sealed_path(tmp_path, name)
    data = bytearray(path.read_bytes())
    data[-20] ^= 8
    path.write_bytes(bytes(data))
    asset_path(tmp_path, asset).unlink()
    damages = sealed_damage(tmp_path, manifest)

    assert [each.frame for each in damages] == [len(manifest.frames) - 1, None]
    assert asset in damages[1].what


def test_other_assets_than_the_lines_name_are_damage_of_the_manifest(tmp_path: Path) -> None:
    asset = put_asset(tmp_path, b"large")
    name = write_log(tmp_path, [[Draft(kind=ENTITY, type="model", id="1", body_asset=asset)]])
    path = manifest_path(tmp_path, name)
    path.write_bytes(path.read_bytes().replace(asset.encode(), b"0" * 64))

    (damage,) = sealed_damage(tmp_path, read_manifest(tmp_path, name))
    assert damage.what == "does not agree with its segment: assets"


def test_a_segment_whose_manifest_is_of_an_earlier_version_is_intact(tmp_path: Path) -> None:
    asset = put_asset(tmp_path, b"large")
    name = write_log(tmp_path, [[Draft(kind=ENTITY, type="model", id="1", body_asset=asset)]])
    rewrite_as_earlier(tmp_path, [name])
    manifest = read_manifest(tmp_path, name)

    assert sealed_damage(tmp_path, manifest) == []
    asset_path(tmp_path, asset).unlink()
    assert [asset in damage.what for damage in sealed_damage(tmp_path, manifest)] == [True]


def test_every_asset_that_is_missing_is_named_in_order(tmp_path: Path) -> None:
    names = {put_asset(tmp_path, data) for data in (b"one", b"two", b"three")}
    for name in sorted(names)[1:]:
        asset_path(tmp_path, name).unlink()

    found = asset_damage(tmp_path, "here", names)
    assert [name in each.what for name, each in zip(sorted(names)[1:], found, strict=True)] == [
        True,
        True,
    ]


def test_other_lines_than_the_manifest_describes_are_damage_of_the_manifest(
    tmp_path: Path, sealed: SegmentName
) -> None:
    manifest = read_manifest(tmp_path, sealed)
    lines = b"".join(sealed_lines(tmp_path, sealed)).replace(b"xxx", b"xyx", 1)
    packed = compress(lines)
    sealed_path(tmp_path, sealed).write_bytes(packed)
    frame = Frame(0, len(packed), len(lines), 6, manifest.kinds, manifest.types)
    changed = attrs.evolve(manifest, zst=Content(len(packed), digest(packed)), frames=(frame,))

    (damage,) = sealed_damage(tmp_path, changed)
    assert damage.place == f"{sealed}.manifest.json"
    assert damage.what.startswith("the SHA-256 of its lines: expected ")


def sealed_lines(root: Path, name: SegmentName) -> list[bytes]:
    return list(segment_blocks(root, name))


def opened_rows(root: Path) -> tuple[SegmentName, Path, list[bytes]]:
    """Writes an open segment that begins with seq 2; returns its name and its lines."""
    write_log(root, [[entity(0)]])
    name = write_log(
        root, [[entity(n)] for n in range(3)], seal=False, clock=ManualClock(START + HOUR)
    )
    path = open_path(root, name)
    return name, path, path.read_bytes().splitlines(keepends=True)


def test_damage_of_an_open_segment_counts_up_to_its_durable_bytes(tmp_path: Path) -> None:
    name, path, _ = opened_rows(tmp_path)
    size = path.stat().st_size
    head = Head(str(name), size, 4)
    assert open_damage(tmp_path, name, head) == (3, size, [])
    assert open_damage(tmp_path, name, None) == (3, size, [])
    more = attrs.evolve(head, durable_bytes=size + 1)
    what = f"durable up to byte {size + 1}, but this is not the event with seq 5"

    found = [Damage(f"{name}.ndjson", what, line=4, byte=size)]
    assert open_damage(tmp_path, name, more) == (3, size, found)
    other = attrs.evolve(more, segment=str(attrs.evolve(name, number=3)))
    assert open_damage(tmp_path, name, other) == (3, size, [])


def test_events_after_an_invalid_line_are_damage_if_there_is_no_head(tmp_path: Path) -> None:
    name, path, lines = opened_rows(tmp_path)
    path.write_bytes(lines[0] + b"bad\n" + lines[2])
    head = Head(str(name), len(lines[0]), 2)
    (damage,) = open_damage(tmp_path, name, None)[2]

    assert (damage.line, damage.byte) == (2, len(lines[0]))
    assert open_damage(tmp_path, name, None)[2][0].what == "complete events follow this byte"
    assert open_damage(tmp_path, name, head) == (1, len(lines[0]), [])


@pytest.mark.parametrize(("place", "named"), [("last whole line", True), ("torn tail", False)])
def test_only_assets_in_complete_lines_count(tmp_path: Path, place: str, named: bool) -> None:
    asset = "ab" * 32
    draft = Draft(kind=ENTITY, type="model", id="1", body_asset=asset)
    name = write_log(tmp_path, [[entity(1), draft]], seal=False)
    path = open_path(tmp_path, name)
    if place == "torn tail":
        path.write_bytes(path.read_bytes()[:-1])

    damages = open_damage(tmp_path, name, None)[2]
    assert [asset in each.what for each in damages] == [True] * named


def test_an_open_segment_that_was_sealed_meanwhile_has_no_damage(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])

    assert open_damage(tmp_path, name, None) == (0, 0, [])
