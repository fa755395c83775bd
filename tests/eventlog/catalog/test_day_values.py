"""Values of days: which are computed, and which are kept."""

from pathlib import Path

import attrs

from eventlog.catalog.day import DayFolder, FolderStamp, FolderTimes
from eventlog.catalog.day_values import StoredValues, values_by_day
from eventlog.catalog.index import read_index
from eventlog.catalog.storage import load, save
from eventlog.clock import SECOND
from eventlog.format.paths import catalog_path
from tests.eventlog.making import OTHER, SOURCE, WRITER, entity, write_hours, write_log

DATES = ("2026-11-21", "2026-11-22")


@attrs.define
class Days:
    """A log of two days, whose folders have timestamps that are set by hand."""

    root: Path
    stamps: dict[str, FolderStamp]
    now: int = 100 * SECOND
    can_read: bool = True
    computed: list[str] = attrs.Factory(list)

    def compute(self, day: DayFolder) -> tuple[list[str], bool]:
        self.computed.append(day.date)
        return [str(name) for name, _ in day.segments], self.can_read

    def values(
        self, *, since: str = "", writers: tuple[str, ...] | None = None, name: str = "names"
    ) -> tuple[int, list[str]]:
        """Returns the number of segments in all values, and the days that were computed."""
        self.computed.clear()
        times = FolderTimes(lambda: self.now, lambda folder: self.stamps[Path(folder).name])
        index = read_index(self.root, SOURCE, times)
        days = values_by_day(
            index, name, list[str], self.compute, since_date=since, writers=writers
        )
        return sum(map(len, days)), [*self.computed]


def days_of(root: Path) -> Days:
    write_hours(root, 40, 1)
    return Days(root, {date: FolderStamp(1, 1) for date in DATES})


def test_a_day_is_computed_again_only_after_its_folder_changed(tmp_path: Path) -> None:
    days = days_of(tmp_path)

    assert days.values() == (40, [*DATES])
    assert days.values() == (40, [])
    days.stamps[DATES[0]] = FolderStamp(2, 1)
    assert days.values() == (40, [DATES[0]])
    assert days.values() == (40, [])


def test_the_value_of_a_day_that_changed_recently_is_neither_kept_nor_used(tmp_path: Path) -> None:
    days = days_of(tmp_path)
    days.now = 5 * SECOND
    for _ in range(2):
        assert days.values() == (40, [*DATES])
    days.now = 100 * SECOND
    assert days.values() == (40, [*DATES])
    catalog_path(tmp_path, SOURCE, "index").unlink()
    days.now = 5 * SECOND
    assert days.values() == (40, [*DATES])


def test_a_day_with_an_open_segment_is_read_each_time(tmp_path: Path) -> None:
    write_log(tmp_path, [[entity(1)]], writer=OTHER, seal=False)
    days = days_of(tmp_path)

    assert days.values() == (41, [*DATES])
    assert days.values() == (41, [DATES[0]])
    assert days.values(writers=(WRITER,)) == (40, [DATES[0]])
    assert days.values(writers=(WRITER,)) == (40, [])


def test_a_day_that_could_not_be_read_completely_is_read_each_time(tmp_path: Path) -> None:
    days = days_of(tmp_path)
    days.can_read = False
    for _ in range(2):
        assert days.values() == (40, [*DATES])


def test_a_value_is_of_the_writers_that_were_asked_for(tmp_path: Path) -> None:
    write_log(tmp_path, [[entity(1)]], writer=OTHER)
    days = days_of(tmp_path)

    assert days.values(writers=(OTHER,)) == (1, [DATES[0]])
    assert days.values() == (41, [*DATES])
    assert days.values(writers=(WRITER,)) == (40, [DATES[0]])
    assert days.values(writers=()) == (0, [])


def test_days_before_a_date_are_not_computed_and_stay_as_they_are(tmp_path: Path) -> None:
    days = days_of(tmp_path)

    assert days.values(since=DATES[1]) == (21, [DATES[1]])
    assert days.values() == (40, [DATES[0]])
    assert days.values(since=DATES[1]) == (21, [])
    assert days.values() == (40, [])


def test_what_was_computed_is_kept_if_the_reader_needs_no_more(tmp_path: Path) -> None:
    days = days_of(tmp_path)
    times = FolderTimes(lambda: days.now, lambda folder: days.stamps[Path(folder).name])
    values = values_by_day(read_index(tmp_path, SOURCE, times), "names", list[str], days.compute)
    next(values)
    values.close()

    assert days.values() == (40, [DATES[1]])


def test_values_of_another_name_or_source_are_ignored(tmp_path: Path) -> None:
    days = days_of(tmp_path)
    days.values()
    path = catalog_path(tmp_path, SOURCE, "names")
    stored = load(path, StoredValues)
    assert stored is not None
    for other in (StoredValues("civitai", "names", stored.days), StoredValues(SOURCE, "x", ())):
        save(path, other)
        assert days.values() == (40, [*DATES])
        assert load(path, StoredValues) == stored


def test_days_that_were_removed_leave_the_file(tmp_path: Path) -> None:
    days = days_of(tmp_path)
    days.values()
    (tmp_path / "log" / SOURCE / DATES[0]).rename(tmp_path / "elsewhere")
    days.values()
    stored = load(catalog_path(tmp_path, SOURCE, "names"), StoredValues)

    assert stored is not None
    assert [day.date for day in stored.days] == [DATES[1]]
