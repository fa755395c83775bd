"""All records of a bucket, kept in a file while they are used."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from eventlog.errors import Corrupt
from eventlog.mirror.bucket.record import encode_record
from eventlog.mirror.history.spool import Spool, spool_records, spooled
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.ledger import Ledger, load_ledger
from eventlog.stores.store import Store
from tests.eventlog.making import OTHER
from tests.eventlog.mirror.buckets import add_hour, new_store, objects_of, pushed

T = TypeVar("T")


def records_in(store: Store) -> list[bytes]:
    """Returns the records of a bucket, in the order of their names."""
    objects = objects_of(store)
    return [objects[name] for name in sorted(objects) if name.startswith("mirror/")]


def in_spool(root: Path, store: Store, archive: str, look: Callable[[Spool], T]) -> T:
    """Returns what a function makes of the spool of a bucket."""

    async def run() -> T:
        async with spool_records(root, store, archive, "aa000001") as spool:
            return look(spool)

    return asyncio.run(run())


def encoded(spool: Spool) -> list[bytes]:
    return [encode_record(record) for record in spooled(spool)]


def test_a_spool_has_the_records_of_all_pushers_and_what_they_commit(tmp_path: Path) -> None:
    store = new_store()
    for hour in range(2):
        add_hour(tmp_path, hour)
        pushed(tmp_path, store)
    add_hour(tmp_path, 0, OTHER)
    pushed(tmp_path, store, "there")
    ledger = load_ledger(tmp_path)
    assert ledger is not None
    records = records_in(store)

    def look(spool: Spool) -> Spool:
        assert spool.path.read_bytes() == b"".join(records)
        assert encoded(spool) == records
        return spool

    spool = in_spool(tmp_path, store, ledger.archive, look)
    assert (spool.ledger.streams, spool.ledger.pushers) == (ledger.streams, ledger.pushers)
    assert not spool.path.exists()


def test_a_check_beside_a_pull_has_a_spool_of_its_own(tmp_path: Path) -> None:
    store = new_store()
    add_hour(tmp_path, 0)
    pushed(tmp_path, store)

    async def both() -> tuple[list[bytes], list[bytes]]:
        archive = str(read_archive_id(tmp_path))
        async with (
            spool_records(tmp_path, store, archive, "aa000001") as first,
            spool_records(tmp_path, new_store(), archive, "aa000001") as second,
        ):
            return encoded(first), encoded(second)

    assert asyncio.run(both()) == (records_in(store), [])


def test_a_bucket_without_records_has_an_empty_spool(tmp_path: Path) -> None:
    def look(spool: Spool) -> Spool:
        assert encoded(spool) == []
        return spool

    spool = in_spool(tmp_path, new_store(), "0" * 16, look)
    assert spool.ledger == Ledger(spool.ledger.address, "0" * 16, "aa000001")


def test_a_chain_with_a_hole_has_no_spool_and_leaves_no_file(tmp_path: Path) -> None:
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
        in_spool(tmp_path, store, str(read_archive_id(tmp_path)), encoded)
    assert list((tmp_path / "state" / "mirror").glob(".records*")) == []


def test_a_spool_that_was_damaged_meanwhile_is_corrupt(tmp_path: Path) -> None:
    store = new_store()
    add_hour(tmp_path, 0)
    pushed(tmp_path, store)

    def damage(spool: Spool) -> None:
        spool.path.write_bytes(spool.path.read_bytes()[:-20] + b"\n")
        with pytest.raises(Corrupt, match=f"{spool.path}: expected a commit record"):
            list(spooled(spool))

    in_spool(tmp_path, store, str(read_archive_id(tmp_path)), damage)
