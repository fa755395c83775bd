"""Missing seqs by the index: which days are read in detail."""

from pathlib import Path

import attrs

from eventlog.catalog.day import DayFolder
from eventlog.catalog.index import SourceIndex, read_index
from eventlog.check.seq_coverage import MissingSeqs, missing_seqs
from eventlog.clock import DAY
from eventlog.errors import Corrupt
from eventlog.files.listing import list_segments
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.write.writer import close_stream
from tests.eventlog.making import HOUR, SOURCE, START, WRITER, ManualClock, entity, opened, put


def write_days(root: Path, days: int, *, seal_open: bool = True) -> list[SegmentName]:
    """Writes two segments a day, each with two events, an hour apart. Returns their names."""
    clock = ManualClock()
    stream = opened(root, clock)
    for day in range(days):
        for hour in (0, 1):
            clock.at = START + day * DAY + hour * HOUR
            put(stream, entity(1), entity(2))
    close_stream(stream, seal_open=seal_open)
    return [files.name for files in list_segments(root)]


def remove(root: Path, *names: SegmentName) -> None:
    for name in names:
        for path_of in (open_path, sealed_path, manifest_path):
            path_of(root, name).unlink(missing_ok=True)


@attrs.define
class DetailedDays:
    """An index that records the days whose details are read."""

    index: SourceIndex
    dates: list[str] = attrs.Factory(list)

    def day(self, date: str) -> DayFolder:
        self.dates.append(date)
        return self.index.day(date)

    def __getattr__(self, name: str) -> object:
        return getattr(self.index, name)


def missing_in(root: Path) -> tuple[list[MissingSeqs], list[str], list[Corrupt]]:
    """Returns the missing seqs, the days of the month that were read in detail, and damage."""
    recording, damages = DetailedDays(read_index(root, SOURCE)), list[Corrupt]()
    missing = [*missing_seqs(recording, WRITER, damages.append)]  # type: ignore[arg-type]
    return missing, [date[-2:] for date in recording.dates], damages


def test_a_stream_without_gaps_needs_no_details(tmp_path: Path) -> None:
    write_days(tmp_path, 5)

    assert missing_in(tmp_path) == ([], [], [])


def test_a_gap_between_days_needs_the_days_beside_it(tmp_path: Path) -> None:
    names = write_days(tmp_path, 6)
    remove(tmp_path, *names[4:6])  # the third day
    (missing,), dates, _ = missing_in(tmp_path)

    assert (missing.first_seq, missing.last_seq, missing.following) == (9, 12, names[6])
    assert (missing.since, missing.lost_at) == (START + DAY + HOUR, None)
    assert dates == ["22", "24"]


def test_a_gap_within_a_day_needs_that_day(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    for hour in range(3):
        clock.at = START + hour * HOUR
        put(stream, entity(1))
    close_stream(stream, seal_open=True)
    names = [files.name for files in list_segments(tmp_path)]
    remove(tmp_path, names[1])
    (missing,), dates, _ = missing_in(tmp_path)

    assert (missing.first_seq, missing.last_seq, missing.since) == (2, 2, START)
    assert dates == ["21"]


def test_what_is_missing_at_the_beginning_begins_with_the_first_segment(tmp_path: Path) -> None:
    names = write_days(tmp_path, 2)
    remove(tmp_path, *names[:2])
    (missing,), _, _ = missing_in(tmp_path)

    assert (missing.first_seq, missing.last_seq, missing.since) == (1, 4, START + DAY)


def test_an_open_segment_is_read_to_its_end(tmp_path: Path) -> None:
    names = write_days(tmp_path, 3, seal_open=False)
    assert missing_in(tmp_path) == ([], ["23"], [])
    put_back = open_path(tmp_path, attrs.evolve(names[5], number=1))
    put_back.write_bytes(open_path(tmp_path, names[5]).read_bytes())
    open_path(tmp_path, names[5]).write_bytes(put_back.read_bytes().splitlines(keepends=True)[0])

    assert missing_in(tmp_path) == ([], ["23"], [])


def test_a_segment_that_is_there_twice_hides_no_gap_and_makes_none(tmp_path: Path) -> None:
    names = write_days(tmp_path, 4)
    copied = attrs.evolve(names[1], number=5)
    for path_of in (sealed_path, manifest_path):
        path_of(tmp_path, copied).write_bytes(path_of(tmp_path, names[1]).read_bytes())
    text = manifest_path(tmp_path, copied).read_text().replace(str(names[1]), str(copied))
    manifest_path(tmp_path, copied).write_text(text)

    assert missing_in(tmp_path) == ([], [], [])
    remove(tmp_path, *names[:2])
    (first,), _, damages = missing_in(tmp_path)
    assert (first.first_seq, first.last_seq, first.following, damages) == (1, 2, copied, [])


def test_each_unreadable_manifest_is_reported_once(tmp_path: Path) -> None:
    names = write_days(tmp_path, 3)
    manifest_path(tmp_path, names[2]).write_bytes(b"{}")
    (missing,), dates, damages = missing_in(tmp_path)

    assert (missing.first_seq, missing.last_seq) == (5, 6)
    assert [str(names[2]) in damage.what for damage in damages] == [True]
    assert dates == ["22", "21"]
