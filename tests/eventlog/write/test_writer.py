"""The writer: positions, rolling, the rules of time, and locks."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eventlog.check.verify import verify
from eventlog.clock import DAY, format_us
from eventlog.errors import Invalid, LocalResource, Locked
from eventlog.files.disk import REAL
from eventlog.files.heads import Head, read_head
from eventlog.files.listing import list_segments
from eventlog.format.event import MAX_LINE_BYTES, PAGE, Draft, Position
from eventlog.format.event_codec import decode
from eventlog.format.paths import head_path, open_path
from eventlog.read.reader import read_events
from eventlog.write.writer import (
    append,
    check_upstream_clock,
    close_stream,
    open_stream,
    roll,
    roll_and_heartbeat,
    wait_sealed,
)
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    OTHER,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    disk_with,
    entity,
    logged_seqs,
    opened,
    page,
    put,
    write_log,
)


def test_a_batch_is_built_when_its_first_seq_is_known(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1), entity(2))

    def build(first: int, at: int) -> list[Draft]:
        roster = {"/data": [["model", "1", first]]}
        return [entity(1), Draft(kind=PAGE, members={"roster": roster, "at": format_us(at)})]

    (done,) = append(stream, [build])
    close_stream(stream)
    (*_, last) = read_events(tmp_path)

    assert done.first == Position(START, WRITER, 3)
    assert done.last == Position(START, WRITER, 4)
    assert decode(last.line).roster == {"/data": [("model", "1", 3)]}
    assert done.sha256 == hashlib.sha256(last.line).hexdigest()


def test_many_batches_share_one_write_and_one_fsync(tmp_path: Path) -> None:
    calls: list[str] = []
    stream = opened(tmp_path, disk=counting(calls))
    calls.clear()

    done = append(stream, [lambda _seq, _at: [entity(1), entity(2)]] * 50)

    assert calls == ["write", "fsync"]
    assert [each.first.seq for each in done] == list(range(1, 101, 2))
    close_stream(stream)


def counting(calls: list[str]):  # type: ignore[no-untyped-def]
    def noted(name: str) -> Callable[..., object]:
        def call(*args: object) -> object:
            calls.append(name)
            return getattr(REAL, name)(*args)

        return call

    return disk_with(write=noted("write"), fsync=noted("fsync"))


def test_seqs_continue_over_hours_and_restarts(tmp_path: Path) -> None:
    clock = ManualClock()
    for _ in range(5):
        stream = opened(tmp_path, clock)
        put(stream, entity(1), entity(2))
        clock.at += 25 * MINUTE
        put(stream, entity(3))
        close_stream(stream)

    assert logged_seqs(tmp_path) == list(range(1, 16))
    assert verify(tmp_path).damages == ()


def test_a_segment_rolls_when_its_hour_is_over(tmp_path: Path) -> None:
    clock = ManualClock(START + HOUR - 1)
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    clock.at += 1
    put(stream, entity(2))
    wait_sealed(stream)

    first, second = list_segments(tmp_path)
    assert (first.is_sealed, first.is_open) == (True, False)
    assert (second.is_sealed, second.is_open) == (False, True)
    assert second.name.hour == "06"
    close_stream(stream)


def test_a_segment_rolls_when_it_is_full(tmp_path: Path) -> None:
    stream = opened(tmp_path, segment_bytes=500)
    for number in range(6):
        put(stream, entity(number, 400))
    close_stream(stream)

    names = [each.name for each in list_segments(tmp_path)]
    assert [name.number for name in names] == [0, 1, 2, 3, 4, 5]
    assert logged_seqs(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert verify(tmp_path).damages == ()


def test_time_never_goes_back_in_a_live_stream(tmp_path: Path) -> None:
    clock = ManualClock(START + 10 * SECOND)
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    clock.at -= 5 * SECOND
    put(stream, entity(2))
    close_stream(stream)

    one, two = read_events(tmp_path)
    assert one.observed_at == two.observed_at == format_us(START + 10 * SECOND)


@pytest.mark.parametrize("restart", [False, True])
def test_a_clock_a_minute_behind_the_log_stops_the_writer(tmp_path: Path, restart: bool) -> None:
    clock = ManualClock(START + 10 * MINUTE)
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    clock.at -= MINUTE
    put(stream, entity(2))
    clock.at -= 1
    if restart:
        close_stream(stream)
        stream = opened(tmp_path, clock)

    with pytest.raises(LocalResource, match=r"05:10:00\.000000Z, but the clock says .*05:08:59"):
        put(stream, entity(3))
    clock.at += 1
    put(stream, entity(3))
    close_stream(stream)
    assert logged_seqs(tmp_path) == [1, 2, 3]


def test_no_event_is_observed_before_the_hour_of_the_open_segment(tmp_path: Path) -> None:
    clock = ManualClock(START + 30 * SECOND)
    stream = opened(tmp_path, clock)
    stream.segment = None
    stream.last_observed = START + HOUR - 20 * SECOND
    clock.at = START + HOUR - 30 * SECOND
    put(stream, entity(1))

    (record,) = read_events(tmp_path)
    assert record.observed_at == format_us(START + HOUR - 20 * SECOND)
    close_stream(stream)


def test_a_difference_to_upstreams_clock_within_a_day_is_accepted() -> None:
    check_upstream_clock(START + DAY, START)
    with pytest.raises(LocalResource, match=r"2026-11-22T05.*2026-11-21T05"):
        check_upstream_clock(START + DAY + 1, START)


def test_imports_have_their_own_time_and_are_sealed_hour_by_hour(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START + DAY))
    for hour in (3, 1, 1, 2):
        put(stream, entity(hour), at=START + hour * HOUR)
    put(stream, entity(0), at=START + 2 * HOUR - 1)
    put(stream, entity(0), at=START + 2 * HOUR - 2)
    close_stream(stream, seal_open=True)

    found = list_segments(tmp_path)
    assert all(each.is_sealed and not each.is_open for each in found)
    assert [str(each.name)[-14:] for each in found] == [
        f"06-{WRITER}-000"[-14:],
        f"06-{WRITER}-001"[-14:],
        f"06-{WRITER}-002"[-14:],
        f"07-{WRITER}-000"[-14:],
        f"08-{WRITER}-000"[-14:],
    ]
    assert verify(tmp_path).damages == ()
    stream = opened(tmp_path, ManualClock(START + DAY))
    assert stream.last_seq == 6
    close_stream(stream)


def test_a_batch_with_a_line_over_16_mib_is_rejected_completely(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    with pytest.raises(Invalid, match="expected at most 16777216"):
        put(stream, entity(1), entity(2, MAX_LINE_BYTES))
    put(stream, entity(3))
    close_stream(stream)

    assert logged_seqs(tmp_path) == [1]


def test_one_process_writes_a_stream(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    with pytest.raises(Locked, match=f"locked by process {os.getpid()} on .* since 2026-11-21T05"):
        opened(tmp_path)
    others = [opened(tmp_path, writer=OTHER), opened(tmp_path, source="civitai")]
    for each in (stream, *others):
        close_stream(each)
    close_stream(opened(tmp_path))


def test_no_second_writer_gets_in_when_state_is_deleted(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1))
    head_path(tmp_path, SOURCE, WRITER).unlink()
    head_path(tmp_path, SOURCE, WRITER).parent.rmdir()
    with pytest.raises(Locked):
        opened(tmp_path)
    put(stream, entity(2))
    close_stream(stream)

    assert logged_seqs(tmp_path) == [1, 2]


@pytest.mark.parametrize(("source", "writer"), [("Bad/Name", WRITER), (SOURCE, "nothex")])
def test_a_stream_with_an_invalid_name_is_rejected(
    tmp_path: Path, source: str, writer: str
) -> None:
    with pytest.raises(Invalid):
        open_stream(tmp_path, source, writer)


def test_the_head_contains_the_durable_bytes_of_the_segment(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1), entity(2))
    assert stream.segment is not None
    path = open_path(tmp_path, stream.segment.name)

    assert read_head(tmp_path, SOURCE, WRITER) == Head(
        str(stream.segment.name), path.stat().st_size, 2
    )
    close_stream(stream)


def test_pages_are_the_last_event_of_their_batch(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1), page()]])
    (_, last) = read_events(tmp_path)

    assert decode(last.line).kind == PAGE
    assert last.segment == name


def test_producers_in_many_threads_take_turns(tmp_path: Path) -> None:
    stream = opened(tmp_path, segment_bytes=2000)

    def produce(number: int) -> None:
        for _ in range(20):
            append(stream, [lambda _seq, _at: [entity(number)] * 2])
            roll_and_heartbeat(stream)
            roll(stream)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(produce, range(4)))
    close_stream(stream)

    assert logged_seqs(tmp_path) == list(range(1, 161))
    assert verify(tmp_path).damages == ()
