"""Sealing: every state that a crash can leave behind."""

import contextlib
import hashlib
import subprocess
from itertools import combinations
from pathlib import Path

import attrs
import pytest

from eventlog.check.verify import verify
from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, Disk
from eventlog.files.listing import list_segments, read_manifest
from eventlog.format.frames import compress
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.read.reader import read_events
from eventlog.read.segment_lines import segment_blocks
from eventlog.write.seal import finish_sealing, seal
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOSTILE,
    HOUR,
    START,
    ManualClock,
    body_of,
    duckdb_rows,
    entity,
    opened,
    put,
    write_log,
)

PATHS = {"open": open_path, "zst": sealed_path, "manifest": manifest_path}


def all_three(root: Path) -> tuple[SegmentName, dict[str, bytes]]:
    """Seals a segment; returns its name and the bytes of the three files it had during sealing."""
    name = write_log(root, [[entity(n)] for n in range(5)], seal=False)
    held = {"open": open_path(root, name).read_bytes()}
    close_stream(opened(root), seal_open=True)
    return name, held | {kind: PATHS[kind](root, name).read_bytes() for kind in ("zst", "manifest")}


def lay(root: Path, name: SegmentName, files: dict[str, bytes]) -> None:
    for kind, path in PATHS.items():
        path(root, name).unlink(missing_ok=True)
        if kind in files:
            path(root, name).write_bytes(files[kind])


def laid(root: Path, name: SegmentName) -> set[str]:
    return {kind for kind, path in PATHS.items() if path(root, name).exists()}


@pytest.mark.parametrize(
    "there",
    [set(c) for n in range(4) for c in combinations(PATHS, n)],
    ids=lambda there: "+".join(sorted(there)) or "none",
)
def test_every_combination_of_files_is_completed_or_reverted(
    tmp_path: Path, there: set[str]
) -> None:
    name, files = all_three(tmp_path)
    lay(tmp_path, name, {kind: files[kind] for kind in there})
    refused = (set[str](), {"zst"}, {"open", "manifest"})
    if there in refused:
        with pytest.raises(Corrupt, match=str(name)):
            opened(tmp_path)
        assert laid(tmp_path, name) == there
        assert there == {"open", "manifest"} or verify(tmp_path).damages
        return
    close_stream(opened(tmp_path))

    expected = {"zst", "manifest"} if there == set(PATHS) else there - {"zst"}
    assert laid(tmp_path, name) == (there if there == {"zst", "manifest"} else expected)
    whole = there != {"manifest"}
    assert (verify(tmp_path).damages == ()) == (there != {"manifest"})
    if whole:
        assert [record.seq for record in read_events(tmp_path)] == [1, 2, 3, 4, 5]


def steps() -> list[str]:
    """Returns the changes to the disk that sealing makes, in order."""
    return ["open_append", "write", "fsync", "close", "rename", "sync_dir", "link", "unlink"]


class Killed(BaseException):
    """The process was killed."""


