"""The listing of segments and streams."""

import os
from pathlib import Path

import pytest

from eventlog.errors import Corrupt
from eventlog.files.listing import (
    SegmentFiles,
    known_streams,
    list_segments,
    list_sources,
    list_streams,
    read_manifest,
)
from eventlog.format.paths import SegmentName, head_path, manifest_path, open_path, parse_segment
from tests.eventlog.making import OTHER, WRITER, entity, write_hours, write_log


def lay(root: Path, *names: str) -> None:
    for name in names:
        path = root / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def named(text: str) -> SegmentName:
    name = parse_segment(text)
    assert name is not None
    return name


def test_a_listing_contains_only_segments_in_order(tmp_path: Path) -> None:
    lay(
        tmp_path,
        f"b/2026-11-21/05-{WRITER}-001.ndjson",
        f"b/2026-11-21/05-{WRITER}-000.ndjson.zst",
        f"b/2026-11-21/05-{WRITER}-000.manifest.json",
        f"b/2026-11-20/06-{WRITER}-000.ndjson.zst",
        f"a/2026-11-22/05-{OTHER}-000.manifest.json",
        f"a/2026-11-22/05-{OTHER}-001",
        f"a/2026-11-22/05-{OTHER}-002.lost.json",
        f"a/2026-11-22/05-{OTHER}-002.ndjson",
        f"a/2026-11-22/05-{OTHER}-003.ndjson.bak",
        f"a/2026-11-22/.05-{OTHER}-004.ndjson.zst.tmp",
        f"a/.torn/05-{OTHER}-005.ndjson",
        f"a/2026-11-2/05-{OTHER}-006.ndjson",
        "a/.feedbee5.lock",
        "writer.json",
    )

    assert list_segments(tmp_path) == [
        SegmentFiles(named(f"a/2026-11-22/05-{OTHER}-000"), False, False, True),
        SegmentFiles(named(f"b/2026-11-20/06-{WRITER}-000"), False, True, False),
        SegmentFiles(named(f"b/2026-11-21/05-{WRITER}-000"), False, True, True),
        SegmentFiles(named(f"b/2026-11-21/05-{WRITER}-001"), True, False, False),
    ]
    assert [each.is_sealed for each in list_segments(tmp_path)] == [True, False, True, False]
    assert [each.name.source for each in list_segments(tmp_path, "a")] == ["a"]
    assert list_segments(tmp_path, "b", OTHER) == []
    assert list_segments(tmp_path, "c") == []
    assert list_streams(tmp_path) == [("a", OTHER), ("b", WRITER)]
    assert list_sources(tmp_path) == ["a", "b"]


def test_a_stream_with_only_a_head_lock_or_loss_is_known(tmp_path: Path) -> None:
    lay(
        tmp_path,
        f"a/2026-11-22/05-{OTHER}-000.ndjson",
        f"a/2026-11-22/05-{WRITER}-000.lost.json",
        f"b/.{WRITER}.lock",
        "b/.nothex.lock",
        f"B/.{WRITER}.lock",
    )
    for name in (WRITER, "nothex"):
        path = head_path(tmp_path, "c", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    assert known_streams(tmp_path) == [("a", WRITER), ("a", OTHER), ("b", WRITER), ("c", WRITER)]


def test_a_folder_that_changed_recently_is_listed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    folder = open_path(tmp_path, name).parent
    listings: list[int] = []
    whole = Path.iterdir

    def iterdir(path: Path):  # type: ignore[no-untyped-def]
        listings.append(1) if path == folder else None
        return whole(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    list_segments(tmp_path)
    assert len(listings) == 2
    os.utime(folder, (1, 1))
    list_segments(tmp_path)
    assert len(listings) == 3


def test_a_manifest_under_the_name_of_another_segment_is_rejected(tmp_path: Path) -> None:
    first, second = write_hours(tmp_path, 2, 1)
    manifest_path(tmp_path, second).write_bytes(manifest_path(tmp_path, first).read_bytes())

    with pytest.raises(Corrupt, match=f"expected the manifest of {second}, found {first}"):
        read_manifest(tmp_path, second)
