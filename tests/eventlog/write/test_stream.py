"""Streams: names of segments, the steps of opening, and the order of sealing."""

import errno
from pathlib import Path

import orjson
import pytest

from eventlog.body.encode_body import MAX_INLINE_BYTES
from eventlog.check.verify import verify
from eventlog.clock import format_us
from eventlog.errors import LocalResource
from eventlog.files.disk import REAL
from eventlog.files.heads import Head, read_head
from eventlog.files.listing import list_segments
from eventlog.files.stream_lock import sealed_seq
from eventlog.format.event_codec import decode
from eventlog.format.paths import head_path, manifest_path, open_path
from eventlog.read.reader import read_events
from eventlog.write.stream import MAX_UNSEALED, open_segment
from eventlog.write.writer import close_stream, open_stream, roll, wait_sealed
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    disk_with,
    entity,
    opened,
    put,
    recording_disk,
    write_log,
)

FILE = f"05-{WRITER}-000.ndjson"


def test_the_name_of_a_new_segment_is_durable_before_its_lines(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    root.mkdir()
    steps: list[str] = []
    stream = opened(root, disk=recording_disk(steps))
    steps.clear()
    put(stream, entity(1))

    assert steps == [
        f"sync_dir {SOURCE}",
        f"open_append {FILE}",
        "sync_dir 2026-11-21",
        f"sync_dir {SOURCE}",
        "sync_dir log",
        "sync_dir archive",
        f"write {FILE}",
        f"fsync {FILE}",
    ]
    close_stream(stream)


def test_a_folder_in_a_durable_folder_is_fsynced_alone(tmp_path: Path) -> None:
    steps: list[str] = []
    clock = ManualClock(START + 18 * HOUR)
    stream = opened(tmp_path, clock, disk=recording_disk(steps))
    put(stream, entity(1))
    fsyncs = []
    for hour in (18, 19):  # the same day, then the next one
        clock.at = START + hour * HOUR
        roll(stream)
        wait_sealed(stream)
        steps.clear()
        put(stream, entity(1))
        fsyncs.append([step for step in steps if step.startswith("sync_dir")])
    close_stream(stream)

    assert fsyncs == [["sync_dir 2026-11-21"], [f"sync_dir {SOURCE}", "sync_dir 2026-11-22"]]


def test_a_folder_that_another_writer_created_is_fsynced_up_to_the_root(tmp_path: Path) -> None:
    steps: list[str] = []
    clock = ManualClock()
    stream = opened(tmp_path, clock, disk=recording_disk(steps))
    put(stream, entity(1))
    clock.at += 24 * HOUR
    roll(stream)
    wait_sealed(stream)
    (tmp_path / "log" / SOURCE / "2026-11-22").mkdir()
    steps.clear()
    put(stream, entity(1))
    close_stream(stream)

    synced = [step for step in steps if step.startswith("sync_dir")]
    assert synced[:3] == ["sync_dir 2026-11-22", f"sync_dir {SOURCE}", "sync_dir log"]


def test_a_start_fsyncs_the_lines_of_a_killed_writer(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    write_log(root, [[entity(1)]], seal=False)
    steps: list[str] = []
    stream = opened(root, ManualClock(START + MINUTE), disk=recording_disk(steps))

    assert steps == [
        f"open_append {FILE}",
        f"fsync {FILE}",
        "sync_dir 2026-11-21",
        f"sync_dir {SOURCE}",
        "sync_dir log",
        "sync_dir archive",
    ]
    close_stream(stream)


def test_a_start_writes_the_head(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    head_path(tmp_path, SOURCE, WRITER).unlink()
    stream = opened(tmp_path, ManualClock(START + MINUTE))
    size = open_path(tmp_path, name).stat().st_size

    assert read_head(tmp_path, SOURCE, WRITER) == Head(str(name), size, 2)
    close_stream(stream)


@pytest.mark.parametrize(("late", "is_sealed"), [(-1, False), (0, True)])
def test_a_start_seals_the_segment_of_an_hour_that_is_over(
    tmp_path: Path, late: int, is_sealed: bool
) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    stream = opened(tmp_path, ManualClock(START + HOUR + late))
    assert (stream.segment is None) is is_sealed
    wait_sealed(stream)

    assert manifest_path(tmp_path, name).exists() is is_sealed
    close_stream(stream)


@pytest.mark.parametrize(("late", "is_sealed"), [(-1, False), (0, True)])
def test_closing_seals_the_segment_of_an_hour_that_is_over(
    tmp_path: Path, late: int, is_sealed: bool
) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    put(stream, entity(1))
    clock.at = START + HOUR + late
    close_stream(stream)

    (files,) = list_segments(tmp_path)
    assert (files.is_sealed, files.is_open) == (is_sealed, not is_sealed)
    assert sealed_seq(tmp_path, SOURCE, WRITER) == (1 if is_sealed else 0)


def test_a_segment_number_is_not_used_again_in_its_hour(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    folder = tmp_path / "log" / SOURCE / "2026-11-21"
    folder.mkdir(parents=True)
    (folder / f"05-{WRITER}-007.lost.json").write_text("{}")
    (folder / "05-00000000-009.ndjson").write_text("")
    (folder / f"06-{WRITER}-012.ndjson").write_text("")

    assert open_segment(stream, START).name.number == 8
    assert open_segment(stream, START).name.number == 9
    assert open_segment(stream, START + 2 * HOUR).name.number == 0
    close_stream(stream)


def test_no_segment_begins_on_a_full_disk(tmp_path: Path) -> None:
    stream = opened(tmp_path, disk=disk_with(free_bytes=lambda _path: 0))
    with pytest.raises(LocalResource, match="0 MiB free"):
        open_segment(stream, START)
    close_stream(stream)

    assert list_segments(tmp_path) == []


def test_rolling_waits_if_too_many_segments_are_unsealed(tmp_path: Path) -> None:
    def rename(_old: Path, _new: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    stream = opened(tmp_path, segment_bytes=1, disk=disk_with(rename=rename))
    with pytest.raises(LocalResource, match="sealing: No space left"):
        for number in range(MAX_UNSEALED + 2):
            put(stream, entity(number))
    assert len(stream.unsealed) <= MAX_UNSEALED + 1
    with pytest.raises(LocalResource, match="sealing: No space left"):
        close_stream(stream)

    close_stream(opened(tmp_path), seal_open=True)
    seqs = [record.seq for record in read_events(tmp_path)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert verify(tmp_path).damages == ()


def test_a_failed_sealing_is_raised_once(tmp_path: Path) -> None:
    failures = [1]

    def rename(old: Path, new: Path) -> None:
        if failures:
            failures.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        REAL.rename(old, new)

    stream = opened(tmp_path, disk=disk_with(rename=rename))
    put(stream, entity(1))
    with pytest.raises(LocalResource):
        roll(stream)
        wait_sealed(stream)
    wait_sealed(stream)
    close_stream(stream)

    assert [each.is_sealed for each in list_segments(tmp_path)] == [True]


def test_a_head_that_cannot_be_written_is_deleted(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1))
    path = head_path(tmp_path, SOURCE, WRITER)
    path.unlink()
    path.symlink_to("/dev/full")  # each write to it finds no space left
    put(stream, entity(2))

    assert not path.is_symlink()
    assert [record.seq for record in read_events(tmp_path)] == [1, 2]
    close_stream(stream)


def test_a_stream_that_cannot_be_recovered_is_unlocked(tmp_path: Path) -> None:
    write_log(tmp_path, [[entity(1)]])
    (manifest,) = tmp_path.rglob("*.manifest.json")
    data = manifest.read_bytes()
    manifest.write_bytes(b"{}")
    for _ in range(2):
        with pytest.raises(Exception, match="expected a manifest"):
            open_stream(tmp_path, SOURCE, WRITER, clock=ManualClock())
    manifest.write_bytes(data)

    close_stream(opened(tmp_path))


def test_time_continues_from_the_latest_event_of_any_open_segment(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START + 9 * HOUR))
    for at in (HOUR, MINUTE):  # an import in falling order
        put(stream, entity(at), at=START + at)
        assert stream.segment is not None
        stream.disk.close(stream.segment.handle)
        stream.segment = None
    stream.broken = True
    close_stream(stream)
    stream = opened(tmp_path, ManualClock(START + HOUR))
    assert stream.last_observed == START + HOUR
    put(stream, entity(3))
    close_stream(stream, seal_open=True)
    stream = opened(tmp_path, ManualClock(START + HOUR))

    assert stream.last_observed == START + HOUR
    assert [record.observed_at for record in read_events(tmp_path)] == [
        format_us(START + MINUTE),
        format_us(START + HOUR),
        format_us(START + HOUR),
    ]
    close_stream(stream)


@pytest.mark.parametrize("more", [0, 1])
def test_a_torn_tail_up_to_8_mib_is_stored_in_the_line(tmp_path: Path, more: int) -> None:
    path = open_path(tmp_path, write_log(tmp_path, [[entity(1)]], seal=False))
    path.write_bytes(path.read_bytes() + b"x" * (MAX_INLINE_BYTES + more))
    close_stream(opened(tmp_path, ManualClock(START + MINUTE)))
    (*_, record) = read_events(tmp_path)
    event = decode(record.line)

    assert (event.body_asset is None, event.body_raw is None) == (not more, bool(more))
    assert orjson.loads(record.line)["bytes"] == MAX_INLINE_BYTES + more
