"""The other folder of a conflict: the last record of a stream that is not ours."""

import asyncio

import msgspec

from eventlog.format.manifest import digest
from eventlog.mirror.bucket.record import CommitRecord, encode_record
from eventlog.mirror.history.other_folders import last_foreign_records
from eventlog.mirror.local.pusher import Pusher
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import SOURCE, WRITER
from tests.eventlog.mirror.buckets import Requests, new_store
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, record_of, sealed_link

KEY = (SOURCE, WRITER)
OURS = Pusher(PUSHER, "here:/srv/a", frozenset())


def put(store: Store, record: CommitRecord, host: str, at: str) -> CommitRecord:
    record = msgspec.structs.replace(record, host=host, at=at)
    name = f"mirror/{record.pusher}/{record.number:010d}.json"
    asyncio.run(store.put_new(name, upload_of_bytes(encode_record(record))))
    return record


def found(store: Store, *keys: tuple[str, str]) -> dict[tuple[str, str], CommitRecord]:
    return asyncio.run(last_foreign_records(store, ARCHIVE, OURS, set(keys)))


def test_the_last_record_of_another_folder_is_found_whoever_is_its_pusher() -> None:
    store, day = new_store(), "2026-11-29T1{}:00:00.000000Z"
    copy = put(store, record_of(), "here:/srv/copy", day.format(2))
    link = sealed_link(4, 2, hour=1)
    ours = record_of(link, number=1, previous=digest(encode_record(copy)))
    put(store, ours, OURS.host, day.format(9))
    assert found(store, KEY) == {KEY: copy}

    put(store, record_of(pusher="aa000000"), "older:/srv/a", day.format(1))
    last = put(store, record_of(pusher="bb000000"), "newer:/srv/a", day.format(3))
    assert found(store, KEY, (SOURCE, "0badcafe")) == {KEY: last}


def test_without_a_conflict_nothing_is_read() -> None:
    requests = Requests(new_store())

    assert found(requests.wrapped()) == {} and requests.names == []
