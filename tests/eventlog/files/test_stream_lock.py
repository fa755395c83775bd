"""Stream locks: one process per stream, and the sealed seq in the lock file."""

import fcntl
import os
import threading
from pathlib import Path

import orjson
import pytest

from eventlog.errors import Locked
from eventlog.files.stream_lock import (
    hold_lock,
    is_locked,
    lock_stream,
    lock_stream_waiting,
    record_sealed_seq,
    sealed_seq,
)
from eventlog.format.paths import lock_path
from tests.eventlog.making import OTHER, SOURCE, WRITER

NOW = "2026-11-21T05:00:00.000000Z"


def lock(root: Path, writer: str = WRITER, now: str = NOW) -> int:
    """Locks the stream and returns the file handle."""
    return lock_stream(root, SOURCE, writer, now)


def test_a_stream_is_locked_until_the_handle_is_closed(tmp_path: Path) -> None:
    assert not is_locked(tmp_path, SOURCE, WRITER)
    assert not lock_path(tmp_path, SOURCE, WRITER).exists()
    handle = lock(tmp_path)
    assert is_locked(tmp_path, SOURCE, WRITER)
    assert not is_locked(tmp_path, SOURCE, OTHER)
    os.close(handle)

    assert not is_locked(tmp_path, SOURCE, WRITER)


def test_two_processes_can_check_a_lock_at_the_same_time(tmp_path: Path) -> None:
    os.close(lock(tmp_path))
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.chmod(0o444)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not is_locked(tmp_path, SOURCE, WRITER)


def test_the_error_names_the_process_with_the_lock_and_since_when_it_has_it(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    with pytest.raises(Locked, match=rf"process {os.getpid()} on .* since {NOW} \(90 s\)"):
        lock(tmp_path, now="2026-11-21T05:01:30.000000Z")
    lock_path(tmp_path, SOURCE, WRITER).write_bytes(b"{}")
    with pytest.raises(Locked, match="locked by another process"):
        lock(tmp_path)
    os.close(handle)


def test_a_patient_writer_waits_for_the_lock(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    timer = threading.Timer(0.3, os.close, [handle])
    timer.start()
    second = lock_stream_waiting(tmp_path, SOURCE, WRITER, NOW)
    timer.join()
    os.close(second)


def test_the_sealed_seq_survives_the_next_lock(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    assert sealed_seq(tmp_path, SOURCE, WRITER) == 0
    record_sealed_seq(handle, 123_456)
    os.close(handle)
    handle = lock(tmp_path)
    os.close(handle)
    note = orjson.loads(lock_path(tmp_path, SOURCE, WRITER).read_bytes())

    assert sealed_seq(tmp_path, SOURCE, WRITER) == 123_456
    assert note == {"sealed_seq": 123_456, "pid": os.getpid(), "host": os.uname()[1], "since": NOW}


def test_a_shorter_note_replaces_a_longer_one_completely(tmp_path: Path) -> None:
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.parent.mkdir(parents=True)
    path.write_bytes(orjson.dumps({"sealed_seq": 99_999, "host": "h" * 300}))
    handle = lock(tmp_path)
    record_sealed_seq(handle, 7)
    os.close(handle)

    assert orjson.loads(path.read_bytes())["sealed_seq"] == 7


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"5", b'{"sealed_seq":"9"}', b'{"pid":1}'])
def test_an_unusable_lock_file_has_the_sealed_seq_zero(tmp_path: Path, data: bytes) -> None:
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)

    assert sealed_seq(tmp_path, SOURCE, WRITER) == 0
    os.close(lock(tmp_path))


def test_a_replaced_lock_file_does_not_lock_the_stream(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"")
    second = lock(tmp_path)

    assert os.fstat(second).st_ino == path.stat().st_ino != os.fstat(handle).st_ino
    os.close(handle)
    os.close(second)


def test_a_lock_file_that_is_replaced_during_locking_is_locked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.close(lock(tmp_path))
    path = lock_path(tmp_path, SOURCE, WRITER)
    original, replaced = fcntl.flock, list[int]()

    def flock(handle: int, how: int) -> None:
        if not replaced:
            path.rename(path.with_suffix(".old"))
            path.write_bytes(b"")
            replaced.append(handle)
        original(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    handle = lock(tmp_path)

    assert os.fstat(handle).st_ino == path.stat().st_ino
    os.close(handle)


def test_a_lock_file_that_was_deleted_is_created_again(tmp_path: Path) -> None:
    first = lock_stream(tmp_path, SOURCE, WRITER, "now")
    os.close(first)
    path = tmp_path / "log" / SOURCE / f".{WRITER}.lock"
    path.unlink()
    second = lock_stream(tmp_path, SOURCE, WRITER, "now")

    assert os.fstat(second).st_ino == path.stat().st_ino
    os.close(second)


def test_a_file_is_locked_while_the_block_runs_and_afterwards_no_more(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold_lock(path):
        with pytest.raises(BlockingIOError), hold_lock(path, wait=False):
            pass
        waiting = threading.Thread(target=lambda: _note_when_locked(path))
        waiting.start()
        assert not (tmp_path / "noted").exists()
    waiting.join()

    assert (tmp_path / "noted").exists()
    with hold_lock(path, wait=False):
        pass


def _note_when_locked(path: Path) -> None:
    with hold_lock(path):
        path.with_name("noted").touch()
