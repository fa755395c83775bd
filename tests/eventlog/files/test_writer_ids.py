"""Writers and locks: ids by role and machine, and what a lock file says."""

import fcntl
import os
import threading
from pathlib import Path

import orjson
import pytest

from eventlog.errors import Corrupt, Locked
from eventlog.files.stream_lock import (
    is_locked,
    lock_stream,
    lock_stream_waiting,
    record_sealed_seq,
    sealed_seq,
)
from eventlog.files.writer_ids import (
    COMMAND,
    FETCH,
    IMPORT,
    machine_name,
    machines_of,
    role_of,
    writer_id,
)
from eventlog.format.paths import lock_path
from tests.eventlog.making import OTHER, SOURCE, WRITER

NOW = "2026-11-21T05:00:00.000000Z"


def lock(root: Path, writer: str = WRITER, now: str = NOW) -> int:
    return lock_stream(root, SOURCE, writer, now)


def test_a_machine_is_named_by_the_environment_first() -> None:
    assert machine_name({"HINDLOG_MACHINE": "here"}) == "here"
    assert machine_name({"HINDLOG_MACHINE": ""}) == machine_name({}) != ""


def test_a_role_and_a_machine_are_found_by_the_id_of_the_writer(tmp_path: Path) -> None:
    ids = {
        (machine, role): writer_id(tmp_path, role, machine)
        for machine in ("here", "there")
        for role in (FETCH, IMPORT, COMMAND)
    }

    assert len(set(ids.values())) == 6
    for (machine, role), found in ids.items():
        assert role_of(tmp_path, found) == role
        assert machines_of(tmp_path, found) == [machine]
        assert writer_id(tmp_path, role, machine) == found
    assert role_of(tmp_path, "00000000") is None
    assert machines_of(tmp_path, "00000000") == []


def test_a_new_id_is_one_that_no_machine_has(tmp_path: Path) -> None:
    writer_id(tmp_path, FETCH, "there", lambda: WRITER)
    ids = iter([WRITER, "not hex", OTHER])

    assert writer_id(tmp_path, FETCH, "here", lambda: next(ids)) == OTHER


def test_a_list_of_writers_that_cannot_be_read_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "log" / "writer.json"
    path.parent.mkdir()
    for data in (b"{", b"[]", b'{"here": 1}'):
        path.write_bytes(data)
        with pytest.raises(Corrupt, match="expected writer ids by machine and role"):
            writer_id(tmp_path, FETCH, "here")


def test_a_stream_is_held_while_its_lock_is_open(tmp_path: Path) -> None:
    assert not is_locked(tmp_path, SOURCE, WRITER)
    assert not lock_path(tmp_path, SOURCE, WRITER).exists()
    handle = lock(tmp_path)
    assert is_locked(tmp_path, SOURCE, WRITER)
    assert not is_locked(tmp_path, SOURCE, OTHER)
    os.close(handle)

    assert not is_locked(tmp_path, SOURCE, WRITER)


def test_looking_whether_a_stream_is_held_does_not_stop_another_look(tmp_path: Path) -> None:
    os.close(lock(tmp_path))
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.chmod(0o444)
    with path.open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not is_locked(tmp_path, SOURCE, WRITER)


def test_a_message_names_the_process_that_holds_a_stream_and_for_how_long(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    with pytest.raises(Locked, match=rf"process {os.getpid()} on .* since {NOW} \(90 s\)"):
        lock(tmp_path, now="2026-11-21T05:01:30.000000Z")
    lock_path(tmp_path, SOURCE, WRITER).write_bytes(b"{}")
    with pytest.raises(Locked, match="held by another process"):
        lock(tmp_path)
    os.close(handle)


def test_a_patient_writer_waits_for_the_lock(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    timer = threading.Timer(0.3, os.close, [handle])
    timer.start()
    second = lock_stream_waiting(tmp_path, SOURCE, WRITER, NOW)
    timer.join()
    os.close(second)


def test_how_far_a_stream_is_sealed_survives_its_next_locks(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    assert sealed_seq(tmp_path, SOURCE, WRITER) == 0
    record_sealed_seq(handle, 123_456)
    os.close(handle)
    handle = lock(tmp_path)
    os.close(handle)
    found = orjson.loads(lock_path(tmp_path, SOURCE, WRITER).read_bytes())

    assert sealed_seq(tmp_path, SOURCE, WRITER) == 123_456
    assert found == {"sealed_seq": 123_456, "pid": os.getpid(), "host": os.uname()[1], "since": NOW}


def test_a_shorter_note_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.parent.mkdir(parents=True)
    path.write_bytes(orjson.dumps({"sealed_seq": 99_999, "host": "h" * 300}))
    handle = lock(tmp_path)
    record_sealed_seq(handle, 7)
    os.close(handle)

    assert orjson.loads(path.read_bytes())["sealed_seq"] == 7


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"5", b'{"sealed_seq":"9"}', b'{"pid":1}'])
def test_a_lock_file_that_says_nothing_usable_counts_as_zero(tmp_path: Path, data: bytes) -> None:
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)

    assert sealed_seq(tmp_path, SOURCE, WRITER) == 0
    os.close(lock(tmp_path))


def test_a_lock_file_that_was_replaced_is_not_the_lock(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    path = lock_path(tmp_path, SOURCE, WRITER)
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"")
    second = lock(tmp_path)

    assert os.fstat(second).st_ino == path.stat().st_ino != os.fstat(handle).st_ino
    for each in (handle, second):
        os.close(each)


def test_a_lock_file_that_is_replaced_before_it_is_locked_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.close(lock(tmp_path))
    path = lock_path(tmp_path, SOURCE, WRITER)
    whole, replaced = fcntl.flock, list[int]()

    def flock(handle: int, how: int) -> None:
        if not replaced:
            path.rename(path.with_suffix(".old"))
            path.write_bytes(b"")
            replaced.append(handle)
        whole(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    handle = lock(tmp_path)

    assert os.fstat(handle).st_ino == path.stat().st_ino
    os.close(handle)
