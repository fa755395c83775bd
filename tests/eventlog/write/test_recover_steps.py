"""Recovery: limits, and the order of the changes to the disk."""

import os
from pathlib import Path

import attrs
import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.verify import verify
from eventlog.errors import Corrupt
from eventlog.files.heads import Head, encode_head
from eventlog.files.listing import list_segments
from eventlog.files.lost_segments import Loss, chain_digest
from eventlog.files.stream_lock import lock_stream, record_sealed_seq
from eventlog.format.event import ANOMALY, exact_body
from eventlog.format.event_codec import decode
from eventlog.format.manifest import digest
from eventlog.format.paths import SegmentName, head_path, manifest_path, open_path, sealed_path
from eventlog.read.reader import read_events
from eventlog.write.recover import TORN, last_link, recover
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    OTHER,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    put,
    recording_disk,
    write_hours,
    write_log,
)

FILE = f"05-{WRITER}-000.ndjson"


def left_open(root: Path, rows: int = 3) -> tuple[Path, SegmentName, list[bytes]]:
    """Writes an open segment without a head; returns its path, its name and its lines."""
    name = write_log(root, [[entity(n)] for n in range(rows)], seal=False)
    head_path(root, SOURCE, WRITER).unlink()
    path = open_path(root, name)
    return path, name, path.read_bytes().splitlines(keepends=True)


def note(root: Path, head: Head) -> None:
    head_path(root, SOURCE, WRITER).write_bytes(encode_head(head))


