"""Absent files are fetched when they are read: once, checked, and safe from eviction."""

import errno
import os
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest

from eventlog.errors import Corrupt, LocalResource, NotFound, Unavailable
from eventlog.files.absent import fetch
from eventlog.files.absent.cache import cached_path
from eventlog.files.absent.fetch import link_absent, open_absent, read_absent_frames
from eventlog.files.assets import get_asset, put_asset
from eventlog.files.listing import list_segments, read_manifest
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SegmentName, sealed_path
from eventlog.read.reader import read_event_in, read_events
from eventlog.read.segment_lines import read_lines
from tests.eventlog.files.absent.mirrors import (
    MirrorInMemory,
    cached_files,
    mirrored,
    move_to_mirror,
)
from tests.eventlog.mirror.buckets import add_hour


def pruned(root: Path, hours: int = 3) -> tuple[MirrorInMemory, list[Manifest]]:
    """Returns the mirror of an archive without sealed files, and its manifests."""
    for hour in range(hours):
        add_hour(root, hour)
    manifests = [read_manifest(root, files.name) for files in list_segments(root)]
    return move_to_mirror(root), manifests


def objects_of(manifests: list[Manifest]) -> list[str]:
    return [f"log/{manifest.segment}.ndjson.zst" for manifest in manifests]


def test_an_absent_segment_is_fetched_when_it_is_read_and_once(tmp_path: Path) -> None:
    for hour in range(3):
        add_hour(tmp_path, hour)
    lines = [record.line for record in read_events(tmp_path)]
    mirror = move_to_mirror(tmp_path)

    with mirrored(mirror):
        assert [record.line for record in read_events(tmp_path)] == lines
        assert [record.line for record in read_events(tmp_path)] == lines
    assert sorted(mirror.requests) == sorted(mirror.objects) == sorted(cached_files(tmp_path))
    assert not list((tmp_path / "log").rglob("*.zst"))


def test_what_is_not_committed_is_damage(tmp_path: Path) -> None:
    mirror, manifests = pruned(tmp_path)
    mirror.committed = manifests[0].last_seq

    with mirrored(mirror):
        open_absent(tmp_path, manifests[0]).close()
        for call in (open_absent, lambda *x: link_absent(x[0], [x[1]], tmp_path / "x")):
            with pytest.raises(Corrupt, match="missing, but its manifest exists") as error:
                call(tmp_path, manifests[1])
            assert error.value.hint == f"hindlog repair {manifests[1].segment}"
    with pytest.raises(Corrupt, match="missing, but its manifest exists"):
        open_absent(tmp_path, manifests[0])  # no mirror is registered


def test_many_readers_at_once_fetch_a_file_once(tmp_path: Path) -> None:
    mirror, manifests = pruned(tmp_path)
    gate = threading.Barrier(8, timeout=30)
    mirror.before = lambda _name: time.sleep(0.01)

    def read(number: int) -> bytes:
        gate.wait()
        with open_absent(tmp_path, manifests[number % 3]) as file:
            return file.read()

    with mirrored(mirror), ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(read, range(8)))
    assert contents == [mirror.objects[objects_of(manifests)[n % 3]] for n in range(8)]
    assert sorted(mirror.requests) == objects_of(manifests)


def test_a_batch_has_its_files_though_the_cache_has_room_for_none(tmp_path: Path) -> None:
    mirror, manifests = pruned(tmp_path)
    mirror.cache_bytes = 1
    scratch = tmp_path / "scratch"

    with mirrored(mirror):
        paths = link_absent(tmp_path, manifests, scratch)
        assert link_absent(tmp_path, [], scratch) == []
    assert [path.relative_to(scratch).as_posix() for path in paths] == objects_of(manifests)
    assert [path.read_bytes() for path in paths] == list(
        map(mirror.objects.__getitem__, objects_of(manifests))
    )
    assert len(cached_files(tmp_path)) == 1  # the one that was fetched last


def test_a_file_that_another_process_evicts_at_once_can_still_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, manifests = pruned(tmp_path)
    add = fetch.add_to_cache

    def add_and_evict(root: Path, name: str, temporary: Path, max_bytes: int) -> None:
        add(root, name, temporary, max_bytes)
        cached_path(root, name).unlink()

    monkeypatch.setattr(fetch, "add_to_cache", add_and_evict)
    with mirrored(mirror):
        with open_absent(tmp_path, manifests[0]) as file:
            assert file.read() == mirror.objects[objects_of(manifests)[0]]
        [path] = link_absent(tmp_path, manifests[1:2], tmp_path / "scratch")
    assert path.read_bytes() == mirror.objects[objects_of(manifests)[1]]


