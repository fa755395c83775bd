"""Appending: the rules of time, the limits of segments and lines, and the order of the steps."""

import errno
import os
from pathlib import Path

import pytest

from eventlog.clock import DAY, format_us
from eventlog.errors import Invalid, LocalResource
from eventlog.files.listing import list_segments
from eventlog.format.event import ENTITY, HEARTBEAT, MAX_LINE_BYTES, Draft, EntityBatch, Position
from eventlog.format.event_codec import decode, encode
from eventlog.read.reader import read_events
from eventlog.write.append import QUIET_US, check_upstream_clock
from eventlog.write.writer import (
    append,
    close_stream,
    compose,
    roll,
    roll_and_heartbeat,
    write_composed,
)
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    disk_with,
    entity,
    opened,
    put,
)


def instants(root: Path) -> list[str]:
    return [record.observed_at for record in read_events(root)]


def line_bytes(draft: Draft, seq: int) -> int:
    at = format_us(START)
    return len(encode(draft, source=SOURCE, writer=WRITER, seq=seq, observed_at=at))


@pytest.mark.parametrize("more", [0, 1])
def test_the_longest_line_has_exactly_16_mib_with_its_line_feed(tmp_path: Path, more: int) -> None:
    stream = opened(tmp_path)
    room = MAX_LINE_BYTES - line_bytes(entity(1, 0), 2) + more
    if more:
        with pytest.raises(Invalid, match=f"an event of {MAX_LINE_BYTES + 1} bytes"):
            put(stream, entity(0), entity(1, room))
    else:
        put(stream, entity(0), entity(1, room))
    close_stream(stream)

    assert len(instants(tmp_path)) == (0 if more else 2)


def test_a_difference_to_upstreams_clock_of_exactly_a_day_is_accepted() -> None:
    check_upstream_clock(START + DAY, START)
    check_upstream_clock(START - 9 * DAY, START)
    with pytest.raises(LocalResource):
        check_upstream_clock(START + DAY + 1, START)


def test_a_clock_behind_the_open_hour_writes_at_its_beginning(tmp_path: Path) -> None:
    clock = ManualClock(START)
    stream = opened(tmp_path, clock)
    with pytest.raises(ZeroDivisionError):
        append(stream, [lambda _seq, _at: [entity(1 // 0)]])
    assert stream.segment is not None and not stream.segment.size
    clock.at -= SECOND
    put(stream, entity(1))
    close_stream(stream)

    assert instants(tmp_path) == [format_us(START)]
    assert len(list_segments(tmp_path)) == 1


def test_an_import_at_the_same_instant_stays_in_its_segment(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START + DAY))
    for at in (5, 5, 6, 5):
        put(stream, entity(at), at=START + at)
    close_stream(stream, seal_open=True)

    assert [each.name.number for each in list_segments(tmp_path)] == [0, 1]
    assert instants(tmp_path) == [format_us(START + at) for at in (5, 5, 5, 6)]


def test_an_import_of_an_earlier_hour_begins_a_segment_there(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START + DAY))
    for at in (2 * HOUR, HOUR + MINUTE, HOUR):
        put(stream, entity(at), at=START + at)
    close_stream(stream, seal_open=True)

    assert [each.name.hour for each in list_segments(tmp_path)] == ["06", "06", "07"]


def test_an_empty_segment_accepts_an_event_of_any_instant_of_its_hour(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START + DAY))
    put(stream, entity(1), at=START + MINUTE)
    roll(stream)
    with pytest.raises(ZeroDivisionError):
        append(stream, [lambda _seq, _at: [entity(1 // 0)]], observed_at=START + SECOND)
    put(stream, entity(2), at=START)
    close_stream(stream, seal_open=True)

    assert [each.name.number for each in list_segments(tmp_path)] == [0, 1]


@pytest.mark.parametrize(("more", "segments"), [(0, 2), (1, 1)])
def test_a_segment_of_exactly_its_size_is_full(tmp_path: Path, more: int, segments: int) -> None:
    stream = opened(tmp_path, segment_bytes=line_bytes(entity(1), 1) + more)
    put(stream, entity(1))
    put(stream, entity(2))
    close_stream(stream)

    assert len(list_segments(tmp_path)) == segments


def test_a_batch_composed_for_a_rolled_segment_is_rejected(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    composed = compose(stream, [lambda _seq, _at: [entity(1)]])
    roll(stream)
    put_again = compose(stream, [lambda _seq, _at: [entity(1)]])
    with pytest.raises(Invalid, match="the stream has changed"):
        write_composed(stream, composed)
    write_composed(stream, put_again)
    close_stream(stream)

    assert len(instants(tmp_path)) == 1


def test_an_appended_batch_has_the_seqs_of_its_events(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(0))
    form = Draft(kind=ENTITY, type="model", shape="list")
    alike = EntityBatch(form, ["1", "2", "3"], ["c1:0"] * 3, [b"{}"] * 3)
    first, second = append(
        stream,
        [
            lambda _seq, _at: [entity(9), alike, entity(8)],
            lambda _seq, _at: [alike, entity(7)],
        ],
    )
    close_stream(stream)
    lines = {record.seq: record.line for record in read_events(tmp_path)}

    assert (first.first.seq, first.last.seq, second.first.seq, second.last.seq) == (2, 6, 7, 10)
    assert second.last == Position(START, WRITER, 10)
    assert [(seq, line) for each in (first, second) for seq, line in each.draft_lines] == [
        (seq, lines[seq] + b"\n") for seq in (2, 6, 10)
    ]
    ids = [decode(line).id for line in lines.values()]
    assert ids == ["0", "9", "1", "2", "3", "8", "1", "2", "3", "7"]


def test_a_truncated_batch_is_removed_durably(tmp_path: Path) -> None:
    steps: list[str] = []
    full = False

    def write(handle: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(handle, data)

    def noted(name: str, call):  # type: ignore[no-untyped-def]
        return lambda *args: (steps.append(name), call(*args))[1]

    disk = disk_with(
        write=write, truncate=noted("truncate", os.ftruncate), fsync=noted("fsync", os.fsync)
    )
    stream = opened(tmp_path, disk=disk)
    put(stream, entity(1))
    steps.clear()
    full = True
    with pytest.raises(LocalResource):
        put(stream, entity(2))
    full = False

    assert steps == ["truncate", "fsync"]
    close_stream(stream)


@pytest.mark.parametrize(("early", "kinds"), [(1, []), (0, [HEARTBEAT])])
def test_a_heartbeat_is_appended_five_minutes_after_the_start_of_an_hour_without_events(
    tmp_path: Path, early: int, kinds: list[str]
) -> None:
    stream = opened(tmp_path, ManualClock(START + QUIET_US - early))
    roll_and_heartbeat(stream)
    roll_and_heartbeat(stream)
    close_stream(stream)

    assert [decode(record.line).kind for record in read_events(tmp_path)] == kinds


def test_an_event_at_the_first_instant_of_an_hour_makes_a_heartbeat_unnecessary(
    tmp_path: Path,
) -> None:
    clock = ManualClock(START)
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    clock.at = START + HOUR - 1
    roll_and_heartbeat(stream)

    assert stream.segment is not None
    assert stream.last_seq == 1
    close_stream(stream)
