"""The records of all pushers, read once, checked as chains, and kept in a file meanwhile.

    state/mirror/.records.ndjson.<process>-<number>.tmp   record | record | …

They are read several times: the chains must be complete before anything is written, and the
manifests of a large bucket do not fit into memory. Only the first time are they checked.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from eventlog.clock import now_us
from eventlog.files.publish import delete_interrupted, unique_temporary_path
from eventlog.mirror.bucket.record import CommitRecord, decode_record
from eventlog.mirror.history.read_log import ReadRecord
from eventlog.mirror.history.update_ledger import update_ledger
from eventlog.mirror.local.ledger import Ledger
from eventlog.stores.store import Store


@attrs.frozen
class Spool:
    """Records of a bucket, usually all."""

    path: Path
    ledger: Ledger
    """What they commit."""


@asynccontextmanager
async def spool_records(
    root: Path, store: Store, archive: str, pusher: str, known: Ledger | None = None
) -> AsyncGenerator[Spool, None]:
    """Reads all records, and deletes their file at the end of the `async with`.

    `known`: a ledger of this bucket and archive; then only the records are read that it lacks.
    `pusher`: that of this folder, for the ledger. The file has a name of its own, since a check
    may run beside a pull. Raises `Corrupt` unless the records form complete chains.
    """
    path = unique_temporary_path(root / "state" / "mirror" / "records.ndjson")
    path.parent.mkdir(parents=True, exist_ok=True)
    delete_interrupted(path.parent, now_us())
    known = known or Ledger(store.address, archive, pusher)
    try:
        with path.open("wb") as file:

            def keep(read: ReadRecord) -> None:
                file.write(read.data)

            ledger = await update_ledger(store, known, keep, hint=None)
        yield Spool(path, ledger)
    finally:
        path.unlink(missing_ok=True)


def spooled(spool: Spool) -> Iterator[CommitRecord]:
    """Yields the records, those of each pusher in order."""
    with spool.path.open("rb") as file:
        for line in file:
            yield decode_record(line, str(spool.path))
