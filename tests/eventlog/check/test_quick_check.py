"""The quick check: what makes it suspicious, and which segments it reads."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.quick_check import QuickResult, quick_check
from eventlog.clock import DAY
from eventlog.files.listing import list_segments
from eventlog.format.paths import (
    SegmentName,
    head_path,
    lock_path,
    manifest_path,
    open_path,
    sealed_path,
)
from eventlog.write.writer import close_stream
from tests.eventlog.check.damaged_logs import lose, names, write_small_log
from tests.eventlog.making import SOURCE, START, WRITER, ManualClock, entity, opened, put


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def repeat(root: Path, name: SegmentName) -> None:
    """Copies a segment to the next free name."""
    copied = attrs.evolve(name, number=1)
    shutil.copy(sealed_path(root, name), sealed_path(root, copied))
    text = manifest_path(root, name).read_text().replace(str(name), str(copied))
    manifest_path(root, copied).write_text(text)


@pytest.mark.parametrize("seal_open", [True, False])
def test_a_sound_log_is_not_suspicious(tmp_path: Path, seal_open: bool) -> None:
    write_small_log(tmp_path)
    if seal_open:
        close_stream(opened(tmp_path, ManualClock(START + DAY)), seal_open=True)

    assert quick_check(tmp_path, 1) == QuickResult(5, 5 if seal_open else 4, (), ())


DEFECTS: dict[str, tuple[str, Callable[[Path, list[SegmentName]], None]]] = {
    "sealed file": ("1 segments lack a file", lambda r, n: sealed_path(r, n[1]).unlink()),
    "manifest": ("1 segments lack a file", lambda r, n: manifest_path(r, n[1]).unlink()),
    "bad manifest": (
        "expected a manifest",
        lambda r, n: (manifest_path(r, n[1]).write_bytes(b"{}"), None)[1],
    ),
    "segment": ("seq 3 to 4 missing", lambda r, n: lose(r, n[1])),
    "open segment": ("seq 10 was durable, but the log ends with seq 8", lambda r, n: lose(r, n[4])),
    "open segment, no head": (
        "seq 8 was durable, but the log ends with seq 6",
        lambda r, n: (lose(r, *n[3:]), head_path(r, SOURCE, WRITER).unlink())[1],
    ),
    "all": (
        "seq 10 was durable, but the log ends with seq 0",
        lambda r, n: shutil.rmtree(r / "log" / SOURCE / "2026-11-21"),
    ),
    "end of the open segment": ("durable up to byte", lambda r, n: shorten(open_path(r, n[4]))),
    "twice": ("sequence numbers occur twice", lambda r, n: repeat(r, n[1])),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_is_missing_or_there_twice_is_suspicious(tmp_path: Path, defect: str) -> None:
    text, change = DEFECTS[defect]
    change(write_small_log(tmp_path), names(tmp_path))

    assert text in " | ".join(quick_check(tmp_path, 1).suspicions)
    assert lock_path(tmp_path, SOURCE, WRITER).exists()


def test_an_accepted_loss_is_not_suspicious(tmp_path: Path) -> None:
    write_small_log(tmp_path)
    lost = names(tmp_path)[1]
    lose(tmp_path, lost)
    accept_loss(tmp_path, lost, clock=ManualClock(START + DAY))

    assert quick_check(tmp_path, 1).suspicions == ()


def test_damage_in_a_segment_that_is_read_is_reported(tmp_path: Path) -> None:
    write_small_log(tmp_path)
    shorten(sealed_path(tmp_path, names(tmp_path)[1]))
    (damage,) = quick_check(tmp_path, 1).damages

    assert str(names(tmp_path)[1]) in damage.place


def test_consecutive_checks_read_other_segments_until_all_were_read(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    for hour in range(0, 30 * 24, 12):
        clock.at = START + hour * DAY // 24
        put(stream, entity(1))
    close_stream(stream, seal_open=True)
    listed = [files.name for files in list_segments(tmp_path)]
    for name in listed:
        shorten(sealed_path(tmp_path, name))
    places: set[str] = set()
    for number in range(6):  # three days share a turn, and each has two segments
        damages = quick_check(tmp_path, number).damages
        assert len(damages) < 15
        places |= {damage.place for damage in damages}

    assert places == {f"{name}.ndjson.zst" for name in listed}
