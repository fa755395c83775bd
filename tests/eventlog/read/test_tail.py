"""Tail: every durable event exactly once, whatever the writers do."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.errors import Corrupt, Invalid
from eventlog.files.listing import list_segments
from eventlog.format.event_codec import decode
from eventlog.format.paths import head_path, manifest_path, open_path, sealed_path
from eventlog.read import cursor as cursors
from eventlog.read.cursor import Mark
from eventlog.read.reader import Record, read_events
from eventlog.read.tail import check_cursor, end_of, follow
from eventlog.write.writer import Stream, close_stream, roll, wait_sealed
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
    tail_seqs,
    write_hours,
    write_log,
)
from tests.extent import few_or_all


def stepped(
    root: Path, steps: list[Callable[[], None]], turns: int = 1, since: int | None = None
) -> Iterator[Record]:
    """Follows a log; executes the next step whenever the tail is idle."""
    left = iter(steps)
    quiet = itertools.count()

    def idle() -> bool:
        if next(quiet) % turns:
            return True
        step = next(left, None)
        if step is not None:
            step()
        return step is not None

    return follow(root, {}, since=since, idle=idle, sleep=lambda _s: None)


def test_a_tail_yields_each_appended_event_once(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    steps = [lambda n=n: put(stream, entity(n), entity(n)) for n in range(5)]

    assert [r.seq for r in stepped(tmp_path, steps, turns=41)] == list(range(1, 11))
    close_stream(stream)


moves = st.lists(
    st.sampled_from(["put", "put", "put", "hour", "roll", "restart", "other", "no head", "seal"]),
    max_size=14,
)


@settings(max_examples=few_or_all(20, 200), suppress_health_check=[HealthCheck.too_slow])
@given(moves=moves, turns=st.sampled_from([1, 3, 201]))
def test_a_tail_yields_every_line_exactly_once_whatever_the_writers_do(
    tmp_path_factory: pytest.TempPathFactory, moves: list[str], turns: int
) -> None:
    root = tmp_path_factory.mktemp("log")
    clock = ManualClock()
    streams: dict[str, Stream] = {WRITER: opened(root, clock)}

    def move(name: str) -> None:
        stream = streams[WRITER]
        match name:
            case "put":
                put(stream, entity(1), entity(2))
            case "hour":
                clock.at += HOUR
            case "roll":
                roll(stream)
            case "seal":
                wait_sealed(stream)
            case "restart":
                close_stream(stream, seal_open=clock.at % 2 == 0)
                streams[WRITER] = opened(root, clock)
            case "other":
                other = opened(root, clock, writer=OTHER)
                put(other, entity(3))
                close_stream(other)
            case "no head":
                head_path(root, SOURCE, WRITER).unlink(missing_ok=True)
        clock.at += SECOND

    steps = [lambda name=name: move(name) for name in [*moves, "put"]]
    shown = [r.line for r in stepped(root, [*steps, *[lambda: None] * (300 // turns + 1)], turns)]
    close_stream(streams[WRITER])

    assert sorted(shown) == sorted(r.line for r in read_events(root))
    by_stream = [(decode(line).writer, decode(line).seq) for line in shown]
    for writer in {writer for writer, _ in by_stream}:
        seqs = [seq for each, seq in by_stream if each == writer]
        assert seqs == list(range(1, len(seqs) + 1))


def test_a_tail_continues_exactly_after_its_cursor(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 4)
    whole = list(read_events(tmp_path))
    for record in whole:
        cursor = {(SOURCE, WRITER): cursors.mark(record.seq, record.line)}
        check_cursor(tmp_path, cursor)
        assert tail_seqs(tmp_path, cursor) == list(range(record.seq + 1, 13))
    assert len(names) == 3


def test_a_tail_yields_nothing_that_a_power_failure_could_revoke(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    path = open_path(tmp_path, name)
    line = path.read_bytes()
    shown: list[int] = []
    append = [lambda: path.write_bytes(line + line.replace(b'"seq":1', b'"seq":2'))]
    for record in stepped(tmp_path, append + [lambda: None] * 5, turns=50):
        shown.append(record.seq)

    assert shown == [1]


def test_lines_written_after_a_durable_batch_are_not_yielded_with_it(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1))

    def go_on() -> None:
        assert stream.segment is not None
        path = open_path(tmp_path, stream.segment.name)
        before = path.stat().st_size
        put(stream, entity(1))
        lines = path.read_bytes()
        path.write_bytes(lines + lines[before:].replace(b'"seq":2', b'"seq":3'))

    assert [r.seq for r in stepped(tmp_path, [go_on, *[lambda: None] * 5], turns=50)] == [1, 2]
    close_stream(stream)


def test_a_head_beyond_the_log_is_ignored(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    path = open_path(tmp_path, name)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])

    def restart() -> None:
        stream = opened(tmp_path, ManualClock(START + 9 * SECOND))
        put(stream, entity(3))
        close_stream(stream)

    assert [r.seq for r in stepped(tmp_path, [restart], turns=90)] == [1, 2, 3]


def test_since_omits_earlier_events(tmp_path: Path) -> None:
    write_hours(tmp_path, 3, 4)

    assert tail_seqs(tmp_path, since=START + HOUR) == list(range(5, 13))
    assert tail_seqs(tmp_path, since=START + HOUR + SECOND) == list(range(6, 13))
    assert tail_seqs(tmp_path, since=START + 9 * HOUR) == []


def test_since_applies_to_events_that_are_appended_later(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)

    def step(at: int) -> None:
        clock.at = START + at * SECOND
        put(stream, entity(at))

    steps = [lambda at=at: step(at) for at in range(6)]
    found = stepped(tmp_path, steps, turns=41, since=START + 3 * SECOND)

    assert [r.seq for r in found] == [4, 5, 6]
    close_stream(stream)


def test_streams_are_merged_by_time(tmp_path: Path) -> None:
    clock = ManualClock()
    streams = [opened(tmp_path, clock, writer=writer) for writer in (WRITER, OTHER)]
    for number in range(6):
        clock.at += SECOND
        put(streams[number % 2], entity(number))
    found = list(follow(tmp_path, {}, idle=lambda: False))

    assert [decode(r.line).id for r in found] == ["0", "1", "2", "3", "4", "5"]
    for stream in streams:
        close_stream(stream)


def test_the_end_cursor_follows_everything_that_is_durable(tmp_path: Path) -> None:
    write_hours(tmp_path, 2, 3)
    write_log(tmp_path, [[entity(1)], [entity(2)]], writer=OTHER, seal=False)
    cursor = end_of(tmp_path)

    assert {key[1]: mark.seq for key, mark in cursor.items()} == {WRITER: 6, OTHER: 2}
    assert tail_seqs(tmp_path, cursor) == []


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (Mark(99, "0" * 16), "the log has no event with seq 99"),
        (Mark(3, "0" * 16), "the event with seq 3 differs from the one in the cursor"),
        (Mark(0, "0" * 16), "before the oldest segment"),
    ],
)
def test_a_cursor_that_the_log_does_not_confirm_is_an_error(
    tmp_path: Path, mark: Mark, message: str
) -> None:
    write_hours(tmp_path, 2, 3)
    with pytest.raises(Invalid, match=message):
        check_cursor(tmp_path, {(SOURCE, WRITER): mark})


def test_the_error_of_a_cursor_before_the_oldest_segment_names_that_segment(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    (first, *_) = read_events(tmp_path)
    sealed_path(tmp_path, names[0]).unlink()
    manifest_path(tmp_path, names[0]).unlink()

    with pytest.raises(Invalid, match=f"begins with seq 3 .{names[1]}"):
        check_cursor(tmp_path, {(SOURCE, WRITER): cursors.mark(first.seq, first.line)})
    with pytest.raises(Invalid):
        check_cursor(tmp_path, {(SOURCE, "00000000"): Mark(1, "")})


def test_a_gap_ends_the_tail_with_an_error(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    sealed_path(tmp_path, names[1]).unlink()
    manifest_path(tmp_path, names[1]).unlink()
    shown: list[int] = []

    with pytest.raises(Corrupt, match="expected seq 3, found 5"):
        for record in follow(tmp_path, {}, idle=lambda: False):
            shown.append(record.seq)
    assert shown == [1, 2]


def test_a_tail_reads_a_large_open_segment_in_blocks(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(0))

    def flood() -> None:
        for number in range(300):
            put(stream, entity(number, 20_000))

    assert [r.seq for r in stepped(tmp_path, [flood])] == list(range(1, 302))
    close_stream(stream)


def test_a_tail_in_another_thread_keeps_up_with_a_rolling_writer(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(), segment_bytes=20_000)
    done = threading.Event()
    shown: list[int] = []

    def tail() -> None:
        for record in follow(tmp_path, {}, idle=lambda: not done.is_set() or len(shown) < 2000):
            shown.append(record.seq)

    reader = threading.Thread(target=tail)
    reader.start()
    for number in range(400):
        put(stream, *[entity(number)] * 5)
    done.set()
    close_stream(stream, seal_open=True)
    reader.join(30)

    assert shown == list(range(1, 2001))
    assert len(list_segments(tmp_path)) > 10
