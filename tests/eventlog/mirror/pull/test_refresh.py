"""A folder that only reads is brought up to date with few requests, wherever it is killed."""

import asyncio
import shutil
from pathlib import Path

import pytest

from eventlog.check.verify import verify
from eventlog.errors import Corrupt
from eventlog.mirror.local.absent import absent_test
from eventlog.mirror.pull.refresh import refresh_manifests
from eventlog.stores.store import Store
from tests.eventlog.making import OTHER
from tests.eventlog.mirror.buckets import Requests, add_hour, new_store, objects_of, pushed
from tests.extent import few_or_all
from tests.mirror.killing import killed_at


def refreshed(root: Path, store: Store) -> int:
    return asyncio.run(refresh_manifests(root, store))


def manifests_of(root: Path) -> dict[str, bytes]:
    files = sorted((root / "log").rglob("*.manifest.json"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def intact(root: Path) -> bool:
    return not verify(root, is_absent=absent_test(root)).damages


def test_nothing_new_takes_a_listing_and_one_request_per_pusher(tmp_path: Path) -> None:
    origin, reader, store = tmp_path / "a", tmp_path / "reader", new_store()
    for machine, writer in (("here", "aa00aa00"), ("there", OTHER)):
        add_hour(origin, 0, writer)
        pushed(origin, store, machine)
    assert refreshed(reader, store) == 2
    requests = Requests(store)

    assert refreshed(reader, requests.wrapped()) == 0
    assert [name.split()[0] for name in requests.names] == ["folders", "get", "get"]
    assert all(name.endswith("/0000000001.json") for name in requests.names[1:])


def test_new_records_are_read_once_and_other_pushers_are_found(tmp_path: Path) -> None:
    origin, reader, store = tmp_path / "a", tmp_path / "reader", new_store()
    add_hour(origin, 0)
    pushed(origin, store)
    refreshed(reader, store)
    add_hour(origin, 1)
    pushed(origin, store)
    add_hour(origin, 2, OTHER)
    pushed(origin, store, "there")
    requests = Requests(store)

    assert refreshed(reader, requests.wrapped()) == 2
    assert not any(name.endswith("/0000000000.json") for name in requests.names[:2])
    assert manifests_of(reader) == manifests_of(origin)
    assert intact(reader)


def test_a_refresh_that_was_killed_anywhere_is_continued(tmp_path: Path) -> None:
    origin, before, store = tmp_path / "a", tmp_path / "before", new_store()
    add_hour(origin, 0)
    pushed(origin, store)
    refreshed(before, store)
    add_hour(origin, 1)
    add_hour(origin, 1, OTHER)
    pushed(origin, store)
    for is_new in (False, True):
        counted = copy_of(before, tmp_path / f"counted-{is_new}", is_new)
        with killed_at(counted) as steps:
            refreshed(counted, store)
        assert steps.count > 5
        for limit in range(0, steps.count, few_or_all(4, 1)):
            root = copy_of(before, tmp_path / f"{is_new}-{limit}", is_new)
            with killed_at(root, limit):
                refreshed(root, store)
            assert intact(root)
            refreshed(root, store)
            assert manifests_of(root) == manifests_of(origin) and intact(root)
            assert refreshed(root, store) == 0


def copy_of(before: Path, root: Path, is_new: bool) -> Path:
    """Returns a folder that was brought up to date before, or is new."""
    if is_new:
        root.mkdir()
    else:
        shutil.copytree(before, root)
    return root


def test_a_bucket_in_which_records_are_missing_is_refused(tmp_path: Path) -> None:
    origin, reader, store = tmp_path / "a", tmp_path / "reader", new_store()
    add_hour(origin, 0)
    pushed(origin, store)
    refreshed(reader, store)
    for name in objects_of(store):
        if name.startswith("mirror/"):
            asyncio.run(store.delete(name))

    with pytest.raises(Corrupt, match="rolled back"):
        refreshed(reader, store)
