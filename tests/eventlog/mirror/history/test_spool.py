"""All records of a bucket, kept in a file while they are used."""

import asyncio
from pathlib import Path

import pytest

from eventlog.errors import Corrupt
from eventlog.mirror.bucket.record import encode_record
from eventlog.mirror.history.spool import spool_records, spooled
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.ledger import Ledger, load_ledger
from eventlog.stores.store import Store
from tests.eventlog.making import OTHER
from tests.eventlog.mirror.buckets import add_hour, new_store, objects_of, pushed


def records_in(store: Store) -> list[bytes]:
    """Returns the records of a bucket, in the order of their names."""
    objects = objects_of(store)
    return [objects[name] for name in sorted(objects) if name.startswith("mirror/")]


def test_a_spool_has_the_records_of_all_pushers_and_what_they_commit(tmp_path: Path) -> None:
    store = new_store()
    for hour in range(2):
        add_hour(tmp_path, hour)
        pushed(tmp_path, store)
    add_hour(tmp_path, 0, OTHER)
    pushed(tmp_path, store, "there")
    ledger = load_ledger(tmp_path)
    assert ledger is not None

    spool = asyncio.run(spool_records(tmp_path, store, ledger.archive, ledger.pusher))

    assert spool.path.read_bytes() == b"".join(records_in(store))
    assert [encode_record(record) for record in spooled(spool)] == records_in(store)
    assert (spool.ledger.streams, spool.ledger.pushers) == (ledger.streams, ledger.pushers)


def test_a_check_beside_a_pull_has_a_spool_of_its_own(tmp_path: Path) -> None:
    store = new_store()
    add_hour(tmp_path, 0)
    pushed(tmp_path, store)
    archive = str(read_archive_id(tmp_path))
    first = asyncio.run(spool_records(tmp_path, store, archive, "aa000001"))
    second = asyncio.run(spool_records(tmp_path, new_store(), archive, "aa000001"))

    assert [encode_record(record) for record in spooled(first)] == records_in(store) != []
    assert list(spooled(second)) == []


def test_a_bucket_without_records_has_an_empty_spool(tmp_path: Path) -> None:
    spool = asyncio.run(spool_records(tmp_path, new_store(), "0" * 16, "aa000001"))

    assert list(spooled(spool)) == []
    assert spool.ledger == Ledger(spool.ledger.address, "0" * 16, "aa000001")


def test_a_chain_with_a_hole_has_no_spool(tmp_path: Path) -> None:
    store = new_store()
    for machine in ("here", "there"):
        add_hour(tmp_path, int(machine == "there"))
        pushed(tmp_path, store, machine)
    objects = objects_of(store)
    (first,) = [
        name
        for name, data in objects.items()
        if name.startswith("mirror/") and b'previous\\":null' in data
    ]
    asyncio.run(store.delete(first))

    with pytest.raises(Corrupt):
        asyncio.run(spool_records(tmp_path, store, str(read_archive_id(tmp_path)), "aa000001"))


def test_a_spool_that_was_damaged_meanwhile_is_corrupt(tmp_path: Path) -> None:
    store = new_store()
    add_hour(tmp_path, 0)
    pushed(tmp_path, store)
    spool = asyncio.run(spool_records(tmp_path, store, str(read_archive_id(tmp_path)), "aa000001"))
    spool.path.write_bytes(spool.path.read_bytes()[:-20] + b"\n")

    with pytest.raises(Corrupt, match=f"{spool.path}: expected a commit record"):
        list(spooled(spool))
