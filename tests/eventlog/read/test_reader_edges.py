"""Reading: the total order across streams, gaps that disappear, and damaged segments."""

import shutil
from pathlib import Path

import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.errors import Corrupt
from eventlog.format.paths import manifest_path, open_path, sealed_path
from eventlog.read.event_filter import Select
from eventlog.read.reader import merge, read_events, read_one, read_stream
from eventlog.write.writer import close_stream, open_stream
from tests.eventlog.making import (
    HOUR,
    OTHER,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    put,
    write_hours,
    write_log,
)


def test_events_of_one_instant_are_ordered_by_writer_seq_and_source(tmp_path: Path) -> None:
    for source, writer in ((SOURCE, OTHER), (SOURCE, WRITER), ("civitai", WRITER)):
        write_log(tmp_path, [[entity(1), entity(2)]], source=source, writer=writer)
    records = list(read_events(tmp_path))

    assert [(each.writer, each.seq, each.segment.source) for each in records] == [
        (WRITER, 1, "civitai"),
        (WRITER, 1, SOURCE),
        (WRITER, 2, "civitai"),
        (WRITER, 2, SOURCE),
        (OTHER, 1, SOURCE),
        (OTHER, 2, SOURCE),
    ]
    assert list(read_events(tmp_path, backwards=True)) == records[::-1]


def test_streams_are_merged_in_either_direction(tmp_path: Path) -> None:
    for n, writer in enumerate((WRITER, OTHER, "00000001")):
        write_log(tmp_path, [[entity(1)]] * 3, writer=writer, clock=ManualClock(START + n * SECOND))
    every = list(read_events(tmp_path))
    streams = [
        [record for record in every if record.writer == w] for w in (WRITER, OTHER, "00000001")
    ]

    assert list(merge([iter(record) for record in streams])) == every
    assert list(merge([reversed(record) for record in streams], backwards=True)) == every[::-1]
    assert list(merge([])) == []


def test_days_are_read_in_order_in_either_direction(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START + 99 * HOUR))
    for hours in (30, 2, 20, 1):
        put(stream, entity(hours), at=START + hours * HOUR)
    close_stream(stream, seal_open=True)

    assert [record.seq for record in read_events(tmp_path)] == [4, 2, 3, 1]
    assert [record.seq for record in read_events(tmp_path, backwards=True)] == [1, 3, 2, 4]
    assert [record.seq for record in read_stream(tmp_path, SOURCE, WRITER)] == [1, 2, 3, 4]


def test_a_stream_is_read_from_its_oldest_existing_seq(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    for path in (sealed_path, manifest_path):
        path(tmp_path, names[0]).unlink()

    assert [record.seq for record in read_stream(tmp_path, SOURCE, WRITER)] == [3, 4, 5, 6]
    with pytest.raises(Corrupt, match="expected seq 2, found 3"):
        list(read_stream(tmp_path, SOURCE, WRITER, 1))


def test_a_gap_inside_an_open_segment_is_an_error(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n)] for n in range(3)], seal=False)
    seqs = []
    with pytest.raises(Corrupt, match=f"expected seq 2, found 3 in {name}"):
        path = open_path(tmp_path, name)
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[2] + lines[2])
        for record in read_stream(tmp_path, SOURCE, WRITER, 1):
            seqs.append(record.seq)
    assert seqs == []


def test_a_loss_is_skipped_wherever_reading_begins(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 4, 2)
    for name in names[1:3]:
        sealed_path(tmp_path, name).unlink()
        accept_loss(tmp_path, name, clock=ManualClock(START + 5 * HOUR))

    for after, seqs in ((0, [1, 2, 7, 8, 9, 10]), (2, [7, 8, 9, 10]), (4, [7, 8, 9, 10])):
        assert [r.seq for r in read_stream(tmp_path, SOURCE, WRITER, after)] == seqs
    late = read_stream(tmp_path, SOURCE, WRITER, 0, START + 3 * HOUR)
    assert [record.seq for record in late] == [7, 8, 9, 10]


def test_a_gap_that_disappears_while_a_writer_is_running_is_no_error(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    files = [path(tmp_path, names[1]) for path in (manifest_path, sealed_path)]
    for file in files:
        file.rename(file.with_suffix(".away"))
    stream = open_stream(tmp_path, SOURCE, WRITER, clock=ManualClock(START + 3 * HOUR))
    records = read_stream(tmp_path, SOURCE, WRITER)
    assert [next(records).seq, next(records).seq] == [1, 2]
    for file in reversed(files):
        file.with_suffix(".away").rename(file)

    assert [record.seq for record in records] == [3, 4, 5, 6]
    close_stream(stream)


def test_an_event_at_either_end_of_a_segment_is_found(tmp_path: Path) -> None:
    write_hours(tmp_path, 3, 2)
    write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False, clock=ManualClock(START + 4 * HOUR))

    for seq in range(1, 9):
        assert read_one(tmp_path, SOURCE, WRITER, seq).seq == seq


def test_an_event_is_read_from_the_last_segment_that_contains_its_seq(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    stale = open_path(tmp_path, name).with_name(f"04-{WRITER}-000.ndjson")
    shutil.copy(open_path(tmp_path, name), stale)

    assert read_one(tmp_path, SOURCE, WRITER, 2).segment == name


def test_a_damaged_segment_is_reported_once_and_the_others_are_read_in_both_directions(
    tmp_path: Path,
) -> None:
    names = write_hours(tmp_path, 3, 2)
    sealed_path(tmp_path, names[1]).write_bytes(b"short")
    for backwards, seqs in ((False, [1, 2, 5, 6]), (True, [6, 5, 2, 1])):
        refused: list[Corrupt] = []
        found = read_events(tmp_path, Select(), on_corrupt=refused.append, backwards=backwards)
        assert [record.seq for record in found] == seqs
        assert len(refused) == 1
