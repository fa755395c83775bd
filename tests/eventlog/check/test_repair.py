"""Repair: torn tails of open segments, and good copies of sealed ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.check.repair import repair
from eventlog.check.verify import verify
from eventlog.errors import Corrupt, Locked, NotFound
from eventlog.files.listing import list_segments
from eventlog.format.event import ANOMALY
from eventlog.format.event_codec import decode
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.read.reader import read_events
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOUR,
    SECOND,
    START,
    ManualClock,
    entity,
    files_of,
    opened,
    put,
    write_hours,
    write_log,
)

LATE = ManualClock(START + 30 * SECOND)


def test_damage_in_an_open_segment_becomes_an_anomaly(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n)] for n in range(4)], seal=False)
    path = open_path(tmp_path, name)
    data = path.read_bytes()
    second = data.index(b"\n") + 1
    path.write_bytes(data[:second] + b"\x00" * 20 + data[second + 20 :])
    with pytest.raises(Corrupt, match=f"is not the event with seq 2|{name}"):
        opened(tmp_path, LATE)
    done = repair(tmp_path, name, clock=LATE)
    events = [decode(record.line) for record in read_events(tmp_path)]

    assert "last seq" in done.what
    assert [event.kind for event in events][:2] == ["entity", ANOMALY]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert verify(tmp_path).damages == ()
    close_stream(opened(tmp_path, LATE))


def test_the_anomaly_of_a_repair_obeys_the_configured_size_of_segments(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n)] for n in range(4)], seal=False)
    path = open_path(tmp_path, name)
    path.write_bytes(path.read_bytes() + b"torn")
    repair(tmp_path, name, clock=LATE, segment_bytes=100)

    assert [files.name.number for files in list_segments(tmp_path)] == [0, 1]


def test_a_segment_that_is_being_written_is_not_repaired(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1))
    assert stream.segment is not None
    with pytest.raises(Locked):
        repair(tmp_path, stream.segment.name)
    close_stream(stream)


def damage_zst(root: Path, name: SegmentName) -> None:
    data = bytearray(sealed_path(root, name).read_bytes())
    data[len(data) // 2] ^= 16
    sealed_path(root, name).write_bytes(bytes(data))


def lose_zst(root: Path, name: SegmentName) -> None:
    sealed_path(root, name).unlink()


def damage_manifest(root: Path, name: SegmentName) -> None:
    path = manifest_path(root, name)
    path.write_bytes(path.read_bytes().replace(b'"rows"', b'"rosw"', 1))


def edit_manifest(root: Path, name: SegmentName) -> None:
    path = manifest_path(root, name)
    path.write_bytes(path.read_bytes().replace(b'"entity"', b'"entitz"'))


def lose_manifest(root: Path, name: SegmentName) -> None:
    manifest_path(root, name).unlink()


def lose_both(root: Path, name: SegmentName) -> None:
    lose_zst(root, name)
    lose_manifest(root, name)


DAMAGES = [damage_zst, lose_zst, damage_manifest, edit_manifest, lose_manifest, lose_both]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("harm", DAMAGES)
@pytest.mark.parametrize("layout", ["archive", "log", "folder"])
def test_a_segment_is_restored_from_a_good_copy(
    tmp_path: Path, harm: Callable[[Path, SegmentName], None], which: int, layout: str
) -> None:
    names = write_hours(tmp_path / "a", 3, 3)
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    sound = files_of(tmp_path / "a")
    name = names[which]
    harm(tmp_path / "a", name)
    copy = tmp_path / "copy"
    good = {"archive": copy, "log": copy / "log", "folder": sealed_path(copy, name).parent}[layout]
    repair(tmp_path / "a", name, good)

    assert files_of(tmp_path / "a") == sound
    assert verify(tmp_path / "a").damages == ()
    assert "nothing to do" in repair(tmp_path / "a", name, good).what


def test_a_manifest_is_computed_again_if_the_next_one_confirms_it(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 3)
    sound = files_of(tmp_path)
    for name in names[:2]:
        lose_manifest(tmp_path, name)
        assert "confirmed by the next manifest" in repair(tmp_path, name).what

    assert files_of(tmp_path) == sound


def test_a_manifest_that_no_next_one_confirms_is_not_computed(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 3)
    lose_manifest(tmp_path, names[2])

    with pytest.raises(Corrupt, match="no good copy of its manifest"):
        repair(tmp_path, names[2])


def test_a_segment_is_sealed_again_from_its_open_file(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n, 400_000)] for n in range(8)], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    close_stream(opened(tmp_path), seal_open=True)
    sound = files_of(tmp_path)
    lose_zst(tmp_path, name)
    open_path(tmp_path, name).write_bytes(data)
    repair(tmp_path, name)

    assert files_of(tmp_path) == sound


def test_a_copy_from_another_history_is_rejected(tmp_path: Path) -> None:
    names = write_hours(tmp_path / "a", 3, 3)
    clock = ManualClock()
    stream = opened(tmp_path / "b", clock)
    for hour in range(3):
        put(stream, entity(hour), entity(7), entity(9))
        clock.at += HOUR
    close_stream(stream, seal_open=True)
    assert [each.name for each in list_segments(tmp_path / "b")] == names
    for harm in (lose_zst, lose_manifest, lose_both):
        shutil.rmtree(tmp_path / "c", ignore_errors=True)
        shutil.copytree(tmp_path / "a", tmp_path / "c")
        harm(tmp_path / "c", names[1])
        if harm is lose_manifest:
            repair(tmp_path / "c", names[1], tmp_path / "b")
            assert verify(tmp_path / "c").damages == ()
            continue
        before = files_of(tmp_path / "c")
        with pytest.raises(Corrupt, match="no good copy"):
            repair(tmp_path / "c", names[1], tmp_path / "b")
        assert files_of(tmp_path / "c") == before


def test_a_replaced_file_is_moved_to_the_folder_of_damaged_files(tmp_path: Path) -> None:
    names = write_hours(tmp_path / "a", 2, 3)
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    damage_zst(tmp_path / "a", names[0])
    bad = sealed_path(tmp_path / "a", names[0]).read_bytes()
    repair(tmp_path / "a", names[0], tmp_path / "copy")

    (aside,) = (tmp_path / "a" / "log" / names[0].source / ".damaged").iterdir()
    assert aside.read_bytes() == bad


def test_a_name_without_any_file_is_not_found(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])
    with pytest.raises(NotFound):
        repair(tmp_path, SegmentName(name.source, name.date, "09", name.writer, 0))
