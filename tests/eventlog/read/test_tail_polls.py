"""Tail: polls cheaply, and misses nothing however coarse timestamps are."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.catalog.file_watch import REREAD_S, FileStamp, StampTimes
from eventlog.format.paths import head_path, open_path
from eventlog.read import tail
from eventlog.read.tail import IDLE_POLL_S, POLL_S, follow
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOUR,
    MTIMES,
    OTHER,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    put,
    settle,
    write_hours,
    write_log,
)
from tests.extent import few_or_all


class CoarseFiles:
    """The clock of a tail, and the stamps of files with a resolution of two seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stamps: dict[Path, tuple[bytes, FileStamp]] = {}

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def stamp(self, path: Path) -> FileStamp | None:
        """Stamps a file now if its bytes differ from those at the last call."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return self.stamps.pop(path, None) and None
        ns = int(self.now / 2) * 2_000_000_000
        if path not in self.stamps or self.stamps[path][0] != data:
            self.stamps[path] = data, FileStamp(1, len(data), ns, ns)
        return self.stamps[path][1]


moves = st.lists(
    st.tuples(st.sampled_from(["put", "put", "no head", "hour"]), st.sampled_from([1, 3, 99, 700])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=few_or_all(10, 200), deadline=None)
@given(moves)
def test_a_tail_misses_no_event_on_a_file_system_with_coarse_timestamps(
    moves: list[tuple[str, int]],
) -> None:
    with TemporaryDirectory() as folder:
        root, clock, files, shown = Path(folder), ManualClock(), CoarseFiles(), [0]
        stream = opened(root, clock)
        put(stream, entity(0))  # a stream is found by a listing, later ones by its head
        head = head_path(root, SOURCE, WRITER)
        polls = [name for move, pause in moves for name in (move, *["wait"] * pause)]
        steps = iter([*polls, *["wait"] * 30])
        changed_at = [0.0]

        def idle() -> bool:
            assert shown[-1] == stream.last_seq or files.now < changed_at[-1] + REREAD_S
            step = next(steps, None)
            match step:
                case "put":
                    put(stream, entity(1))
                case "hour":
                    clock.at += HOUR
                case "no head":
                    head.unlink(missing_ok=True)
            if step != "wait":
                files.stamp(head)
                changed_at.append(files.now)
            return step is not None

        times = StampTimes(lambda: files.now, files.stamp)
        for record in follow(root, {}, idle=idle, sleep=files.sleep, times=times):
            shown.append(record.seq)
        close_stream(stream)

        assert shown == list(range(stream.last_seq + 1))


def test_a_stream_without_a_head_is_read_again_only_if_a_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hours(tmp_path, 2, 1)
    name = write_log(
        tmp_path, [[entity(3)]], seal=False, clock=ManualClock(START + 2 * HOUR), writer=OTHER
    )
    path = open_path(tmp_path, name)
    line = path.read_bytes()
    for writer in (WRITER, OTHER):
        head_path(tmp_path, SOURCE, writer).unlink()
    settle(tmp_path)
    files = CoarseFiles()
    reads: list[int] = []
    read = tail.read_stream
    monkeypatch.setattr(tail, "read_stream", lambda *arguments: reads.append(0) or read(*arguments))
    counts: list[int] = []
    shown: list[tuple[str, int]] = []

    def idle() -> bool:
        if files.now > 15 * (len(counts) + 1):
            counts.append(len(reads))
            if len(counts) == 2:
                path.write_bytes(line + line.replace(b'"seq":1', b'"seq":2'))
            if len(counts) == 3:
                write_log(tmp_path, [[entity(4)]], clock=ManualClock(START + 3 * HOUR))
                head_path(tmp_path, SOURCE, WRITER).unlink()
        return len(counts) < 4

    times = StampTimes(lambda: files.now, files.stamp)
    for record in follow(
        tmp_path, {}, idle=idle, sleep=files.sleep, times=times, folder_times=MTIMES
    ):
        shown.append((record.writer, record.seq))

    assert shown == [(WRITER, 1), (WRITER, 2), (OTHER, 1), (OTHER, 2), (WRITER, 3)]
    assert 40 < counts[0] == counts[1] < 60 < counts[2]


def test_the_pauses_of_a_tail_grow_until_an_event_is_appended(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(0))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 200:
            put(stream, entity(1))

    shown = list(follow(tmp_path, {}, idle=lambda: len(slept) < 300, sleep=sleep))
    close_stream(stream)

    assert len(shown) == 2
    assert (slept[0], slept[199], slept[200], slept[299]) == (POLL_S, IDLE_POLL_S) * 2
