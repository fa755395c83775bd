"""Verify: counts, selection, samples, and the borders between segments."""

import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.seq_gaps import find_seq_gaps
from eventlog.check.verify import _known_seqs, verify
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import Loss, write_loss
from eventlog.format.paths import (
    SegmentName,
    head_path,
    lock_path,
    loss_path,
    manifest_path,
    open_path,
    sealed_path,
)
from eventlog.read.event_filter import Select
from eventlog.write.seal import seal
from tests.eventlog.making import (
    HOUR,
    OTHER,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    files_of,
    write_hours,
    write_log,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Returns a log with two sealed hours of three events each, and an open one of two."""
    write_hours(tmp_path, 2, 3)
    write_log(tmp_path, [[entity(6), entity(7)]], seal=False, clock=ManualClock(START + 2 * HOUR))
    return tmp_path


def names(root: Path) -> list[SegmentName]:
    return [each.name for each in list_segments(root)]


def places(root: Path) -> list[str]:
    return [each.place for each in verify(root).damages]


def test_segments_rows_and_raw_bytes_are_counted(log: Path) -> None:
    first, second, open_name = names(log)
    raw = sum(read_manifest(log, name).raw.bytes for name in (first, second))
    checked = verify(log)

    assert (checked.segments, checked.rows) == (3, 8)
    assert checked.raw_bytes == raw + open_path(log, open_name).stat().st_size
    assert checked.damages == ()


def test_only_segments_of_the_range_are_read_and_counted(log: Path) -> None:
    open_path(log, names(log)[2]).write_bytes(b"\x00" * 9)
    head_path(log, SOURCE, WRITER).unlink()

    for select, counted in (
        (Select(until=START + 2 * HOUR), (2, 6)),
        (Select(since=START + HOUR, until=START + 2 * HOUR), (1, 3)),
        (Select(since=START + 2 * HOUR), (1, 0)),
    ):
        checked = verify(log, select)
        assert (checked.segments, checked.rows) == counted


@pytest.mark.parametrize(("sample", "read"), [(0.0, 0), (0.25, 1), (0.5, 2), (0.75, 3), (1.0, 4)])
def test_a_sample_reads_exactly_its_share(tmp_path: Path, sample: float, read: int) -> None:
    for name in write_hours(tmp_path, 4, 1):
        path = sealed_path(tmp_path, name)
        path.write_bytes(path.read_bytes()[:-1])

    assert len(verify(tmp_path, sample=sample).damages) == read


def test_damage_of_open_and_sealed_segments_is_reported_together(log: Path) -> None:
    first, _, open_name = names(log)
    sealed_path(log, first).write_bytes(b"short")
    data = open_path(log, open_name).read_bytes()
    open_path(log, open_name).write_bytes(b"\x00" * 9 + data[9:])

    assert places(log) == [f"{first}.ndjson.zst", f"{open_name}.ndjson"]


def test_foreign_files_are_reported_in_order_except_hidden_ones(log: Path) -> None:
    folder = log / "log" / SOURCE
    (folder / ".damaged").mkdir()
    (folder / ".damaged" / "notes.txt").write_text("")
    for name in ("z.txt", "m.txt", "a.txt"):
        (folder / name).write_text("")
    (log / "log" / "writer.json").write_text("{}")

    assert places(log) == [f"{SOURCE}/{name}.txt" for name in "amz"]


@pytest.mark.parametrize("rows", [1, 2])
def test_a_seq_that_an_open_segment_repeats_is_damage(log: Path, rows: int) -> None:
    _, second, open_name = names(log)
    path = open_path(log, open_name)
    lines = path.read_bytes().splitlines(keepends=True)
    twin = SegmentName(SOURCE, second.date, "09", WRITER, 0)
    open_path(log, twin).write_bytes(b"".join(lines[-rows:]))

    (damage,) = [each for each in verify(log).damages if "contains it already" in each.what]
    assert damage.place in (f"{twin}.ndjson", f"{open_name}.ndjson")
    assert damage.what == f"expected seq 9, found {9 - rows}: another segment contains it already"


def test_a_seq_in_two_sealed_segments_is_damage(log: Path) -> None:
    first, second, _ = names(log)
    twin = attrs.evolve(second, hour="09")
    manifest = (
        manifest_path(log, second).read_bytes().replace(str(second).encode(), str(twin).encode())
    )
    shutil.copy(sealed_path(log, second), sealed_path(log, twin))
    manifest_path(log, twin).write_bytes(manifest)
    whats = [each.what for each in verify(log).damages]

    assert f"expected seq 7 (after {second}), found 4" in whats
    assert first is not None


def test_a_torn_tail_does_not_count_as_an_event_before_the_next_segment(log: Path) -> None:
    open_name = names(log)[2]
    path = open_path(log, open_name)
    data = path.read_bytes()
    later = attrs.evolve(open_name, hour="09")
    third = data.splitlines(keepends=True)[1].replace(b'"seq":8', b'"seq":9')
    open_path(log, later).write_bytes(third)
    assert not any("expected seq" in damage.what for damage in verify(log).damages)
    path.write_bytes(data[:-1])

    messages = [damage.what for damage in verify(log).damages if "expected seq" in damage.what]
    assert len(messages) == 1
    assert messages[0].startswith(f"expected seq 8 (after {open_name}), found 9: a sealed segment")


def test_a_gap_before_a_segment_that_is_sealed_during_the_check_is_reported(log: Path) -> None:
    first, second, listed_as_open = names(log)
    for path in (sealed_path, manifest_path):
        path(log, second).unlink()
    links, open_names = [read_manifest(log, first)], [listed_as_open]
    before = _known_seqs(log, links, open_names)
    seal(log, listed_as_open, None)
    after = _known_seqs(log, links, open_names)

    assert [x.is_open for x in before] == [False, True]
    assert [x.is_open for x in after] == [False, False]
    for known in (before, after):
        (gap,) = find_seq_gaps(known)
        assert (gap.first_seq, gap.last_seq) == (4, 6)


def test_a_gap_is_reported_even_if_only_the_lock_file_shows_it(log: Path) -> None:
    for name in names(log):
        for path in (open_path, sealed_path, manifest_path):
            path(log, name).unlink(missing_ok=True)
    shutil.rmtree(log / "state")
    assert lock_path(log, SOURCE, WRITER).exists()
    (damage,) = verify(log).damages

    assert damage.what.startswith("seq 6 was durable, but the log ends with seq 0; if a mirror")


def test_a_head_that_names_an_open_segment_is_checked_by_its_bytes(log: Path) -> None:
    open_name = names(log)[2]
    path = open_path(log, open_name)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0])
    (damage,) = verify(log).damages

    assert (damage.place, damage.line, damage.byte) == (f"{open_name}.ndjson", 2, len(lines[0]))


def test_an_unreadable_record_of_a_loss_is_damage(log: Path) -> None:
    first, second, _ = names(log)
    for path in (sealed_path, manifest_path):
        path(log, second).unlink()
    accept_loss(log, second, clock=ManualClock(START + 3 * HOUR))
    assert verify(log).damages == ()
    loss_path(log, second).write_bytes(b"{}")

    assert f"{second}.lost.json" in places(log)
    assert first in names(log)


def test_a_loss_at_the_beginning_of_a_stream_begins_the_chain(tmp_path: Path) -> None:
    name = SegmentName(SOURCE, "2026-11-21", "05", OTHER, 0)
    for first, damages in ((1, 0), (2, 1)):
        shutil.rmtree(tmp_path / "log", ignore_errors=True)
        loss = Loss(1, str(name), first, 3, "2026-11-21T05:00:00.000000Z", None, None)
        write_loss(tmp_path, loss)
        assert len(verify(tmp_path).damages) == damages


def test_verify_changes_nothing(log: Path) -> None:
    before = files_of(log)
    head = head_path(log, SOURCE, WRITER).read_bytes()
    lock = lock_path(log, SOURCE, WRITER).read_bytes()
    verify(log)

    assert files_of(log) == before
    assert head_path(log, SOURCE, WRITER).read_bytes() == head
    assert lock_path(log, SOURCE, WRITER).read_bytes() == lock