def dying(after: int) -> Disk:
    """Returns a disk that kills the process at the n-th change."""
    left = [after]

    def step(name: str):  # type: ignore[no-untyped-def]
        def call(*args: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return getattr(REAL, name)(*args)

        return call

    return attrs.evolve(REAL, **{name: step(name) for name in steps()})


@pytest.mark.parametrize("after", range(20))
def test_the_next_start_completes_a_sealing_that_was_killed_at_any_step(
    tmp_path: Path, after: int
) -> None:
    name = write_log(tmp_path, [[entity(n)] for n in range(5)], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    with contextlib.suppress(Killed):
        seal(tmp_path, name, None, dying(after))
    before = [record.line for record in read_events(tmp_path)]
    assert b"".join(line + b"\n" for line in before) == data
    close_stream(opened(tmp_path), seal_open=True)

    assert laid(tmp_path, name) == {"zst", "manifest"}
    assert b"".join(segment_blocks(tmp_path, name)) == data
    assert verify(tmp_path).damages == ()
    assert list(sealed_path(tmp_path, name).parent.glob(".*")) == []


@pytest.mark.parametrize("after", range(12))
def test_the_next_start_completes_a_completion_that_was_killed(tmp_path: Path, after: int) -> None:
    name, files = all_three(tmp_path)
    for there in (set(PATHS), {"open", "zst"}):
        lay(tmp_path, name, {kind: files[kind] for kind in there})
        with contextlib.suppress(Killed):
            finish_sealing(tmp_path, name, dying(after))
        close_stream(opened(tmp_path), seal_open=True)

        assert laid(tmp_path, name) == {"zst", "manifest"}
        assert verify(tmp_path).damages == ()


def test_the_open_file_is_kept_if_the_sealed_file_differs(tmp_path: Path) -> None:
    name, files = all_three(tmp_path)
    lay(tmp_path, name, files | {"open": files["open"].replace(b"xxx", b"xyx", 1)})

    with pytest.raises(Corrupt, match=f"{name}.ndjson: expected SHA-256"):
        opened(tmp_path)
    assert laid(tmp_path, name) == set(PATHS)


@pytest.mark.parametrize("at", [10, 100, -5])
def test_the_open_file_is_kept_if_the_sealed_file_is_damaged(tmp_path: Path, at: int) -> None:
    name, files = all_three(tmp_path)
    damaged = bytearray(files["zst"])
    damaged[at] ^= 4
    lay(tmp_path, name, files | {"zst": bytes(damaged)})

    with pytest.raises(Corrupt, match=f"{name}.ndjson.zst: expected SHA-256"):
        opened(tmp_path)
    assert laid(tmp_path, name) == set(PATHS)


def test_a_manifest_never_replaces_another(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    manifest_path(tmp_path, name).write_bytes(b"another writer's")

    with pytest.raises(Corrupt, match="expected no manifest there yet"):
        seal(tmp_path, name, None)
    assert manifest_path(tmp_path, name).read_bytes() == b"another writer's"
    assert open_path(tmp_path, name).exists()


def test_a_file_that_reads_back_differently_is_not_sealed(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)

    def fsync(handle: int) -> None:
        for path in tmp_path.rglob(".*.zst.tmp"):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)

    with pytest.raises(Corrupt):
        seal(tmp_path, name, None, attrs.evolve(REAL, fsync=fsync))
    assert laid(tmp_path, name) == {"open"}


def test_a_frame_that_decompresses_to_other_lines_is_not_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    other = compress(open_path(tmp_path, name).read_bytes().replace(b"xxx", b"xyx", 1))
    monkeypatch.setattr("eventlog.write.seal.compress", lambda _block: other)

    with pytest.raises(Corrupt, match="decompressed others"):
        seal(tmp_path, name, None)
    assert laid(tmp_path, name) == {"open"}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"{}\n",
        lambda data: data.replace(b'"seq":3', b'"seq":4'),
        lambda data: data.replace(b"1a2b3c4d", b"1a2b3c4e"),
        lambda data: b"",
    ],
)
def test_only_complete_lines_of_one_stream_are_sealed(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    name = write_log(tmp_path, [[entity(n)] for n in range(5)], seal=False)
    path = open_path(tmp_path, name)
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(Corrupt):
        seal(tmp_path, name, None)
    assert laid(tmp_path, name) == {"open"}


def test_any_zstd_reader_decompresses_a_sealed_segment_to_its_lines(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[body_of(raw)] for raw in HOSTILE], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    close_stream(opened(tmp_path), seal_open=True)
    path = sealed_path(tmp_path, name)

    assert subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout == data
    assert [seq for seq, _ in duckdb_rows(path)] == list(range(1, len(HOSTILE) + 1))


def test_a_frame_contains_about_a_mebibyte_of_complete_lines(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n, 30_000) for n in range(100)]])
    manifest = read_manifest(tmp_path, name)

    assert len(manifest.frames) == 3
    assert [frame.raw_bytes // 2**20 for frame in manifest.frames] == [1, 1, 0]
    assert sum(frame.rows for frame in manifest.frames) == 100
    assert manifest.longest_line_bytes > 30_000


def test_manifests_form_a_chain(tmp_path: Path) -> None:
    clock = ManualClock()
    for _ in range(3):
        stream = opened(tmp_path, clock)
        put(stream, entity(1))
        close_stream(stream, seal_open=True)
        clock.at += HOUR
    first, second, third = [
        read_manifest(tmp_path, files.name) for files in list_segments(tmp_path)
    ]

    assert first.previous is None
    assert [files.previous for files in (second, third)] == [
        hashlib.sha256(manifest_path(tmp_path, files.name).read_bytes()).hexdigest()
        for files in (first, second)
    ]


def test_segments_are_sealed_while_the_writer_appends(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START), segment_bytes=100_000)
    for number in range(300):
        put(stream, entity(number, 2000))
    close_stream(stream, seal_open=True)

    assert [record.seq for record in read_events(tmp_path)] == list(range(1, 301))
    assert verify(tmp_path).damages == ()


def test_a_segment_of_many_frames_is_sealed_in_the_order_of_its_lines(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n, 2**20) for n in range(9)]], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    manifest = seal(tmp_path, name, None)

    assert len(manifest.frames) == 9
    assert b"".join(segment_blocks(tmp_path, name)) == data
    assert b"".join([*segment_blocks(tmp_path, name, backwards=True)][::-1]) == data
