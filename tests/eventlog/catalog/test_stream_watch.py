"""New streams are noticed by the timestamps of few folders."""

from pathlib import Path

from eventlog.catalog.day import FolderStamp, FolderTimes
from eventlog.catalog.stream_watch import StreamWatch, poll_streams
from eventlog.files.listing import list_segments
from eventlog.format.paths import manifest_path, sealed_path
from tests.eventlog.making import (
    MTIMES,
    OTHER,
    SOURCE,
    WRITER,
    entity,
    settle,
    write_hours,
    write_log,
)


def test_streams_are_listed_only_after_a_change(tmp_path: Path) -> None:
    write_hours(tmp_path, 1, 1)
    settle(tmp_path)
    watch = StreamWatch(tmp_path, MTIMES)
    assert poll_streams(watch) == [(SOURCE, WRITER)]
    assert poll_streams(watch) == []

    write_log(tmp_path, [[entity(1)]], writer=OTHER)
    both = [(SOURCE, WRITER), (SOURCE, OTHER)]
    assert poll_streams(watch) == both
    settle(tmp_path, 2)
    assert poll_streams(watch) == both
    assert poll_streams(watch) == []
    write_log(tmp_path, [[entity(1)]], source="civitai")
    assert poll_streams(watch) == [("civitai", WRITER), *both]


def test_a_poll_reads_few_timestamps_and_at_times_all(tmp_path: Path) -> None:
    write_hours(tmp_path, 24 * 5, 1)
    settle(tmp_path)
    read: list[str] = []

    def stamp(folder: str) -> FolderStamp | None:
        read.append(folder)
        return MTIMES.stamp(folder)

    watch = StreamWatch(tmp_path, FolderTimes(stamp=stamp))
    poll_streams(watch)
    read.clear()
    results = [poll_streams(watch) for _ in range(49)]

    assert results == [[]] * 49
    assert len(read) == 49 * 3 + 6  # the log, the source, its newest day; once all days


def test_all_folders_are_compared_more_often_while_they_changed_recently(tmp_path: Path) -> None:
    write_log(tmp_path, [[entity(1)]])
    folders = [tmp_path / "log", *(tmp_path / "log").glob("*"), *(tmp_path / "log").glob("*/*-*")]
    stamps = {str(folder): MTIMES.stamp(str(folder)) for folder in folders}
    watch = StreamWatch(tmp_path, FolderTimes(stamp=stamps.get))
    assert poll_streams(watch) == [(SOURCE, WRITER)]

    write_log(tmp_path, [[entity(1)]], writer=OTHER)  # within the resolution of timestamps
    results = [poll_streams(watch) for _ in range(49)]

    both = [(SOURCE, WRITER), (SOURCE, OTHER)]
    assert results == [[]] * 23 + [both] + [[]] * 24 + [both]


def test_a_stream_that_is_copied_into_an_old_day_is_found_by_a_complete_comparison(
    tmp_path: Path,
) -> None:
    names = write_hours(tmp_path, 24 * 2, 1)
    settle(tmp_path)
    watch = StreamWatch(tmp_path, MTIMES)
    poll_streams(watch)
    write_log(tmp_path / "elsewhere", [[entity(1)]], writer=OTHER)
    (copied,) = (file.name for file in list_segments(tmp_path / "elsewhere"))
    for path_of in (sealed_path, manifest_path):
        path_of(tmp_path / "elsewhere", copied).rename(path_of(tmp_path, copied))
    results = [poll_streams(watch) for _ in range(49)]

    assert copied.date == names[0].date
    assert results == [[]] * 48 + [[(SOURCE, WRITER), (SOURCE, OTHER)]]


def test_an_archive_without_a_log_has_no_streams(tmp_path: Path) -> None:
    watch = StreamWatch(tmp_path)

    assert poll_streams(watch) == []
    write_log(tmp_path, [[entity(1)]])
    assert poll_streams(watch) == [(SOURCE, WRITER)]
