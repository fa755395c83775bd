"""Tail: limits of cursors, of `since` and of the durable events."""

from pathlib import Path

import pytest

from eventlog.catalog.day import FolderStamp, FolderTimes
from eventlog.catalog.index import read_indexes
from eventlog.errors import Invalid
from eventlog.files.heads import Head, encode_head, read_head
from eventlog.format.paths import head_path, manifest_path, open_path, sealed_path
from eventlog.read.cursor import Mark, from_text, mark, to_text
from eventlog.read.reader import read_events, read_stream
from eventlog.read.tail import check_cursor, end_of, follow, last_event
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOUR,
    MTIMES,
    OTHER,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    put,
    settle,
    tail_seqs,
    write_hours,
    write_log,
)


@pytest.mark.parametrize("seal", [True, False])
def test_since_is_inclusive(tmp_path: Path, seal: bool) -> None:
    write_log(tmp_path, [[entity(n)] for n in range(3)], seal=seal)
    for at, seqs in ((0, [1, 2, 3]), (1, [2, 3]), (SECOND, [2, 3]), (2 * SECOND, [3])):
        assert tail_seqs(tmp_path, since=START + at) == seqs
        read = read_stream(tmp_path, SOURCE, WRITER, 0, START + at)
        assert [record.seq for record in read] == seqs
    assert tail_seqs(tmp_path, since=START + 2 * SECOND + 1) == []


def test_segments_before_since_are_skipped_without_an_error(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 4, 2)
    sealed_path(tmp_path, names[1]).write_bytes(b"damaged, and not read")

    assert tail_seqs(tmp_path, since=START + 2 * HOUR) == [5, 6, 7, 8]
    read = read_stream(tmp_path, SOURCE, WRITER, 0, START + 2 * HOUR)
    assert [record.seq for record in read] == [5, 6, 7, 8]


def test_a_tail_ends_at_the_head_if_the_file_is_longer(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n)] for n in range(3)], seal=False)
    lines = open_path(tmp_path, name).read_bytes().splitlines(keepends=True)
    for seq in (0, 1, 2, 3):
        head = Head(str(name), sum(map(len, lines[:seq])), seq)
        head_path(tmp_path, SOURCE, WRITER).write_bytes(encode_head(head))
        assert tail_seqs(tmp_path) == list(range(1, seq + 1))


