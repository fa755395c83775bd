"""Accepted losses: the machine, the choice of the gap, and the content of the record."""

import os
import shutil
from pathlib import Path

import orjson
import pytest

from eventlog.check.accept_loss import accept_loss, known_seqs
from eventlog.check.verify import verify
from eventlog.clock import MINUTE, format_us
from eventlog.errors import Invalid
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import chain_digest, read_loss, read_losses
from eventlog.files.writer_ids import FETCH, machine_name, writer_id
from eventlog.format.event import ANOMALY
from eventlog.format.event_codec import decode
from eventlog.format.manifest import digest
from eventlog.format.paths import SegmentName, loss_path, manifest_path, open_path, sealed_path
from eventlog.read.reader import read_events, read_stream
from eventlog.read.seq_ranges import KnownSeqs
from eventlog.write.writer import close_stream
from tests.eventlog.check.damaged_logs import lose
from tests.eventlog.making import (
    HOUR,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    put,
    write_hours,
)

LATER = ManualClock(START + 9 * HOUR)


@pytest.mark.parametrize("machines", [["here"], ["there", "here"], []])
def test_a_loss_can_be_accepted_if_this_machine_is_one_of_several_owners(
    tmp_path: Path, machines: list[str]
) -> None:
    names = write_hours(tmp_path, 3, 2)
    for machine in machines:
        name = machine_name(os.environ) if machine == "here" else machine
        path = tmp_path / "log" / "writer.json"
        known = orjson.loads(path.read_bytes()) if path.exists() else {}
        path.write_bytes(orjson.dumps(known | {name: {FETCH: WRITER}}))
    lose(tmp_path, names[1])
    accept_loss(tmp_path, names[1], clock=LATER)

    assert [loss.first_seq for loss in read_losses(tmp_path, SOURCE, WRITER)] == [3]
    with pytest.raises(Invalid, match="belongs to machine elsewhere"):
        shutil.rmtree(tmp_path / "log" / SOURCE)
        (tmp_path / "log" / "writer.json").unlink(missing_ok=True)
        writer_id(tmp_path, FETCH, "elsewhere", lambda: WRITER)
        accept_loss(tmp_path, names[1], clock=LATER)


def test_a_loss_replaces_the_lost_manifest_in_the_chain(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 4, 2)
    digests = [digest(manifest_path(tmp_path, name).read_bytes()) for name in names]
    sealed_path(tmp_path, names[1]).unlink()  # its manifest is left
    accept_loss(tmp_path, names[1], clock=LATER)
    first = read_loss(tmp_path, names[1])
    assert (first.first_seq, first.last_seq) == (3, 4)
    assert (first.manifest, first.previous) == (digests[1], digests[0])
    assert first.accepted_at == format_us(LATER.at)
    lose(tmp_path, names[2])
    accept_loss(tmp_path, names[2], clock=LATER)
    second = read_loss(tmp_path, names[2])

    assert (second.first_seq, second.last_seq) == (5, 6)
    assert (second.manifest, second.previous) == (digests[2], chain_digest(first))
    assert read_manifest(tmp_path, names[3]).previous == digests[2]
    assert verify(tmp_path).damages == ()


def test_of_two_lost_segments_with_manifests_only_the_named_one_is_recorded_as_lost(
    tmp_path: Path,
) -> None:
    names = write_hours(tmp_path, 4, 2)
    for name in names[1:3]:
        sealed_path(tmp_path, name).unlink()
    for name, seqs in ((names[2], (5, 6)), (names[1], (3, 4))):
        accept_loss(tmp_path, name, clock=LATER)
        loss = read_loss(tmp_path, name)
        assert (loss.first_seq, loss.last_seq) == seqs

    assert verify(tmp_path).damages == ()


def test_a_name_that_fits_two_gaps_is_rejected(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 5, 2)
    lose(tmp_path, names[1], names[3])
    wrong = SegmentName(SOURCE, "2026-11-21", "20", WRITER, 0)
    with pytest.raises(Invalid, match="expected one gap in its stream there, found 0"):
        accept_loss(tmp_path, wrong, clock=LATER)
    accept_loss(tmp_path, names[3], clock=LATER)
    accept_loss(tmp_path, names[1], clock=LATER)

    assert [loss.first_seq for loss in read_losses(tmp_path, SOURCE, WRITER)] == [3, 7]
    assert verify(tmp_path).damages == ()


def test_an_open_segment_after_a_gap_stays_open(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 2, 2)
    clock = ManualClock(START + 2 * HOUR)
    stream = opened(tmp_path, clock)
    put(stream, entity(9))
    close_stream(stream)
    open_name = [each.name for each in list_segments(tmp_path)][-1]
    lose(tmp_path, names[1])
    accept_loss(tmp_path, names[1], clock=clock)

    assert open_path(tmp_path, open_name).exists()
    assert not manifest_path(tmp_path, open_name).exists()
    assert [record.seq for record in read_stream(tmp_path, SOURCE, WRITER)] == [1, 2, 5, 6]


def test_accepting_a_loss_is_idempotent(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    lose(tmp_path, names[1])
    clock = ManualClock(LATER.at)
    for _ in range(3):
        done = accept_loss(tmp_path, names[1], clock=clock)
        assert done.what == "recorded as lost: seq 3 to 4"
        clock.at += 2 * HOUR
    anomalies = [r for r in read_events(tmp_path) if decode(r.line).kind == ANOMALY]

    assert len(anomalies) == 1
    assert anomalies[0].observed_at == format_us(LATER.at)


def test_the_notice_of_a_loss_is_never_observed_before_the_last_event(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    lose(tmp_path, names[1])
    accept_loss(tmp_path, names[1], clock=ManualClock(START + MINUTE))
    *_, before, last = read_stream(tmp_path, SOURCE, WRITER)

    assert decode(last.line).kind == ANOMALY
    assert last.observed_at >= before.observed_at


def test_after_a_rejected_loss_the_stream_is_unlocked(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    for _ in range(2):
        with pytest.raises(Invalid, match="found 0"):
            accept_loss(tmp_path, SegmentName(SOURCE, "2026-11-21", "09", WRITER, 0), clock=LATER)
    close_stream(opened(tmp_path, LATER))

    assert list(loss_path(tmp_path, names[0]).parent.glob("*.lost.json")) == []


def test_known_seqs_are_those_that_exist_or_whose_loss_was_accepted(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    clock = ManualClock(START + 3 * HOUR)
    stream = opened(tmp_path, clock)
    put(stream, entity(1), entity(2))
    close_stream(stream)
    open_name = [each.name for each in list_segments(tmp_path)][-1]
    lose(tmp_path, names[0])
    accept_loss(tmp_path, names[0], clock=clock)
    manifest_path(tmp_path, names[2]).write_bytes(b"{}")
    (open_path(tmp_path, open_name).with_name(f"09-{WRITER}-000.ndjson")).write_bytes(b"torn")

    known = [KnownSeqs(names[0], 1, 2), KnownSeqs(names[1], 3, 4), KnownSeqs(open_name, 7, 9, True)]
    assert known_seqs(tmp_path, SOURCE, WRITER) == known
    assert known_seqs(tmp_path, SOURCE, WRITER, without=names[1]) == [known[0], known[2]]
