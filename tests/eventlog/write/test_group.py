"""Groups of segments: the same bytes as single segments, nothing before the commit."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.check.verify import verify
from eventlog.errors import LocalResource
from eventlog.files.disk import Disk
from eventlog.files.heads import Head, read_head
from eventlog.files.listing import list_segments
from eventlog.files.stream_lock import sealed_seq
from eventlog.format.event import Draft
from eventlog.write.group import (
    GROUP_LIMITS,
    GroupLimits,
    SegmentGroup,
    append_to_group,
    close_group,
    commit_group,
    is_group_full,
    open_group,
)
from eventlog.write.writer import append, close_stream, roll, wait_sealed
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    SOURCE,
    START,
    WRITER,
    disk_with,
    entity,
    opened,
    recording_disk,
)

Batch = tuple[int, Sequence[Draft]]
"""Instant and events."""
NO_SYNC = disk_with(
    fsync=lambda handle: None, sync_dir=lambda path: None, sync_file_system=lambda handle: True
)

batches = st.lists(
    st.tuples(
        st.integers(-3, 40).map(lambda step: step * 20 * MINUTE),
        st.lists(st.builds(entity, st.integers(0, 9), st.integers(0, 900)), min_size=1, max_size=4),
    ),
    max_size=12,
)


def write_singly(root: Path, todo: Sequence[Batch], segment_bytes: int) -> None:
    """Appends batches one by one, and seals each segment before the next one begins."""
    stream = opened(root, disk=NO_SYNC, segment_bytes=segment_bytes)
    for at, drafts in todo:
        if at < stream.last_observed:
            roll(stream)
        append(stream, [lambda _seq, _at, drafts=drafts: drafts], at)  # type: ignore[misc]
        wait_sealed(stream)
    close_stream(stream, seal_open=True)


def put_in_group(group: SegmentGroup, at: int, drafts: Sequence[Draft]) -> None:
    """Appends a batch to a group; commits it before if it is full."""
    if is_group_full(group, at):
        commit_group(group)
    append_to_group(group, [lambda _seq, _at: drafts], at)


def write_in_groups(
    root: Path,
    todo: Sequence[Batch],
    segment_bytes: int = 1 << 28,
    limits: GroupLimits = GROUP_LIMITS,
    disk: Disk = NO_SYNC,
) -> None:
    """Appends batches to groups."""
    stream = opened(root, disk=disk, segment_bytes=segment_bytes)
    try:
        group = open_group(stream, limits)
        try:
            for at, drafts in todo:
                put_in_group(group, at, drafts)
        finally:
            close_group(group)
    finally:
        close_stream(stream)


def log_files(root: Path) -> dict[str, bytes]:
    """Returns the files of the log, except for the lock."""
    paths = [path for path in (root / "log").rglob("*") if path.suffix != ".lock"]
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"" for path in paths
    }


@given(
    steps=batches,
    segment_bytes=st.sampled_from([1500, 1 << 28]),
    segments=st.integers(1, 4),
    size=st.sampled_from([1, 3000, 1 << 26]),
)
def test_a_log_written_in_groups_has_the_bytes_of_one_written_singly(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, list[Draft]]],
    segment_bytes: int,
    segments: int,
    size: int,
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    at, todo = START, list[Batch]()
    for step, drafts in steps:
        at += step
        todo.append((at, drafts))
    write_singly(folder / "a", todo, segment_bytes)
    write_in_groups(folder / "b", todo, segment_bytes, GroupLimits(segments, size, segments // 2))

    assert log_files(folder / "b") == log_files(folder / "a")


def test_frames_of_a_large_segment_are_those_of_a_segment_written_singly(tmp_path: Path) -> None:
    sizes = [900, 1_100_000, 400_000, 700_000, 2_500_000, 10]
    todo: list[Batch] = [(START, [entity(n, size)]) for n, size in enumerate(sizes)]
    todo += [(START + 1, [entity(n, 100_000) for n in range(25)])]
    write_singly(tmp_path / "a", todo, 1 << 28)
    write_in_groups(tmp_path / "b", todo)

    assert log_files(tmp_path / "b") == log_files(tmp_path / "a")


def test_an_open_segment_is_sealed_before_the_group_begins(tmp_path: Path) -> None:
    stream = opened(tmp_path, disk=NO_SYNC)
    append(stream, [lambda _seq, _at: [entity(1)]], START)
    group = open_group(stream, GROUP_LIMITS)
    put_in_group(group, START, [entity(2)])
    close_group(group)
    close_stream(stream)

    assert [(x.name.number, x.is_sealed) for x in list_segments(tmp_path)] == [
        (0, True),
        (1, True),
    ]
    assert verify(tmp_path).damages == ()


def test_nothing_is_in_the_log_before_the_group_is_committed(tmp_path: Path) -> None:
    stream = opened(tmp_path, disk=NO_SYNC)
    group = open_group(stream, GROUP_LIMITS)
    for hour in range(3):
        put_in_group(group, START + hour * HOUR, [entity(hour)])
    before = (list_segments(tmp_path), read_head(tmp_path, SOURCE, WRITER))
    commit_group(group)
    after = (len(list_segments(tmp_path)), read_head(tmp_path, SOURCE, WRITER))
    close_group(group)
    close_stream(stream)

    assert before == ([], Head("", 0, 0))
    assert after == (3, Head("", 0, 3))
    assert sealed_seq(tmp_path, SOURCE, WRITER) == 3
    assert not list((tmp_path / "log" / SOURCE).glob(".*.group"))


def test_a_large_group_needs_far_fewer_syncs_than_segments(tmp_path: Path) -> None:
    calls: list[str] = []
    disk = disk_with(
        fsync=lambda handle: calls.append("fsync"),
        sync_dir=lambda path: calls.append("sync_dir"),
        sync_file_system=lambda handle: calls.append("sync_file_system") is None,
    )
    write_in_groups(tmp_path, [(START + n * HOUR, [entity(n)]) for n in range(96)], disk=disk)

    assert calls.count("sync_file_system") == 1
    assert len(calls) < 30


def test_each_file_is_fsynced_where_the_file_system_cannot_be(tmp_path: Path) -> None:
    synced: list[str] = []

    def fsync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)

    disk = attrs.evolve(NO_SYNC, fsync=fsync, sync_file_system=lambda handle: False)
    write_in_groups(tmp_path, [(START + n * HOUR, [entity(n)]) for n in range(40)], disk=disk)

    assert sum(name.endswith(".ndjson.zst") for name in synced) == 40
    assert sum(name.endswith(".manifest.json") for name in synced) == 40


@pytest.mark.parametrize("operation", ["open_append", "write", "fsync", "link", "sync_dir"])
def test_after_a_disk_error_nothing_is_written_any_more(tmp_path: Path, operation: str) -> None:
    stream = opened(tmp_path, disk=NO_SYNC)
    group = open_group(stream, GROUP_LIMITS)
    put_in_group(group, START, [entity(1)])

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    stream.disk = attrs.evolve(NO_SYNC, **{operation: fail})  # type: ignore[arg-type]
    with pytest.raises(LocalResource, match="Input/output error"):
        commit_group(group)
    stream.disk = NO_SYNC
    with pytest.raises(LocalResource, match="after a disk error"):
        put_in_group(group, START, [entity(2)])
    close_group(group)
    close_stream(stream)
    write_in_groups(tmp_path, [(START, [entity(3)])])

    assert verify(tmp_path).damages == ()


def test_what_was_appended_before_the_disk_was_nearly_full_is_committed(tmp_path: Path) -> None:
    stream = opened(tmp_path, disk=NO_SYNC)
    group = open_group(stream, GROUP_LIMITS)
    put_in_group(group, START, [entity(1)])
    stream.disk = attrs.evolve(NO_SYNC, free_bytes=lambda path: 0)
    with pytest.raises(LocalResource, match="expected at least"):
        put_in_group(group, START, [entity(2)])
    close_group(group)
    close_stream(stream)

    assert read_head(tmp_path, SOURCE, WRITER) == Head("", 0, 1)
    assert [x.is_sealed for x in list_segments(tmp_path)] == [True]


def test_a_batch_that_cannot_be_built_changes_nothing(tmp_path: Path) -> None:
    stream = opened(tmp_path / "a", disk=NO_SYNC)
    group = open_group(stream, GROUP_LIMITS)
    with pytest.raises(ZeroDivisionError):
        append_to_group(group, [lambda seq, at: [entity(1 // 0)]], START)
    put_in_group(group, START + HOUR, [entity(1)])
    with pytest.raises(ZeroDivisionError):
        append_to_group(group, [lambda seq, at: [entity(1 // 0)]], START + HOUR)
    put_in_group(group, START + HOUR, [entity(2)])
    close_group(group)
    close_stream(stream)
    write_singly(
        tmp_path / "b", [(START + HOUR, [entity(1)]), (START + HOUR, [entity(2)])], 1 << 28
    )

    assert log_files(tmp_path / "a") == log_files(tmp_path / "b")


def test_each_step_of_a_commit_is_durable_before_the_next(tmp_path: Path) -> None:
    steps: list[str] = []
    stream = opened(tmp_path)
    group = open_group(stream, GROUP_LIMITS)
    stream.disk = recording_disk(steps)
    put_in_group(group, START, [entity(1)])
    commit_group(group)
    stream.disk = NO_SYNC
    close_group(group)
    close_stream(stream)

    zst, manifest = (
        f"2026-11-21_05-{WRITER}-000{end}" for end in (".ndjson.zst", ".manifest.json")
    )
    prepared = [
        [f"open_append {name}", f"write {name}", f"close {name}"] for name in (zst, manifest)
    ]
    synced = [[f"open_append {name}", f"fsync {name}", f"close {name}"] for name in (zst, manifest)]
    assert steps == [
        *prepared[0],
        *prepared[1],
        *synced[0],
        *synced[1],
        f"sync_dir .{WRITER}.group",
        *(
            f"{operation} .record.json.tmp"
            for operation in ("open_append", "write", "fsync", "close")
        ),
        "rename record.json",
        f"sync_dir .{WRITER}.group",
        f"sync_dir {SOURCE}",
        f"open_append 05-{WRITER}-000.ndjson",
        f"close 05-{WRITER}-000.ndjson",
        f"link 05-{WRITER}-000.ndjson.zst",
        f"link 05-{WRITER}-000.manifest.json",
        f"unlink 05-{WRITER}-000.ndjson",
        "sync_dir 2026-11-21",
        "unlink record.json",
        f"sync_dir .{WRITER}.group",
        *sorted(steps[-2:]),
    ]
    assert sorted(steps[-2:]) == [f"unlink {manifest}", f"unlink {zst}"]
