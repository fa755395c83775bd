"""Reads the records of a pusher in order, without listing, and checks their chain."""

from collections.abc import AsyncGenerator

import attrs

from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.chain import LinkFacts, link_facts
from eventlog.mirror.bucket.names import RECORDS, RecordObject, RollUpObject
from eventlog.mirror.bucket.record import CommitRecord, parse_record_only
from eventlog.mirror.bucket.rollup import sizes_at, split_rollup
from eventlog.mirror.local.ledger import PusherHead
from eventlog.stores.store import Store


@attrs.frozen
class ReadRecord:
    """A record that was read from the bucket."""

    record: CommitRecord
    where: str
    """Address of its object, for error messages."""
    head: PusherHead
    """The end of the log if this is its last record."""
    facts: tuple[LinkFacts, ...]
    """Of its links."""
    data: bytes
    """Its bytes."""


async def find_pushers(store: Store) -> tuple[str, ...]:
    """Returns the pushers that have a record in the bucket, sorted. One listing."""
    return await store.folders(RECORDS)


async def read_log(
    store: Store, archive: str, pusher: str, after: PusherHead
) -> AsyncGenerator[ReadRecord, None]:
    """Yields the records of a pusher that follow a known end of its log.

    If nothing is new, this takes one request. Raises `Corrupt` if a record is damaged or does not
    continue the one before it, `Invalid` if it belongs to another archive.
    """
    head = after
    sizes = (1,) if after.next else sizes_at(0)  # the record first: usually there is none
    while True:
        for size in sizes:
            part = await _read_at(store, pusher, head.next, size)
            if part is not None:
                break
        else:
            return
        if sizes == (1,) and len(sizes_at(head.next)) > 1:
            sizes = sizes_at(head.next)  # there is more: read it by roll-ups
            continue
        lines, where = part
        for data in lines:
            record = _check_record(data, where, archive, pusher, head)
            facts = tuple(link_facts(link, where) for link in record.links)
            rolled = head.next + 1 if size > 1 and head.rolled == head.next else head.rolled
            head = PusherHead(record.number + 1, digest(data), rolled)
            yield ReadRecord(record, where, head, facts, data)
        sizes = sizes_at(head.next)


async def _read_at(
    store: Store, pusher: str, number: int, size: int
) -> tuple[list[bytes], str] | None:
    """Returns the records of one object and its address; None if it does not exist."""
    is_rollup = size > 1
    name = str(RollUpObject(pusher, number, size) if is_rollup else RecordObject(pusher, number))
    try:
        data = await store.get(name, None)
    except NotFound:
        return None
    where = f"{store.address}/{name}"
    return (split_rollup(data, size, where) if is_rollup else [data]), where


def _check_record(
    data: bytes, where: str, archive: str, pusher: str, head: PusherHead
) -> CommitRecord:
    """Decodes a record and checks that it follows the end of its log. Does not read its links."""
    record = parse_record_only(data, where)
    if record.archive != archive:
        raise Invalid(f"{where}: belongs to archive {record.archive}, expected {archive}")
    if (record.pusher, record.number) != (pusher, head.next):
        found = f"found record {record.number} of {record.pusher}"
        raise Corrupt(f"{where}: expected record {head.next} of {pusher}, {found}")
    if record.previous != head.sha256:
        raise Corrupt(
            f"{where}: record {head.next} continues one with SHA-256 {str(record.previous)[:16]}…,"
            f" but the one before it has {str(head.sha256)[:16]}…"
        )
    return record
