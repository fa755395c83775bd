"""Catching up: the records of all pushers, whichever committed a link first."""

import asyncio
from pathlib import Path

import pytest

from eventlog.errors import Corrupt, Locked
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.chain import link_facts
from eventlog.mirror.bucket.record import CommitRecord, encode_record
from eventlog.mirror.history.read_log import ReadRecord
from eventlog.mirror.history.update_ledger import (
    foreign_link,
    link_object,
    require_not_older,
    require_ours,
    update_ledger,
)
from eventlog.mirror.local.ledger import Ledger, PusherHead
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import SOURCE, WRITER
from tests.eventlog.mirror.buckets import Requests, new_store
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, lost_link, record_of, sealed_link

OTHERS = "aa000000"
FIRST = sealed_link(1, 3)
SECOND = sealed_link(4, 2, digest(FIRST.file.encode()), hour=1)


def put(store: Store, record: CommitRecord) -> None:
    name = f"mirror/{record.pusher}/{record.number:010d}.json"
    asyncio.run(store.put_new(name, upload_of_bytes(encode_record(record))))


def ledger_of(store: Store) -> Ledger:
    return Ledger(store.address, ARCHIVE, PUSHER)


def test_a_link_may_continue_one_that_another_pusher_committed() -> None:
    store = new_store()
    put(store, record_of(SECOND, pusher=OTHERS))
    put(store, record_of(FIRST))
    seen: list[ReadRecord] = []

    ledger = asyncio.run(update_ledger(store, ledger_of(store), seen.append))

    assert ledger.heads == {(SOURCE, WRITER): link_facts(SECOND, "").head}
    assert {pusher: head.next for pusher, head in ledger.pushers.items()} == {OTHERS: 1, PUSHER: 1}
    assert [read.record.pusher for read in seen] == [OTHERS, PUSHER]
    requests = Requests(store)
    assert asyncio.run(update_ledger(requests.wrapped(), ledger)) == ledger
    assert len(requests.names) == 3


def test_a_hole_in_a_stream_is_damage_of_the_bucket() -> None:
    store = new_store()
    put(store, record_of(SECOND))

    with pytest.raises(Corrupt, match="begins with seq 4, but seq 1 is missing"):
        asyncio.run(update_ledger(store, ledger_of(store)))


def test_a_pusher_whose_records_are_gone_was_rolled_back() -> None:
    store = new_store()
    known = Ledger(store.address, ARCHIVE, PUSHER, {OTHERS: PusherHead(3, "ab" * 32)})

    with pytest.raises(Corrupt, match=f"mirror/{OTHERS}/0000000002.json: rolled back"):
        asyncio.run(update_ledger(store, known))


def test_a_bucket_with_fewer_or_other_records_than_known_was_rolled_back() -> None:
    store = new_store()
    known = Ledger(store.address, ARCHIVE, PUSHER, {OTHERS: PusherHead(3, "ab" * 32)})

    for head in (None, PusherHead(2, "ab" * 32), PusherHead(3, "cd" * 32)):
        present = Ledger(store.address, ARCHIVE, PUSHER, {OTHERS: head} if head else {})
        with pytest.raises(Corrupt, match=f"mirror/{OTHERS}/0000000002.json: rolled back"):
            require_not_older(store, known, present)
    longer = Ledger(store.address, ARCHIVE, PUSHER, {OTHERS: PusherHead(4, "cd" * 32)})
    assert require_not_older(store, known, longer)
    assert not require_not_older(store, None, longer)


def test_a_record_is_ours_if_the_folder_has_all_its_files(tmp_path: Path) -> None:
    lost = lost_link(4, 2, digest(FIRST.file.encode()))
    read = ReadRecord(record_of(FIRST, lost), "here", PusherHead(1), (), b"")
    for link in (FIRST, lost):
        assert foreign_link(tmp_path, read) == link_object(link)
        with pytest.raises(Locked, match=r"fenced: record 0 of pusher aa000001 .* here:/srv/a put"):
            require_ours(tmp_path, "there:/srv/b", read)
        path = tmp_path / str(link_object(link))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(link.file)
    assert foreign_link(tmp_path, read) is None
    require_ours(tmp_path, "there:/srv/b", read)
    path.write_text(lost.file + " ")
    assert foreign_link(tmp_path, read) == link_object(lost)