def test_a_tail_yields_durable_events_when_the_head_is_restored(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    head = head_path(tmp_path, SOURCE, WRITER)
    shown: list[int] = []
    steps = iter(
        [
            lambda: head.unlink(),
            lambda: put(stream, entity(2)),
            lambda: put(stream, entity(3)),
        ]
    )
    quiet = iter(range(10_000))

    def idle() -> bool:
        if next(quiet) % 90:
            return True
        step = next(steps, None)
        if step is not None:
            step()
        return step is not None

    for record in follow(tmp_path, {}, idle=idle, sleep=lambda _s: None):
        shown.append(record.seq)
    close_stream(stream)

    assert shown == [1, 2, 3]


def test_a_tail_sleeps_between_polls_and_finds_new_streams(tmp_path: Path) -> None:
    slept: list[float] = []
    left = iter(range(100))

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            write_log(tmp_path, [[entity(1)]], writer=OTHER)

    found = follow(tmp_path, {}, idle=lambda: next(left, None) is not None, sleep=sleep)

    assert [(record.writer, record.seq) for record in found] == [(OTHER, 1)]
    assert len(slept) == 100


def test_a_cursor_at_the_first_event_is_confirmed(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    records = list(read_events(tmp_path))
    for path in (sealed_path, manifest_path):
        path(tmp_path, names[0]).unlink()
    third = records[2]

    check_cursor(tmp_path, {(SOURCE, WRITER): mark(third.seq, third.line)})
    with pytest.raises(Invalid, match="seq 2 is before the oldest segment"):
        check_cursor(tmp_path, {(SOURCE, WRITER): mark(records[1].seq, records[1].line)})


def test_each_event_of_an_open_segment_confirms_its_cursor_under_an_older_head(
    tmp_path: Path,
) -> None:
    write_log(tmp_path, [[entity(0)]])
    name = write_log(
        tmp_path, [[entity(n)] for n in range(3)], seal=False, clock=ManualClock(START + HOUR)
    )
    lines = open_path(tmp_path, name).read_bytes().splitlines()
    older = Head(str(name), len(lines[0]) + 1, 2)
    head_path(tmp_path, SOURCE, WRITER).write_bytes(encode_head(older))

    for seq, line in enumerate(lines, 2):
        check_cursor(tmp_path, {(SOURCE, WRITER): mark(seq, line)})
    with pytest.raises(Invalid, match="no event with seq 5"):
        check_cursor(tmp_path, {(SOURCE, WRITER): mark(5, lines[2])})


def test_the_last_event_is_the_last_of_the_last_segment(tmp_path: Path) -> None:
    write_hours(tmp_path, 3, 2)
    last = last_event(tmp_path, SOURCE, WRITER)
    assert last is not None
    assert last.seq == 6
    write_log(tmp_path, [[entity(7)], [entity(8)]], seal=False, clock=ManualClock(START + 4 * HOUR))
    last = last_event(tmp_path, SOURCE, WRITER)
    assert last is not None
    assert last.seq == 8
    head = read_head(tmp_path, SOURCE, WRITER)
    assert head is not None

    assert end_of(tmp_path) == {(SOURCE, WRITER): mark(8, last.line)}


def test_the_text_of_a_cursor_does_not_depend_on_the_order_of_its_streams() -> None:
    marks = [(("a", WRITER), Mark(1, "0" * 16)), (("b", OTHER), Mark(2, "1" * 16))]

    assert to_text(dict(marks)) == to_text(dict(reversed(marks)))
    assert from_text(to_text(dict(marks))) == dict(marks)


@pytest.mark.parametrize("key", [("A", WRITER), ("a", "nothex"), ("a/b", WRITER)])
def test_a_cursor_with_an_invalid_stream_is_rejected(key: tuple[str, str]) -> None:
    with pytest.raises(Invalid, match="expected the text that an earlier `tail` printed"):
        from_text(to_text({key: Mark(1, "0" * 16)}))


def test_the_end_of_a_log_is_found_with_one_comparison_of_all_folders(tmp_path: Path) -> None:
    write_hours(tmp_path, 72, 1)
    write_log(tmp_path, [[entity(1)], [entity(2)]], writer=OTHER, clock=ManualClock(START + HOUR))
    settle(tmp_path)
    stamped: list[str] = []

    def stamp(folder: str) -> FolderStamp | None:
        stamped.append(Path(folder).name)
        return MTIMES.stamp(folder)

    list(read_indexes(tmp_path, MTIMES))
    end = end_of(tmp_path, FolderTimes(stamp=stamp))

    assert {writer: place.seq for (_, writer), place in end.items()} == {WRITER: 72, OTHER: 2}
    assert stamped.count("2026-11-22") == 1


def test_a_stream_without_events_has_no_last_event(tmp_path: Path) -> None:
    assert last_event(tmp_path, SOURCE, WRITER) is None
    assert end_of(tmp_path) == {}
    assert tail_seqs(tmp_path) == []


def test_an_older_head_does_not_invalidate_a_cursor(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    older = head_path(tmp_path, SOURCE, WRITER).read_bytes()
    put(stream, entity(2))
    cursor = end_of(tmp_path)
    close_stream(stream)
    head_path(tmp_path, SOURCE, WRITER).write_bytes(older)

    check_cursor(tmp_path, cursor)
    assert tail_seqs(tmp_path, cursor) == []
    stream = opened(tmp_path, clock)
    put(stream, entity(3))
    close_stream(stream)
    assert tail_seqs(tmp_path, cursor) == [3]