def test_the_torn_tail_is_stored_durably_before_it_is_cut_off(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    path, _, lines = left_open(root)
    path.write_bytes(b"".join(lines) + b"torn")
    steps: list[str] = []
    (cut,) = recover(root, SOURCE, WRITER, recording_disk(steps)).anomalies
    assert cut.kept_at is not None
    kept = cut.kept_at.name
    temporary = f".{cut.kept_at.name}.tmp"

    assert steps == [
        f"sync_dir {SOURCE}",
        f"open_append {temporary}",
        f"write {temporary}",
        f"fsync {temporary}",
        f"close {temporary}",
        f"rename {kept}",
        "sync_dir .torn",
        f"sync_dir {SOURCE}",
        "sync_dir log",
        "sync_dir archive",
        f"open_append {FILE}",
        f"truncate {FILE}",
        f"fsync {FILE}",
        f"close {FILE}",
    ]
    assert (cut.reason, cut.size, cut.offset) == (TORN, 4, len(b"".join(lines)))
    assert cut.kept_at.read_bytes() == b"torn"


def test_an_open_file_without_a_complete_line_is_removed_durably(tmp_path: Path) -> None:
    path, _, _ = left_open(tmp_path)
    path.write_bytes(b"torn")
    steps: list[str] = []
    found = recover(tmp_path, SOURCE, WRITER, recording_disk(steps))

    assert found.open == ()
    assert steps[-2:] == [f"unlink {FILE}", "sync_dir 2026-11-21"]


def test_a_stored_tail_is_deleted_once_it_is_in_the_log(tmp_path: Path) -> None:
    path, _, lines = left_open(tmp_path)
    path.write_bytes(b"".join(lines) + b"torn")
    steps: list[str] = []
    stream = opened(tmp_path, ManualClock(START + MINUTE), disk=recording_disk(steps))
    close_stream(stream)
    *_, write, sync, unlink, sync_dir, close = steps

    assert (write, sync) == (f"write {FILE}", f"fsync {FILE}")
    assert unlink.endswith(f".{TORN}")
    assert (sync_dir, close) == ("sync_dir .torn", f"close {FILE}")


def test_every_stored_tail_becomes_an_anomaly(tmp_path: Path) -> None:
    path, _, lines = left_open(tmp_path)
    for torn in (b"one", b"two"):
        path.write_bytes(b"".join(lines) + torn)
        recover(tmp_path, SOURCE, WRITER)
    path.write_bytes(b"".join([*lines[:1], b"bad\n", *lines[2:]]))
    close_stream(opened(tmp_path, ManualClock(START + MINUTE)))
    anomalies = [e for r in read_events(tmp_path) if (e := decode(r.line)).kind == ANOMALY]

    bodies = sorted(exact_body(each) or b"" for each in anomalies)
    assert bodies == sorted([b"bad\n" + lines[2], b"one", b"two"])
    assert list((tmp_path / "log" / SOURCE / ".torn").iterdir()) == []


def test_stored_tails_of_another_writer_are_kept(tmp_path: Path) -> None:
    path, _, lines = left_open(tmp_path)
    path.write_bytes(b"".join(lines) + b"torn")
    recover(tmp_path, SOURCE, WRITER)
    close_stream(opened(tmp_path, writer=OTHER))

    assert [each.size for each in recover(tmp_path, SOURCE, WRITER).anomalies] == [4]
    assert recover(tmp_path, SOURCE, OTHER).anomalies == ()


@pytest.mark.parametrize(("short", "refused"), [(0, True), (1, False)])
def test_damage_of_durable_lines_is_an_error_unless_the_file_is_shorter(
    tmp_path: Path, short: int, refused: bool
) -> None:
    path, name, lines = left_open(tmp_path)
    data = b"".join([lines[0], b"\x00" * 30 + lines[1][30:], lines[2]])
    path.write_bytes(data)
    note(tmp_path, Head(str(name), len(data) + short, 3))
    if refused:
        with pytest.raises(Corrupt, match=f"was durable up to byte {len(data)}"):
            recover(tmp_path, SOURCE, WRITER)
        assert path.read_bytes() == data
    else:
        lost = recover(tmp_path, SOURCE, WRITER).anomalies[-1]
        assert (lost.reason, lost.size) == ("lost", len(data) + 1 - len(lines[0]))


def test_a_torn_tail_that_was_never_durable_is_cut_off_with_any_head(tmp_path: Path) -> None:
    path, name, lines = left_open(tmp_path)
    data = b"".join(lines)
    path.write_bytes(data + b"torn")
    other = attrs.evolve(name, number=9)
    for head in (Head(str(name), len(data), 3), Head(str(other), len(data) + 2, 3)):
        note(tmp_path, head)
        assert {each.reason for each in recover(tmp_path, SOURCE, WRITER).anomalies} == {TORN}
        path.write_bytes(data + b"torn")


def test_a_head_one_event_beyond_the_log_stops_the_writer(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])
    note(tmp_path, Head("", 0, 1))
    assert recover(tmp_path, SOURCE, WRITER).last_seq == 1
    note(tmp_path, Head(str(attrs.evolve(name, number=1)), 50, 2))

    with pytest.raises(Corrupt, match="seq 2 was durable, but the log ends with seq 1"):
        recover(tmp_path, SOURCE, WRITER)
    assert recover(tmp_path, SOURCE, WRITER, distrust_head=True).last_seq == 1


def test_a_sealed_seq_beyond_the_log_stops_the_writer(
    tmp_path: Path,
) -> None:
    write_log(tmp_path, [[entity(1)]])
    head_path(tmp_path, SOURCE, WRITER).unlink()
    for sealed in (1, 2):
        lock = lock_stream(tmp_path, SOURCE, WRITER, "2026-11-21T05:00:00Z")
        record_sealed_seq(lock, sealed)
        os.close(lock)
        if sealed == 1:
            assert recover(tmp_path, SOURCE, WRITER).last_seq == 1
    with pytest.raises(Corrupt, match="seq 2 was sealed, but the log ends with seq 1"):
        recover(tmp_path, SOURCE, WRITER)


