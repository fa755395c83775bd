"""The writer: heartbeats, and sealing in the background and of idle streams."""

import errno
from pathlib import Path

import pytest

from eventlog.check.verify import verify
from eventlog.errors import LocalResource
from eventlog.files.disk import REAL
from eventlog.files.listing import list_segments
from eventlog.format.event import ENTITY, HEARTBEAT
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_events
from eventlog.write.writer import (
    append,
    close_stream,
    roll,
    roll_and_heartbeat,
    seal_all,
    seal_idle,
    wait_sealed,
)
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    OTHER,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    disk_with,
    entity,
    logged_seqs,
    opened,
    put,
    write_log,
)


def test_an_hour_without_events_has_a_sealed_segment_with_a_heartbeat(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    while clock.at < START + 3 * HOUR + MINUTE:
        clock.at += MINUTE
        roll_and_heartbeat(stream)
    wait_sealed(stream)
    kinds = [decode(record.line).kind for record in read_events(tmp_path)]

    assert kinds == [ENTITY, HEARTBEAT, HEARTBEAT]
    assert [each.name.hour for each in list_segments(tmp_path) if each.is_sealed] == [
        "05",
        "06",
        "07",
    ]
    close_stream(stream)


def test_an_hour_with_events_needs_no_heartbeat(tmp_path: Path) -> None:
    clock = ManualClock(START + MINUTE)
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    clock.at += 40 * MINUTE
    roll_and_heartbeat(stream)
    close_stream(stream)

    assert logged_seqs(tmp_path) == [1]


def test_sealing_all_streams_skips_those_that_are_written(tmp_path: Path) -> None:
    write_log(tmp_path, [[entity(1)]], seal=False)
    write_log(tmp_path, [[entity(1)]], seal=False, source="civitai")
    busy = opened(tmp_path, writer=OTHER)
    put(busy, entity(2))

    assert seal_all(tmp_path, ManualClock()) == {
        ("civitai", WRITER): 1,
        (SOURCE, WRITER): 1,
        (SOURCE, OTHER): None,
    }
    assert seal_idle(tmp_path, SOURCE, WRITER, ManualClock()) == 0
    assert [each.is_open for each in list_segments(tmp_path)] == [False, False, True]
    close_stream(busy)


def test_a_failed_sealing_delays_the_later_ones(tmp_path: Path) -> None:
    full = False

    def rename(old: Path, new: Path) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        REAL.rename(old, new)

    clock = ManualClock()
    stream = opened(tmp_path, clock, disk=disk_with(rename=rename))
    full = True
    put(stream, entity(1))
    clock.at += HOUR
    with pytest.raises(LocalResource, match="05-1a2b3c4d-000: sealing: No space left"):
        put(stream, entity(2))
        wait_sealed(stream)
    full = False
    clock.at += HOUR
    put(stream, entity(3))
    wait_sealed(stream)
    close_stream(stream, seal_open=True)

    assert all(each.is_sealed for each in list_segments(tmp_path))
    assert list_segments(tmp_path)[-1].name.hour == "07"
    assert verify(tmp_path).damages == ()


def test_an_empty_open_segment_leaves_no_file(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    with pytest.raises(ZeroDivisionError):
        append(stream, [lambda _seq, _at: [entity(1 // 0)]])
    clock.at += HOUR
    roll(stream)
    close_stream(stream)

    assert list_segments(tmp_path) == []
