"""Copied folders, other archives and changed buckets: a push stops, and overwrites nothing."""

import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.errors import Corrupt, Invalid, Locked, NotFound, Unavailable
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.local.pusher import separate_from_origin
from tests.eventlog.making import (
    OTHER,
    SOURCE,
    WRITER,
)
from tests.eventlog.mirror.buckets import (
    add_hour,
    check_laws,
    new_store,
    objects_of,
    pushed,
    pusher_on,
    record_law,
    refuse_records,
)


def test_two_processes_do_not_push_from_one_folder(tmp_path: Path) -> None:
    with lock_mirror(tmp_path), pytest.raises(Locked, match="another process is pushing"):
        pushed(tmp_path, new_store())


def test_a_folder_of_another_archive_is_refused(tmp_path: Path) -> None:
    store = new_store()
    add_hour(tmp_path / "a", 0)
    add_hour(tmp_path / "b", 0, OTHER)
    pushed(tmp_path / "a", store)
    before = objects_of(store)

    with pytest.raises(Invalid, match="belongs to archive"):
        pushed(tmp_path / "b", store, "there")
    assert objects_of(store) == before
    assert pushed(tmp_path / "b", store, "there", join=True).segments == 1
    assert set(check_laws(objects_of(store))) == {f"{SOURCE}/{WRITER}", f"{SOURCE}/{OTHER}"}


def test_a_copied_folder_that_pushes_as_the_same_pusher_is_fenced(tmp_path: Path) -> None:
    store = new_store()
    original, copy = tmp_path / "a", tmp_path / "b"
    add_hour(original, 0)
    pushed(original, store)
    shutil.copytree(original, copy)
    add_hour(original, 1, OTHER)
    pushed(original, store)
    before = objects_of(store)
    add_hour(copy, 1, "0badcafe")

    with pytest.raises(Locked, match=f"fenced: record 1 of .*{original} put it at .*{OTHER}"):
        pushed(copy, store)
    assert objects_of(store) == before
    assert separate_from_origin(copy, {"HINDLOG_MACHINE": "here"}) == []
    assert pushed(copy, store).segments == 1
    assert len(check_laws(objects_of(store))) == 3


def test_a_copied_folder_that_writes_the_same_stream_is_a_conflict(tmp_path: Path) -> None:
    store = new_store()
    original, copy = tmp_path / "a", tmp_path / "b"
    add_hour(original, 0)
    shutil.copytree(original, copy)
    pushed(original, store)
    shutil.copy(original / "log" / "archive.json", copy / "log")
    add_hour(original, 1)
    add_hour(copy, 1, rows=3)
    add_hour(copy, 1, OTHER)
    pushed(original, store)
    before = objects_of(store)

    result = pushed(copy, store, "there")

    assert result.has_conflict and [s.key for s in result.stopped] == [(SOURCE, WRITER)]
    assert f"the other one is {pusher_on(original).host}, last seen 20" in result.stopped[0].reason
    assert result.segments == 1
    assert {name: objects_of(store)[name] for name in before} == before
    check_laws(objects_of(store))


def test_other_bytes_under_a_name_stop_the_stream_and_name_both(tmp_path: Path) -> None:
    store = new_store()
    original, copy = tmp_path / "a", tmp_path / "b"
    add_hour(original, 0)
    pushed(original, store)
    shutil.copytree(original, copy)
    name = add_hour(original, 1)
    add_hour(copy, 1, rows=3)
    add_hour(copy, 1, OTHER)
    with pytest.raises(Unavailable):  # puts the segment, and is interrupted before its record
        pushed(original, attrs.evolve(store, put_new=refuse_records(store)))

    result = pushed(copy, record_law(store))

    assert result.has_conflict and result.segments == 1
    assert f"{name}.ndjson.zst: other bytes have this name" in result.stopped[0].reason
    streams = f"two folders write the stream {SOURCE}, {WRITER}"
    assert f"{streams}; the other one is {pusher_on(original).host}" in result.stopped[0].reason
    check_laws(objects_of(store))


@pytest.mark.parametrize("deleted", [True, False])
def test_a_bucket_that_was_rolled_back_or_edited_is_noticed(tmp_path: Path, deleted: bool) -> None:
    store = new_store()
    add_hour(tmp_path, 0)
    pushed(tmp_path, store)
    add_hour(tmp_path, 1)
    pusher = pusher_on(tmp_path).id

    async def get(name: str, part: None) -> bytes:
        if deleted and name.startswith("mirror/"):
            raise NotFound(name)
        return (await store.get(name, part)).replace(b'"host"', b'"Host"')

    with pytest.raises(Corrupt, match=f"mirror/{pusher}/0000000000.json: rolled back"):
        pushed(tmp_path, attrs.evolve(store, get=get))
