"""The records of all pushers, read once, checked as chains, and kept in a file meanwhile.

    state/mirror/records.ndjson   record | record | …

They are read twice: the chains must be complete before anything is written, and the manifests
of a large bucket do not fit into memory.
"""

from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog.errors import Corrupt
from eventlog.mirror.bucket.chain import Chains, extend_chains, incomplete_streams, link_facts
from eventlog.mirror.bucket.record import CommitRecord, encode_record, parse_record
from eventlog.mirror.history.read_log import find_pushers, read_log
from eventlog.mirror.local.ledger import Ledger, PusherHead, with_heads, with_pusher
from eventlog.stores.store import Store


@attrs.frozen
class Spool:
    """All records of a bucket."""

    path: Path
    ledger: Ledger
    """What they commit."""


async def spool_records(root: Path, store: Store, archive: str, pusher: str) -> Spool:
    """Reads all records. Raises `Corrupt` unless they form complete chains.

    `pusher`: that of this folder, for the ledger.
    """
    path = root / "state" / "mirror" / "records.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(store.address, archive, pusher)
    chains = Chains()
    with path.open("wb") as file:
        for name in await find_pushers(store):
            head = PusherHead()
            async for read in read_log(store, archive, name, head):
                facts = [link_facts(link, read.where) for link in read.record.links]
                extend_chains(chains, facts, read.where)
                file.write(encode_record(read.record))
                head = read.head
            ledger = with_pusher(ledger, name, head)
    for problem in incomplete_streams(chains):
        raise Corrupt(f"{store.address}: {problem}")
    return Spool(path, with_heads(ledger, chains.heads))


def spooled(spool: Spool) -> Iterator[CommitRecord]:
    """Yields the records, those of each pusher in order."""
    with spool.path.open("rb") as file:
        for line in file:
            yield parse_record(line, str(spool.path))