def test_files_are_copied_where_the_system_cannot_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, manifests = pruned(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr("os.link", refuse)
    with mirrored(mirror):
        paths = link_absent(tmp_path, manifests, tmp_path / "scratch")
    assert [path.read_bytes() for path in paths] == list(
        map(mirror.objects.__getitem__, objects_of(manifests))
    )


def test_a_cancelled_batch_begins_no_more_fetches(tmp_path: Path) -> None:
    mirror, manifests = pruned(tmp_path)

    with mirrored(mirror), pytest.raises(CancelledError):
        link_absent(tmp_path, manifests, tmp_path / "scratch", lambda: True)
    assert mirror.requests == []


def test_an_unreachable_mirror_says_how_many_segments_are_needed(tmp_path: Path) -> None:
    mirror, manifests = pruned(tmp_path)

    def fail(_name: str) -> None:
        raise Unavailable("no route")

    mirror.before = fail
    with mirrored(mirror):
        with pytest.raises(Unavailable) as error:
            link_absent(tmp_path, manifests, tmp_path / "scratch")
        assert error.value.what == "no route; needs 3 segments from the mirror memory://x"
        assert error.value.hint == (
            "when it can be reached: hindlog sync pull --since 2026-11-21T05"
        )
        with pytest.raises(Unavailable, match="needs 1 segment from the mirror"):
            open_absent(tmp_path, manifests[2])
    assert cached_files(tmp_path) == {}


def test_an_object_that_vanished_or_has_other_bytes_is_damage(tmp_path: Path) -> None:
    mirror, manifests = pruned(tmp_path)
    mirror.objects.pop(objects_of(manifests)[0])

    with mirrored(mirror):
        with pytest.raises(Corrupt, match="it was committed, and is missing in the mirror now"):
            open_absent(tmp_path, manifests[0])
        open_absent(tmp_path, manifests[1]).close()
        path = cached_path(tmp_path, objects_of(manifests)[1])
        path.write_bytes(path.read_bytes()[:-1])  # cut short: fetched again
        assert (
            open_absent(tmp_path, manifests[1]).read() == mirror.objects[objects_of(manifests)[1]]
        )


def test_a_full_disk_is_reported_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, manifests = pruned(tmp_path)
    monkeypatch.setattr("eventlog.files.disk.RESERVE_BYTES", 1 << 62)

    with mirrored(mirror), pytest.raises(LocalResource, match="expected at least"):
        open_absent(tmp_path, manifests[0])
    assert mirror.requests == []


def large(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SegmentName, MirrorInMemory]:
    """Returns an absent segment of many frames that counts as large."""
    monkeypatch.setattr("eventlog.format.frames.FRAME_BYTES", 1)
    monkeypatch.setattr("eventlog.write.seal.blocks", one_line_each)
    monkeypatch.setattr(fetch, "FRAMES_ONLY_BYTES", 100)
    name = add_hour(root, 0, rows=9)
    return name, move_to_mirror(root)


def one_line_each(read: object, total: int) -> object:
    from eventlog.format.frames import blocks

    return blocks(read, total, 1)  # type: ignore[arg-type]


def test_single_events_of_a_large_segment_need_their_frames_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, mirror = large(tmp_path, monkeypatch)
    manifest = read_manifest(tmp_path, name)
    assert len(manifest.frames) == 9

    with mirrored(mirror):
        lines = read_lines(tmp_path, name, [3, 7])
        assert cached_files(tmp_path) == {} and len(mirror.requests) == 2
        record = read_event_in(tmp_path, name, 3)
        assert record.line == lines[3] and cached_files(tmp_path) == {}
        assert read_lines(tmp_path, name, range(1, 10))[7] == lines[7]
        assert len(cached_files(tmp_path)) == 1  # more than half of the file: fetched whole
        assert read_absent_frames(tmp_path, manifest, [0]) == []
    sealed_path(tmp_path, name).write_bytes(mirror.objects[objects_of([manifest])[0]])
    assert read_lines(tmp_path, name, [3])[3] == lines[3]


def test_a_frame_with_other_bytes_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, mirror = large(tmp_path, monkeypatch)
    (data,) = mirror.objects.values()
    offset = read_manifest(tmp_path, name).frames[4].offset
    mirror.objects[next(iter(mirror.objects))] = (
        data[: offset + 20] + bytes([data[offset + 20] ^ 1]) + data[offset + 21 :]
    )

    with mirrored(mirror):
        assert 3 in read_lines(tmp_path, name, [3])
        with pytest.raises(Corrupt, match="frame 4 at byte"):
            read_lines(tmp_path, name, [5])


def test_an_asset_that_is_missing_here_is_fetched(tmp_path: Path) -> None:
    sha256 = put_asset(tmp_path, b"large")
    mirror = move_to_mirror(tmp_path)

    with pytest.raises(NotFound, match="missing, but an event refers to it"):
        get_asset(tmp_path, sha256)
    with mirrored(mirror):
        assert get_asset(tmp_path, sha256) == get_asset(tmp_path, sha256) == b"large"
        assert len(mirror.requests) == 1
        with pytest.raises(NotFound, match="missing, but an event refers to it"):
            get_asset(tmp_path, "0" * 64)
