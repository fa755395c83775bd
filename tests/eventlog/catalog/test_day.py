"""One day of the catalog: when a folder is read, and when the catalog suffices."""

import os
from pathlib import Path

from eventlog.catalog.day import (
    REAL_TIMES,
    SETTLED_US,
    DayFolder,
    FolderStamp,
    FolderTimes,
    folder_stamp,
    is_settled,
    read_day,
    sealed_facts,
)
from eventlog.catalog.storage import load, save
from eventlog.clock import now_us
from eventlog.files.listing import read_manifest
from eventlog.format.paths import catalog_path, manifest_path
from tests.eventlog.making import (
    HOUR,
    MTIMES,
    SOURCE,
    START,
    ManualClock,
    entity,
    settle,
    write_hours,
    write_log,
)

DATE = "2026-11-21"


def hide_files(folder: Path) -> None:
    """Removes the files of a folder, but restores its modification time."""
    status = folder.stat()
    for path in folder.iterdir():
        path.unlink()
    os.utime(folder, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_day_has_what_the_manifests_say_and_nothing_about_open_segments(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 2, 3)
    last = write_log(tmp_path, [[entity(1)]], seal=False, clock=ManualClock(START + 5 * HOUR))
    settle(tmp_path)

    for _ in range(2):
        segments = [*read_day(tmp_path, SOURCE, DATE, MTIMES).segments]
        assert [name for name, _ in segments] == [*names, last]
        for name, entry in segments[:2]:
            assert entry.facts == sealed_facts(read_manifest(tmp_path, name))
            assert (entry.is_open, entry.has_zst, entry.has_manifest) == (False, True, True)
        _, entry = segments[2]
        assert (entry.is_open, entry.has_zst, entry.has_manifest) == (True, False, False)
        assert entry.facts is None


def test_a_settled_folder_is_read_once(tmp_path: Path) -> None:
    write_hours(tmp_path, 2, 1)
    settle(tmp_path)
    folder = tmp_path / "log" / SOURCE / DATE
    stamp = MTIMES.stamp(str(folder))
    times = FolderTimes(stamp=lambda _folder: stamp)
    before = read_day(tmp_path, SOURCE, DATE, times)
    hide_files(folder)

    assert read_day(tmp_path, SOURCE, DATE, times) == before
    assert read_day(tmp_path, SOURCE, DATE).entries == ()  # its ctime differs


def test_a_folder_that_changed_recently_is_read_each_time_and_not_stored(tmp_path: Path) -> None:
    write_hours(tmp_path, 2, 1)
    stamp = folder_stamp(str(tmp_path / "log" / SOURCE / DATE))
    assert stamp is not None
    changed_us = stamp.changed_us
    for age_us, is_stored in ((-HOUR, False), (SETTLED_US - 1, False), (SETTLED_US, True)):
        times = FolderTimes(now=lambda age_us=age_us: changed_us + age_us)
        read_day(tmp_path, SOURCE, DATE, times)
        assert catalog_path(tmp_path, SOURCE, DATE).exists() == is_stored


def test_a_folder_is_as_old_as_the_later_of_its_timestamps(tmp_path: Path) -> None:
    write_hours(tmp_path, 2, 1)
    old, recent = 1_000_000_000, 1_000_000_000 + SETTLED_US * 1000
    for stamp in (FolderStamp(old, recent), FolderStamp(recent, old), FolderStamp(old, old)):
        times = FolderTimes(lambda: recent // 1000, lambda _folder, stamp=stamp: stamp)
        read_day(tmp_path, SOURCE, DATE, times)
        assert catalog_path(tmp_path, SOURCE, DATE).exists() == (stamp.ctime_ns == stamp.mtime_ns)


def test_a_day_with_a_damaged_manifest_is_not_stored(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 2, 1)
    manifest_path(tmp_path, names[0]).write_bytes(b"{}")
    settle(tmp_path)
    day = read_day(tmp_path, SOURCE, DATE, MTIMES)

    assert [entry.facts is None for entry in day.entries] == [True, False]
    assert not is_settled(day, now_us())
    assert not catalog_path(tmp_path, SOURCE, DATE).exists()


def test_a_file_of_another_day_or_source_is_ignored_and_replaced(tmp_path: Path) -> None:
    write_hours(tmp_path, 2, 1)
    settle(tmp_path)
    path = catalog_path(tmp_path, SOURCE, DATE)
    day = read_day(tmp_path, SOURCE, DATE, MTIMES)
    for source, date in (("civitai", DATE), (SOURCE, "2026-11-22")):
        save(path, DayFolder(source, date, day.stamp, ()))
        assert read_day(tmp_path, SOURCE, DATE, MTIMES) == day
        assert load(path, DayFolder) == day


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read_day(tmp_path, SOURCE, DATE, REAL_TIMES) == DayFolder(SOURCE, DATE, None, ())
    assert not (tmp_path / "state").exists()


def test_a_catalog_that_cannot_be_written_changes_no_answer(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 2, 1)
    settle(tmp_path)
    (tmp_path / "state" / "catalog").write_bytes(b"a file where a folder should be")

    for _ in range(2):
        assert [name for name, _ in read_day(tmp_path, SOURCE, DATE, MTIMES).segments] == names
