"""Commits a record under the next number of a pusher, and writes the roll-ups that are due.

A number is taken once. If another record has it, the pusher is used by another folder, and
stops: it is fenced.
"""

from pathlib import Path

import msgspec

from eventlog.errors import Corrupt, NotFound
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.chain import Chains, extend_chains
from eventlog.mirror.bucket.names import RecordObject, RollUpObject
from eventlog.mirror.bucket.record import CommitRecord, encode_record
from eventlog.mirror.bucket.rollup import RollUp, join_records, rollups_due, split_rollup
from eventlog.mirror.history.read_log import read_log
from eventlog.mirror.history.update_ledger import require_ours, rolled_back
from eventlog.mirror.local.ledger import Ledger, save_ledger, with_heads, with_pusher, with_record
from eventlog.stores.store import Conflict, Store
from eventlog.stores.transfer import upload_of_bytes

MAX_ROLLUP_BYTES = 64 * 1024 * 1024
"""Largest size of a roll-up that consists of others."""


async def put_record(
    root: Path, host: str, store: Store, ledger: Ledger, record: CommitRecord
) -> Ledger:
    """Puts a record under the next number. Returns the ledger with it.

    Raises `Locked` if the number was taken by another folder.
    """
    name = str(RecordObject(record.pusher, record.number))
    try:
        await store.put_new(name, upload_of_bytes(encode_record(record)))
    except Conflict:
        ledger = await adopt_records(root, host, store, ledger)
        if ledger.own.next == record.number:
            raise
        return ledger
    ledger = with_record(ledger, record, f"{store.address}/{name}")
    save_ledger(root, ledger)
    return ledger


async def adopt_records(root: Path, host: str, store: Store, ledger: Ledger) -> Ledger:
    """Returns the ledger with the records of our own pusher that it does not know yet.

    They are ours if this folder contains every manifest that they name: then an earlier process
    put them. One request if there are none. Raises `Locked` if one is not ours.
    """
    chains = Chains(ledger.heads)
    head = ledger.own
    async for read in read_log(store, ledger.archive, ledger.pusher, head):
        require_ours(root, host, read)
        extend_chains(chains, read.facts, read.where)
        head = read.head
    if head == ledger.own:
        return ledger
    ledger = with_heads(with_pusher(ledger, ledger.pusher, head), chains.heads)
    save_ledger(root, ledger)
    return ledger


async def check_last_record(store: Store, ledger: Ledger) -> None:
    """Raises `Corrupt` unless the last record that we know is still in the bucket."""
    if not ledger.own.next:
        return
    number = ledger.own.next - 1
    try:
        data = await store.get(str(RecordObject(ledger.pusher, number)), None)
    except NotFound as error:
        raise rolled_back(store, ledger.pusher, number) from error
    if digest(data) != ledger.own.sha256:
        raise rolled_back(store, ledger.pusher, number)


async def put_rollups(root: Path, store: Store, ledger: Ledger) -> Ledger:
    """Writes the roll-ups that are due. Returns the ledger that knows of them."""
    head = ledger.own
    for rollup in rollups_due(head.rolled, head.next):
        await _put_rollup(store, ledger.pusher, rollup)
        head = msgspec.structs.replace(head, rolled=rollup.end)
    if head != ledger.own:
        ledger = with_pusher(ledger, ledger.pusher, head)
        save_ledger(root, ledger)
    return ledger


async def _put_rollup(store: Store, pusher: str, rollup: RollUp) -> None:
    """Puts a roll-up, unless it is there or would be too large."""
    consists_of_others = rollup.size > 64
    if consists_of_others:
        names = [str(RollUpObject(pusher, n, 64)) for n in range(rollup.first, rollup.end, 64)]
    else:
        names = [str(RecordObject(pusher, n)) for n in range(rollup.first, rollup.end)]
    try:
        pieces = [await store.get(name, None) for name in names]
    except NotFound:
        return  # a smaller roll-up is missing: readers use the records
    data = b"".join(pieces) if consists_of_others else join_records(pieces)
    if data is None or len(data) > MAX_ROLLUP_BYTES:
        return
    name = str(RollUpObject(pusher, rollup.first, rollup.size))
    try:
        await store.put_new(name, upload_of_bytes(data))
    except Conflict:  # another version of zstd: equal if its content is
        where = f"{store.address}/{name}"
        there = split_rollup(await store.get(name, None), rollup.size, where)
        if there != split_rollup(data, rollup.size, where):
            raise Corrupt(
                f"{where}: other records than {rollup.first} to {rollup.end - 1}"
            ) from None
