"""The writer when the disk is full, slow or fails."""

import errno
import os
from pathlib import Path

import pytest

from eventlog.errors import LocalResource
from eventlog.format.event_codec import decode
from eventlog.format.paths import head_path
from eventlog.read.reader import read_events
from eventlog.write.writer import (
    close_stream,
)
from tests.eventlog.making import (
    SOURCE,
    WRITER,
    disk_with,
    entity,
    logged_seqs,
    opened,
    put,
)


@pytest.mark.parametrize("kept", [0, 1, 50, 99])
def test_a_half_written_batch_is_removed_if_the_disk_is_full(tmp_path: Path, kept: int) -> None:
    full = False

    def write(handle: int, data: bytes) -> int:
        if not full:
            return os.write(handle, data)
        if len(data) <= kept:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(handle, bytes(data)[: max(kept, 1)]) if kept else fail()

    def fail() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    stream = opened(tmp_path, disk=disk_with(write=write))
    put(stream, entity(1))
    full = True
    with pytest.raises(LocalResource, match="No space left on device; the batch was not stored"):
        put(stream, entity(2), entity(3))
    full = False
    put(stream, entity(4))
    close_stream(stream)

    assert [decode(each.line).id for each in read_events(tmp_path)] == ["1", "4"]
    assert logged_seqs(tmp_path) == [1, 2]


def test_short_writes_are_continued(tmp_path: Path) -> None:
    stream = opened(tmp_path, disk=disk_with(write=lambda h, data: os.write(h, bytes(data)[:7])))
    put(stream, entity(1), entity(2))
    close_stream(stream)

    assert logged_seqs(tmp_path) == [1, 2]


def test_a_failed_fsync_ends_the_stream_for_good(tmp_path: Path) -> None:
    failing = False

    def fsync(handle: int) -> None:
        if failing:
            raise OSError(errno.EIO, "Input/output error")
        os.fsync(handle)

    stream = opened(tmp_path, disk=disk_with(fsync=fsync))
    put(stream, entity(1))
    failing = True
    with pytest.raises(LocalResource, match="fsync: Input/output error"):
        put(stream, entity(2))
    failing = False
    with pytest.raises(LocalResource, match="accepts no more events"):
        put(stream, entity(3))
    assert logged_seqs(tmp_path) == [1]
    close_stream(stream)

    stream = opened(tmp_path)
    put(stream, entity(4))
    close_stream(stream)
    assert logged_seqs(tmp_path) == list(range(1, len(logged_seqs(tmp_path)) + 1))


def test_a_half_written_batch_that_cannot_be_removed_ends_the_stream(tmp_path: Path) -> None:
    failing = False

    def write(handle: int, data: bytes) -> int:
        if failing:
            os.write(handle, bytes(data)[:20])
            raise OSError(errno.EIO, "Input/output error")
        return os.write(handle, data)

    def truncate(_handle: int, _size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    stream = opened(tmp_path, disk=disk_with(write=write, truncate=truncate))
    put(stream, entity(1))
    failing = True
    with pytest.raises(LocalResource):
        put(stream, entity(2))
    with pytest.raises(LocalResource, match="accepts no more events"):
        put(stream, entity(3))
    close_stream(stream)
    assert logged_seqs(tmp_path) == [1]


def test_crawling_stops_before_the_disk_is_full(tmp_path: Path) -> None:
    free = 10**12
    stream = opened(tmp_path, disk=disk_with(free_bytes=lambda _path: free))
    put(stream, entity(1))
    free = 500 * 2**20
    with pytest.raises(LocalResource, match="500 MiB free, expected at least 512 MiB"):
        put(stream, entity(2))
    close_stream(stream)
    assert logged_seqs(tmp_path) == [1]


def test_a_head_that_cannot_be_written_does_not_stop_the_writer(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1))
    folder = tmp_path / "state" / "heads" / SOURCE
    (folder / f"{WRITER}.json").unlink()
    folder.rmdir()
    folder.write_text("a file where a folder belongs")
    put(stream, entity(2))
    close_stream(stream)

    assert logged_seqs(tmp_path) == [1, 2]


def test_a_head_that_was_deleted_is_restored_before_lines_are_written(tmp_path: Path) -> None:
    seen: list[bool] = []
    head = head_path(tmp_path, SOURCE, WRITER)

    def write(handle: int, data: bytes) -> int:
        seen.append(head.exists())
        return os.write(handle, data)

    stream = opened(tmp_path, disk=disk_with(write=write))
    put(stream, entity(1))
    head.unlink()
    put(stream, entity(2))
    close_stream(stream)

    assert seen == [True, True]
