"""Verify: damaged frames, foreign files, open segments and assets; nothing is changed."""

import threading
from pathlib import Path

import pytest

from eventlog.check.segment_damage import Damage
from eventlog.check.verify import verify
from eventlog.files.assets import put_asset
from eventlog.files.listing import read_manifest
from eventlog.format.event import ENTITY, Draft
from eventlog.format.paths import (
    asset_path,
    head_path,
    open_path,
    sealed_path,
)
from eventlog.read.event_filter import Select
from eventlog.read.segment_lines import segment_blocks
from eventlog.write.writer import close_stream
from tests.eventlog.check.damaged_logs import damages_of, flip, lose, names
from tests.eventlog.making import (
    HOUR,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    put,
    write_log,
)


def test_an_intact_log_has_no_damage(log: Path) -> None:
    checked = verify(log)

    assert checked.damages == ()
    assert (checked.segments, checked.rows) == (4, 17)
    assert checked.raw_bytes > 17 * 600_000


def test_a_flipped_bit_is_reported_with_its_frame(log: Path) -> None:
    name = names(log)[1]
    manifest = read_manifest(log, name)
    assert len(manifest.frames) == 3
    frame = manifest.frames[1]
    flip(sealed_path(log, name), frame.offset + frame.bytes // 2)
    (damage,) = damages_of(log)

    assert damage.place == f"{name}.ndjson.zst"
    assert (damage.frame, damage.line, damage.byte) == (1, 3, frame.offset)
    assert str(damage).startswith(f"{name}.ndjson.zst, frame 1, line 3, byte {frame.offset}: ")


def test_a_flipped_bit_that_does_not_change_the_decompressed_lines_is_damage(log: Path) -> None:
    name = names(log)[1]
    path = sealed_path(log, name)
    before = list(segment_blocks(log, name))
    flip(
        path, read_manifest(log, name).frames[1].offset + 4, bit=4
    )  # of the frame's header, unused
    assert list(segment_blocks(log, name)) == before
    (damage,) = damages_of(log)

    assert damage.place == f"{name}.ndjson.zst"
    assert damage.frame == 1
    assert "its lines are intact" in str(damage)


@pytest.mark.parametrize("cut", [0, 1, -1])
def test_the_damage_of_a_truncated_file_is_at_its_end(log: Path, cut: int) -> None:
    name = names(log)[0]
    path, manifest = sealed_path(log, name), read_manifest(log, name)
    size = manifest.frames[2].offset if cut == 1 else cut % manifest.zst.bytes
    path.write_bytes(path.read_bytes()[:size])
    (damage,) = damages_of(log)

    assert damage.what == f"expected {manifest.zst.bytes} bytes, found {size}"
    assert damage.byte == size
    assert damage.frame == (0 if cut == 0 else 2)


def test_a_longer_file_is_damage(log: Path) -> None:
    path = sealed_path(log, names(log)[0])
    path.write_bytes(path.read_bytes() + b"\x00")

    assert "found" in damages_of(log)[0].what


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "2026-11-21/05-1a2b3c4d-000.ndjson.bak", "2026-11-21/05-1a2b3c4d-0.ndjson"],
)
def test_a_foreign_file_is_reported(log: Path, name: str) -> None:
    (log / "log" / SOURCE / name).write_text("hello")

    assert [str(each) for each in damages_of(log)] == [f"{SOURCE}/{name}: not a file of a segment"]


def test_a_file_in_a_folder_that_is_no_source_is_reported(log: Path) -> None:
    (log / "log" / "Backup copy").mkdir()
    (log / "log" / "Backup copy" / "notes").write_text("hello")

    assert [str(each) for each in damages_of(log)] == ["Backup copy/notes: not a file of a segment"]


def test_damage_of_durable_lines_is_reported_with_line_and_byte(log: Path) -> None:
    name = names(log)[3]
    path = open_path(log, name)
    second = path.read_bytes().index(b"\n") + 1
    data = bytearray(path.read_bytes())
    data[second : second + 9] = b"\x00" * 9
    path.write_bytes(bytes(data))
    (damage,) = damages_of(log)

    assert (damage.place, damage.line, damage.byte) == (f"{name}.ndjson", 2, second)
    head_path(log, SOURCE, WRITER).unlink()
    assert damages_of(log) == []  # the last line of an unfinished write, for all we know


def test_events_after_an_invalid_line_are_damage_without_a_head(log: Path) -> None:
    path = open_path(log, names(log)[3])
    data = path.read_bytes()
    path.write_bytes(b"\x00" * 40 + data[40:])
    head_path(log, SOURCE, WRITER).unlink()
    (damage,) = damages_of(log)

    assert (damage.line, damage.byte) == (1, 0)


def test_a_torn_tail_is_no_damage(log: Path) -> None:
    with open_path(log, names(log)[3]).open("ab") as file:
        file.write(b'{"v":1,"source":"openr')

    assert damages_of(log) == []


@pytest.mark.parametrize("how", ["missing", "edited"])
@pytest.mark.parametrize("sealed", [True, False])
def test_an_asset_that_an_event_refers_to_is_checked(
    tmp_path: Path, how: str, sealed: bool
) -> None:
    asset = put_asset(tmp_path, b"large")
    draft = Draft(kind=ENTITY, type="model", id="1", shape="list", body_asset=asset)
    name = write_log(tmp_path, [[draft]], seal=sealed)
    assert damages_of(tmp_path) == []
    path = asset_path(tmp_path, asset)
    path.unlink() if how == "missing" else path.write_bytes(b"edited")
    (damage,) = damages_of(tmp_path)

    assert damage.place.startswith(str(name))
    assert asset in damage.what


def test_only_the_selected_range_is_checked(log: Path) -> None:
    flip(sealed_path(log, names(log)[0]), 100)

    assert verify(log, Select(since=START + HOUR)).damages == ()
    assert len(verify(log, Select(until=START + HOUR)).damages) == 1


def test_a_sample_reads_a_share_of_the_segments_but_all_names_and_chains(log: Path) -> None:
    for name in names(log)[:3]:
        flip(sealed_path(log, name), 100)

    assert len(verify(log, sample=0.34).damages) == 1
    assert len(verify(log, sample=0.0).damages) == 0
    lose(log, names(log)[1])
    assert len(verify(log, sample=0.0).damages) == 1


def test_verify_reports_no_damage_while_a_writer_writes(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(), segment_bytes=5_000)
    done = threading.Event()
    damages: list[Damage] = []

    def check() -> None:
        while not done.is_set():
            damages.extend(verify(tmp_path).damages)

    checker = threading.Thread(target=check)
    checker.start()
    for number in range(300):
        put(stream, entity(number, 300))
    close_stream(stream)
    done.set()
    checker.join()

    assert damages == []
