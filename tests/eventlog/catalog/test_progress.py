"""What is reported of days that are read because the catalog lacks them."""

from contextlib import closing
from pathlib import Path

from eventlog.catalog.day import FolderStamp, FolderTimes
from eventlog.catalog.day_values import values_by_day
from eventlog.catalog.index import read_index
from eventlog.catalog.progress import reporting_days
from eventlog.clock import SECOND
from tests.eventlog.making import SOURCE, write_hours

OLD = FolderTimes(lambda: 100 * SECOND, lambda folder: FolderStamp(1, 1))


def test_each_day_that_is_read_is_reported_and_later_none(tmp_path: Path) -> None:
    write_hours(tmp_path, 40, 1)
    reports: list[tuple[str, int, int]] = []
    with reporting_days(lambda *report: reports.append(report)):
        read_index(tmp_path, SOURCE, OLD)
        assert reports == [(SOURCE, 1, 2), (SOURCE, 2, 2)]
        read_index(tmp_path, SOURCE, OLD)
        assert len(reports) == 2
    (tmp_path / "state" / "catalog" / SOURCE / "index.msgpack").unlink()
    read_index(tmp_path, SOURCE, OLD)

    assert len(reports) == 2


def test_values_that_nobody_needs_any_more_end_the_report(tmp_path: Path) -> None:
    write_hours(tmp_path, 60, 1)
    index = read_index(tmp_path, SOURCE, OLD)
    reports: list[tuple[str, int, int]] = []
    with (
        reporting_days(lambda *report: reports.append(report)),
        closing(values_by_day(index, "x", int, lambda day: (len(day.entries), True))) as days,
    ):
        assert next(days) == 19

    assert reports == [(SOURCE, 1, 3), (SOURCE, 3, 3)]
