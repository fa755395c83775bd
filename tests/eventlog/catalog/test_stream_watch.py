"""New streams are noticed by the timestamps of few folders."""

import os
from pathlib import Path

from eventlog.catalog.day import FolderStamp, FolderTimes, folder_stamp
from eventlog.catalog.stream_watch import StreamWatch, poll_streams
from tests.eventlog.making import OTHER, SOURCE, WRITER, entity, write_hours, write_log


def settle(root: Path) -> None:
    for folder in [root / "log", *(root / "log").glob("*"), *(root / "log").glob("*/*")]:
        if folder.is_dir():
            os.utime(folder, (1, 1))


def test_streams_are_listed_only_after_a_change(tmp_path: Path) -> None:
    write_hours(tmp_path, 1, 1)
    settle(tmp_path)
    watch = StreamWatch(tmp_path)
    assert poll_streams(watch) == [(SOURCE, WRITER)]
    assert poll_streams(watch) == []

    write_log(tmp_path, [[entity(1)]], writer=OTHER)
    both = [(SOURCE, WRITER), (SOURCE, OTHER)]
    assert poll_streams(watch) == both
    assert poll_streams(watch) == both  # the folders changed less than 10 s ago
    settle(tmp_path)
    assert poll_streams(watch) == both
    assert poll_streams(watch) == []
    write_log(tmp_path, [[entity(1)]], source="civitai")
    assert poll_streams(watch) == [("civitai", WRITER), *both]


def test_a_poll_reads_few_timestamps_and_at_times_all(tmp_path: Path) -> None:
    write_hours(tmp_path, 24 * 5, 1)
    settle(tmp_path)
    read: list[Path] = []

    def stamp(folder: Path) -> FolderStamp | None:
        read.append(folder)
        return folder_stamp(folder)

    watch = StreamWatch(tmp_path, FolderTimes(stamp=stamp))
    poll_streams(watch)
    read.clear()
    results = [poll_streams(watch) for _ in range(49)]

    assert results == [[]] * 48 + [[(SOURCE, WRITER)]]
    assert len(read) < 49 * 3 + 20


def test_an_archive_without_a_log_has_no_streams(tmp_path: Path) -> None:
    watch = StreamWatch(tmp_path)

    assert poll_streams(watch) == []
    write_log(tmp_path, [[entity(1)]])
    assert poll_streams(watch) == [(SOURCE, WRITER)]
