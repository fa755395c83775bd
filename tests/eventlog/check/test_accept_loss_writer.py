"""Lost segments: a writer does not start, and reuses no seq, until the loss is accepted."""

import shutil
from pathlib import Path

import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.verify import verify
from eventlog.errors import Corrupt
from eventlog.files.stream_lock import sealed_seq
from eventlog.format.paths import (
    head_path,
    lock_path,
)
from eventlog.write.writer import close_stream
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
    opened,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_small_log(tmp_path)


@pytest.mark.parametrize("kept", ["state and locks", "locks"])
def test_a_stream_without_any_file_is_damage(log: Path, kept: str) -> None:
    shutil.rmtree(log / "log" / SOURCE / "2026-11-21")
    if kept == "locks":
        shutil.rmtree(log / "state")

    (damage,) = verify(log).damages
    assert "was durable, but the log ends with seq 0" in damage.what


@pytest.mark.parametrize("left", [0, 2, 3])
def test_without_state_a_writer_does_not_start_below_the_sealed_seq(log: Path, left: int) -> None:
    lose(log, *names(log)[left:])
    shutil.rmtree(log / "state")

    with pytest.raises(Corrupt, match=rf"seq 8 was sealed, but the log ends with seq {left * 2}: "):
        opened(log, ManualClock(LATER.at))
    (name,) = suggested_names(log)
    accept_loss(log, name, clock=LATER)

    assert verify(log).damages == ()
    assert continue_writing(log) == 10
    assert stream_seqs(log) == [*range(1, left * 2 + 1), 9, 10]


def test_an_unreadable_lock_file_prevents_neither_verify_nor_writing(log: Path) -> None:
    shutil.rmtree(log / "state")
    lock_path(log, SOURCE, WRITER).write_bytes(b'{"pid": 1')

    assert verify(log).damages == ()
    assert continue_writing(log) == 11
    assert sealed_seq(log, SOURCE, WRITER) == 11


def test_each_start_stores_the_sealed_seq_in_the_lock_file(log: Path) -> None:
    assert sealed_seq(log, SOURCE, WRITER) == 8
    lock_path(log, SOURCE, WRITER).write_bytes(b"")
    close_stream(opened(log, ManualClock(START + 4 * HOUR)))

    assert sealed_seq(log, SOURCE, WRITER) == 8


@pytest.mark.parametrize("lost", [1, 2, 5], ids=["the open one", "two", "all"])
def test_a_writer_does_not_start_below_the_head(log: Path, lost: int) -> None:
    lose(log, *names(log)[-lost:])
    before = head_path(log, SOURCE, WRITER).read_bytes()

    with pytest.raises(Corrupt, match="seq 10 was durable, but the log ends with seq"):
        opened(log, ManualClock(LATER.at))
    assert head_path(log, SOURCE, WRITER).read_bytes() == before
    assert len(verify(log).damages) == 1
