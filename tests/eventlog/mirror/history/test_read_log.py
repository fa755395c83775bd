"""Reading the log of a pusher: in order, without listing, every record checked."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt, Invalid
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.record import CommitRecord, encode_record
from eventlog.mirror.bucket.rollup import join_records
from eventlog.mirror.history.read_log import ReadRecord, find_pushers, read_log
from eventlog.mirror.local.ledger import PusherHead
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.mirror.buckets import Requests, new_store
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, record_of

FOLDER = f"mirror/{PUSHER}/"


def records_of(count: int) -> list[bytes]:
    records: list[bytes] = []
    for number in range(count):
        previous = digest(records[-1]) if records else None
        records.append(encode_record(record_of(number=number, previous=previous)))
    return records


RECORDS = records_of(130)
NOTHING = PusherHead()


def put(store: Store, name: str, data: bytes) -> None:
    asyncio.run(store.put_new(f"{FOLDER}{name}", upload_of_bytes(data)))


def read(store: Store, after: PusherHead = NOTHING, archive: str = ARCHIVE) -> list[ReadRecord]:
    async def all_of() -> list[ReadRecord]:
        return [read async for read in read_log(store, archive, PUSHER, after)]

    return asyncio.run(all_of())


def bucket(count: int, rolled: int = 0) -> Store:
    """Returns a bucket with a log whose first records are in roll-ups only."""
    store = new_store()
    for number in range(rolled, count):
        put(store, f"{number:010d}.json", RECORDS[number])
    for first in range(0, rolled, 64):
        put(store, f"{first:010d}.64.ndjson.zst", join_records(RECORDS[first : first + 64]) or b"")
    return store


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 70))
def test_the_log_is_read_from_rollups_and_records(rolled: int, more: int, known: int) -> None:
    count = rolled * 64 + more
    known = min(known, count)
    head = PusherHead(known, digest(RECORDS[known - 1]) if known else None)
    store = bucket(count, rolled * 64)
    after = head if known % 64 == 0 or known >= rolled * 64 else PusherHead()

    logged = read(store, after)

    assert [encode_record(x.record) for x in logged] == RECORDS[after.next : count]
    if logged and after.next == 0:
        assert logged[-1].head == PusherHead(count, digest(RECORDS[count - 1]), rolled * 64)


def test_nothing_new_takes_one_request() -> None:
    for known in (1, 64, 65):
        requests = Requests(bucket(known))
        assert read(requests.wrapped(), PusherHead(known, digest(RECORDS[known - 1]))) == []
        assert requests.names == [f"get {FOLDER}{known:010d}.json"]


def test_pushers_are_found_by_their_records() -> None:
    assert asyncio.run(find_pushers(bucket(1))) == (PUSHER,)
    assert asyncio.run(find_pushers(new_store())) == ()


def test_a_record_that_does_not_continue_the_log_is_refused() -> None:
    def changed(**members: object) -> CommitRecord:
        return msgspec.structs.replace(record_of(number=1, previous=digest(RECORDS[0])), **members)

    for record, kind, problem in (
        (changed(previous="ab" * 32), Corrupt, "continues one with SHA-256 abab"),
        (changed(number=2), Corrupt, "expected record 1 of aa000001, found record 2"),
        (changed(pusher="aa000002"), Corrupt, "found record 1 of aa000002"),
        (changed(archive="f" * 16), Invalid, "belongs to archive ffff"),
    ):
        store = bucket(1)
        put(store, f"{1:010d}.json", encode_record(record))
        with pytest.raises(kind, match=f"{FOLDER}0000000001.json: .*{problem}"):
            read(store)
