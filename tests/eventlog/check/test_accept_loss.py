"""Accepted losses: the stream continues after them, and further damage is still reported."""

import shutil
from pathlib import Path

import orjson
import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.coverage_gaps import find_gaps
from eventlog.check.repair import repair
from eventlog.check.verify import verify
from eventlog.errors import Invalid, Locked
from eventlog.files.lost_segments import read_losses, skip_lost
from eventlog.files.writer_ids import FETCH, writer_id
from eventlog.format.paths import (
    SegmentName,
    head_path,
    loss_path,
    manifest_path,
    open_path,
    sealed_path,
)
from eventlog.read.cursor import mark
from eventlog.read.reader import read_events, read_stream
from eventlog.read.tail import check_cursor, follow
from eventlog.write.writer import close_stream, wait_sealed
from tests.eventlog.check.damaged_logs import (
    LATER,
    continue_writing,
    lose,
    names,
    stream_seqs,
    suggested_names,
    write_small_log,
)
from tests.eventlog.making import (
    HOUR,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    files_of,
    opened,
    put,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_small_log(tmp_path)


GAPS = {
    "first": ([0], []),
    "middle": ([2], []),
    "two in a row": ([1, 2], []),
    "before the open one": ([3], []),
    "the open one": ([4], []),
    "the end": ([3, 4], []),
    "all": ([0, 1, 2, 3, 4], []),
    "zst only": ([], [1]),
    "last zst only": ([], [3]),
}


@pytest.mark.parametrize(("lost", "unpacked"), GAPS.values(), ids=GAPS)
def test_a_stream_continues_after_an_accepted_loss(
    log: Path, lost: list[int], unpacked: list[int]
) -> None:
    all_names = names(log)
    lose(log, *(all_names[number] for number in lost))
    for number in unpacked:
        sealed_path(log, all_names[number]).unlink()
    before = files_of(log)
    (name,) = suggested_names(log) or [all_names[number] for number in unpacked]
    accept_loss(log, name, clock=LATER)
    last = continue_writing(log)
    missing = [s for n in lost + unpacked for s in (2 * n + 1, 2 * n + 2)]

    assert verify(log).damages == ()
    assert last == 12
    assert stream_seqs(log) == [seq for seq in range(1, 13) if seq not in missing]
    assert [record.seq for record in read_events(log)] == stream_seqs(log)
    assert [r.seq for r in follow(log, {}, idle=lambda: False)] == stream_seqs(log)
    assert before.items() <= {**files_of(log), **_opened_of(before)}.items()


def _opened_of(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.endswith(".ndjson")}


def test_an_anomaly_in_the_log_announces_the_loss(log: Path) -> None:
    name = names(log)[1]
    lose(log, name)
    for _ in range(2):
        accept_loss(
            log, suggested_names(log)[0] if suggested_names(log) else _lost(log), clock=LATER
        )
    events = [orjson.loads(record.line) for record in read_events(log)]
    (anomaly,) = [event for event in events if event["kind"] == "anomaly"]

    assert (anomaly["reason"], anomaly["first_seq"], anomaly["last_seq"]) == ("lost", 3, 4)
    assert anomaly["segment"] == str(_lost(log))
    gaps = [gap for gap in find_gaps(log, LATER.at) if gap.what == "seqs"]
    reasons = [gap.reason for gap in gaps]
    assert ["seq 3 to 4 missing" in x and "recorded as lost" in x for x in reasons] == [True]


def _lost(root: Path) -> SegmentName:
    (loss,) = read_losses(root, SOURCE, WRITER)
    return loss.name


@pytest.mark.parametrize("more", [0, 2, 3, 4])
def test_a_further_lost_segment_is_damage(log: Path, more: int) -> None:
    all_names = names(log)
    lose(log, all_names[1])
    accept_loss(log, all_names[1], clock=LATER)
    assert verify(log).damages == ()
    lose(log, all_names[more])

    assert verify(log).damages != ()
    accept_loss(log, suggested_names(log)[0], clock=LATER)
    assert verify(log).damages == ()


@pytest.mark.parametrize("how", ["gone", "longer", "garbage", "another manifest"])
def test_a_changed_record_of_a_loss_is_damage(log: Path, how: str) -> None:
    lose(log, *names(log)[-2:])
    accept_loss(log, suggested_names(log)[0], clock=LATER)
    continue_writing(log)
    path = loss_path(log, _lost(log))
    members = orjson.loads(path.read_bytes())
    changed = {
        "longer": {"last_seq": members["last_seq"] + 1},
        "another manifest": {"manifest": "0" * 64},
        "garbage": {"first_seq": "x"},
    }
    path.unlink()
    if how != "gone":
        path.write_bytes(orjson.dumps(members | changed[how]) + b"\n")

    assert verify(log).damages != ()


def test_the_name_of_a_lost_segment_is_not_used_again(log: Path) -> None:
    name = names(log)[4]
    lose(log, name)
    clock = ManualClock(START + 4 * HOUR)
    accept_loss(log, name, clock=clock)

    assert names(log)[-1].hour == name.hour
    assert names(log)[-1].number == name.number + 1


def test_an_intact_or_repairable_segment_is_not_recorded_as_lost(log: Path) -> None:
    sealed, open_name = names(log)[1], names(log)[4]
    raw = b"".join(
        record.line + b"\n" for record in read_stream(log, SOURCE, WRITER) if record.seq in (3, 4)
    )
    sealed_path(log, sealed).unlink()
    open_path(log, sealed).write_bytes(raw)

    assert "segment from" in accept_loss(log, sealed, clock=LATER).what
    assert "nothing to do" in accept_loss(log, sealed, clock=LATER).what
    with pytest.raises(Invalid, match="is open, and not lost"):
        accept_loss(log, open_name, clock=LATER)
    with pytest.raises(Invalid, match="expected one gap in its stream there, found 0"):
        accept_loss(log, SegmentName(SOURCE, "2026-11-21", "05", WRITER, 7), clock=LATER)
    assert list(log.rglob("*.lost.json")) == []


def test_no_loss_is_accepted_in_a_stream_that_is_written_or_belongs_to_another_machine(
    log: Path,
) -> None:
    lose(log, names(log)[1])
    stream = opened(log, LATER)
    wait_sealed(stream)
    (name,) = suggested_names(log)
    with pytest.raises(Locked):
        accept_loss(log, name, clock=LATER)
    close_stream(stream)
    writer_id(log, FETCH, "elsewhere", make=lambda: WRITER)

    with pytest.raises(Invalid, match="belongs to machine elsewhere"):
        accept_loss(log, name, clock=LATER)


def test_the_notice_of_a_loss_obeys_the_configured_size_of_segments(log: Path) -> None:
    name = names(log)[1]
    sealed_path(log, name).unlink()
    at = ManualClock(START + 4 * HOUR + 1)  # the hour of the open segment
    accept_loss(log, name, clock=at, segment_bytes=100)

    assert [x.number for x in names(log) if x.starts_at == START + 4 * HOUR] == [0, 1]


def test_a_segment_that_was_recorded_as_lost_is_not_repaired(log: Path) -> None:
    name = names(log)[1]
    sealed_path(log, name).unlink()
    accept_loss(log, name, clock=LATER)

    with pytest.raises(Invalid, match="was recorded as lost on 2026-11-21") as refused:
        repair(log, name)
    assert refused.value.hint == (f"to restore it, first move log/{name}.lost.json out of the log")


def test_a_segment_of_a_stream_without_any_file_cannot_be_recorded_as_lost(log: Path) -> None:
    name = names(log)[0]
    shutil.rmtree(log / "log")
    shutil.rmtree(log / "state", ignore_errors=True)

    with pytest.raises(Invalid, match="expected one gap in its stream there, found 0"):
        accept_loss(log, name, clock=LATER)


def test_an_unreadable_last_segment_can_be_recorded_as_lost(log: Path) -> None:
    *_, last, open_name = names(log)
    lose(log, open_name)
    for path in (sealed_path, manifest_path):
        path(log, last).write_bytes(b"\x00" * 50)
    head_path(log, SOURCE, WRITER).unlink()
    accept_loss(log, last, clock=LATER)

    assert verify(log).damages == ()
    assert continue_writing(log) == 10  # the lock file knows that seq 8 was the last


def test_an_open_segment_before_a_lost_one_is_sealed_first(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock())
    put(stream, entity(1))
    close_stream(stream)
    first = names(tmp_path)[0]
    data = open_path(tmp_path, first).read_bytes()
    stream = opened(tmp_path, ManualClock(START + HOUR))
    put(stream, entity(2))
    close_stream(stream)
    lose(tmp_path, *names(tmp_path))
    open_path(tmp_path, first).write_bytes(data)
    (name,) = suggested_names(tmp_path)
    accept_loss(tmp_path, name, clock=LATER)

    assert continue_writing(tmp_path) == 4
    assert stream_seqs(tmp_path) == [1, 3, 4]
    assert verify(tmp_path).damages == ()


def test_a_tail_from_a_cursor_in_a_loss_continues_after_the_loss(log: Path) -> None:
    seen = next(read_stream(log, SOURCE, WRITER, 2))
    cursor = {(SOURCE, WRITER): mark(seen.seq, seen.line)}
    lose(log, names(log)[1])
    accept_loss(log, suggested_names(log)[0], clock=LATER)
    check_cursor(log, cursor)

    assert next(follow(log, cursor, idle=lambda: False)).seq == 5


def test_adjacent_losses_are_skipped_together(log: Path) -> None:
    all_names = names(log)
    for name in all_names[1:3]:
        sealed_path(log, name).unlink()
        accept_loss(log, name, clock=LATER)
    losses = read_losses(log, SOURCE, WRITER)

    assert [skip_lost(losses, seq) for seq in (2, 3, 4, 6, 7)] == [2, 7, 7, 7, 7]
    assert verify(log).damages == ()


def test_a_loss_that_is_refused_is_not_recorded(log: Path) -> None:
    lose(log, names(log)[1])
    (name,) = suggested_names(log)
    before = files_of(log)
    seqs: list[tuple[SegmentName, int, int]] = []

    def refuse(lost: SegmentName, first_seq: int, last_seq: int) -> None:
        seqs.append((lost, first_seq, last_seq))
        raise Invalid("the mirror has it")

    with pytest.raises(Invalid, match="the mirror has it"):
        accept_loss(log, name, refuse=refuse)
    assert files_of(log) == before
    accept_loss(log, name, clock=LATER)
    (loss,) = read_losses(log, SOURCE, WRITER)
    assert seqs == [(name, loss.first_seq, loss.last_seq)]