def test_open_segments_are_recovered_in_seq_order(tmp_path: Path) -> None:
    path, name, lines = left_open(tmp_path)
    later = path.with_name(f"04-{WRITER}-000.ndjson")
    later.write_bytes(lines[1] + lines[2])
    path.write_bytes(lines[0])
    torn = path.with_name(f"03-{WRITER}-000.ndjson")
    torn.write_bytes(b"torn")
    resume_point = recover(tmp_path, SOURCE, WRITER)

    assert [(tail.name.hour, tail.rows, tail.last_seq) for tail in resume_point.open] == [
        ("05", 1, 1),
        ("04", 2, 3),
    ]
    assert (resume_point.last_seq, resume_point.last_line) == (3, lines[2])
    assert resume_point.last_observed == START + 2 * SECOND
    assert not torn.exists()
    assert name in [tail.name for tail in resume_point.open]


def test_an_open_segment_continues_after_an_accepted_loss(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    for _ in range(3):
        put(stream, entity(1), entity(2))
        clock.at += HOUR
    clock.at -= HOUR
    close_stream(stream)
    names = [each.name for each in list_segments(tmp_path)]
    for path in (sealed_path, manifest_path):
        path(tmp_path, names[1]).unlink()
    accept_loss(tmp_path, names[1], clock=clock)
    resume_point = recover(tmp_path, SOURCE, WRITER)

    assert [tail.last_seq for tail in resume_point.open] == [7]  # with the anomaly
    assert resume_point.last_seq == 7


def test_the_next_manifest_refers_to_the_last_manifest_or_loss(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 2, 2)
    last = digest(manifest_path(tmp_path, names[1]).read_bytes())

    def loss(first: int, end: int) -> Loss:
        return Loss(1, str(names[0]), first, end, "2026-11-21T05:00:00.000000Z", None, None)

    assert last_link(tmp_path, names[1], []) == last
    assert last_link(tmp_path, names[1], [loss(3, 4)]) == last
    assert last_link(tmp_path, names[1], [loss(5, 5)]) == chain_digest(loss(5, 5))
    assert last_link(tmp_path, names[1], [loss(5, 5), loss(6, 7)]) == chain_digest(loss(6, 7))
    assert last_link(tmp_path, None, []) is None


def test_an_anomaly_is_never_observed_before_the_previous_event(tmp_path: Path) -> None:
    path, _, lines = left_open(tmp_path)
    path.write_bytes(b"".join(lines) + b"torn")
    close_stream(opened(tmp_path, ManualClock(START)))  # the clock went back by two seconds
    times = [record.observed_at for record in read_events(tmp_path)]

    assert len(times) == 4
    assert times == sorted(times)
    assert len(list_segments(tmp_path)) == 1


def test_several_open_segments_are_sealed_in_seq_order(tmp_path: Path) -> None:
    names = _left_open_by_an_import(tmp_path)
    stream = opened(tmp_path, ManualClock(START + 100 * HOUR))
    close_stream(stream, seal_open=True)

    assert all(each.is_sealed and not each.is_open for each in list_segments(tmp_path))
    assert [each.name for each in list_segments(tmp_path)] == sorted(names)
    assert verify(tmp_path).damages == ()


def _left_open_by_an_import(root: Path) -> list[SegmentName]:
    """Writes three open hours in descending order, as a killed import leaves them."""
    stream = opened(root, ManualClock(START + 100 * HOUR))
    names = []
    for hour in (3, 2, 1):
        put(stream, entity(hour), at=START + hour * HOUR)
        assert stream.segment is not None
        names.append(stream.segment.name)
        stream.disk.close(stream.segment.handle)
        stream.segment = None
    close_stream(stream)
    return names


def test_the_chain_continues_from_the_greatest_seq_not_the_latest_hour(tmp_path: Path) -> None:
    _left_open_by_an_import(tmp_path)
    for hour in (9, 0):
        stream = opened(tmp_path, ManualClock(START + 100 * HOUR))
        put(stream, entity(hour), at=START + hour * HOUR)
        close_stream(stream, seal_open=True)

    assert verify(tmp_path).damages == ()
    assert opened(tmp_path, ManualClock(START + 100 * HOUR)).last_seq == 5
