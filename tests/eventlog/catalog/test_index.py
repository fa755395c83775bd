"""The index of a source: which folders are read, and what is stored."""

import os
from pathlib import Path

from eventlog.catalog.day import DayFolder, FolderStamp, FolderTimes
from eventlog.catalog.index import StoredIndex, WriterDay, read_index, summarize_day
from eventlog.catalog.storage import load, save
from eventlog.format.paths import catalog_path, manifest_path
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

HOURS = 40
"""From 05:00 on: the segments of two days."""


def test_a_summary_has_the_seqs_counts_and_sizes_of_each_writer(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    write_log(tmp_path, [[entity(1)]], writer=OTHER, seal=False)
    manifest_path(tmp_path, names[2]).write_bytes(b"{}")
    (day,) = read_index(tmp_path, SOURCE).days
    ours, other = day.writers

    assert (ours.writer, ours.first_seq, ours.last_seq, ours.rows) == (WRITER, 1, 4, 4)
    assert (ours.unknown, ours.open, ours.sealed, ours.missing, ours.lost) == (1, 0, 3, 0, 0)
    assert (ours.hours, ours.is_contiguous) == (0b111 << 5, True)
    assert other == WriterDay(OTHER, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1 << 5, True)


def test_settled_days_are_stored_and_read_no_more(tmp_path: Path) -> None:
    write_hours(tmp_path, HOURS, 1)
    settle(tmp_path)
    stamps: list[str] = []

    def stamp(folder: str) -> FolderStamp | None:
        stamps.append(folder)
        return MTIMES.stamp(folder)

    times = FolderTimes(stamp=stamp)
    first = read_index(tmp_path, SOURCE, times)
    assert len(stamps) == 2
    for day in first.days:
        catalog_path(tmp_path, SOURCE, day.date).unlink()
    again = read_index(tmp_path, SOURCE, times)

    assert len(stamps) == 4
    assert again.days == first.days
    assert first.unsettled == again.unsettled == {}
    assert [day.date for day in first.days] == ["2026-11-21", "2026-11-22"]


def test_a_day_that_changed_recently_is_in_the_index_but_not_stored(tmp_path: Path) -> None:
    write_hours(tmp_path, HOURS, 1)
    settle(tmp_path)
    os.utime(tmp_path / "log" / SOURCE / "2026-11-22")
    index = read_index(tmp_path, SOURCE, MTIMES)
    stored = load(catalog_path(tmp_path, SOURCE, "index"), StoredIndex)

    assert [*index.unsettled] == ["2026-11-22"]
    assert stored == StoredIndex(SOURCE, index.days[:1])
    assert [len(index.day(day.date).entries) for day in index.days] == [19, 21]


def test_an_index_of_another_source_is_ignored_and_replaced(tmp_path: Path) -> None:
    write_hours(tmp_path, 1, 1)
    settle(tmp_path)
    index = read_index(tmp_path, SOURCE, MTIMES)
    path = catalog_path(tmp_path, SOURCE, "index")
    stamp = index.days[0].stamp
    empty = summarize_day(DayFolder(SOURCE, "2026-11-21", stamp, ()), stamp)
    save(path, StoredIndex("civitai", (empty,)))

    assert read_index(tmp_path, SOURCE, MTIMES).days == index.days
    assert load(path, StoredIndex) == StoredIndex(SOURCE, index.days)


def test_days_that_were_removed_leave_the_index(tmp_path: Path) -> None:
    write_hours(tmp_path, HOURS, 1)
    settle(tmp_path)
    read_index(tmp_path, SOURCE, MTIMES)
    (tmp_path / "log" / SOURCE / "2026-11-21").rename(tmp_path / "elsewhere")

    assert [day.date for day in read_index(tmp_path, SOURCE, MTIMES).days] == ["2026-11-22"]
    stored = load(catalog_path(tmp_path, SOURCE, "index"), StoredIndex)
    assert stored is not None
    assert [day.date for day in stored.days] == ["2026-11-22"]
