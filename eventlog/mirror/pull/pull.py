"""Pulls everything that is committed in the bucket and not here.

    records, checked as chains ──> ledger ──> manifests, durable together ──> assets
                                                                           ──> sealed files

May be killed at any step: the next pull continues. At every instant each file in `log/` is
complete; a segment whose file has not arrived is absent.
"""

from pathlib import Path

import attrs
import msgspec

from eventlog.catalog.lookup import find_streams
from eventlog.errors import Invalid
from eventlog.mirror.bucket.record import CommitRecord
from eventlog.mirror.history.spool import Spool, spool_records, spooled
from eventlog.mirror.local.identity import read_archive_id, read_bucket_id, write_archive_id
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.local.ledger import Ledger, load_ledger, save_ledger, with_forked
from eventlog.mirror.local.pusher import Pusher
from eventlog.mirror.pull.files import Fetched, fetch_files, wanted_assets, wanted_segments
from eventlog.mirror.pull.manifests import write_manifests
from eventlog.read.cursor import StreamKey
from eventlog.stores.store import Store

RECORDS_AT_ONCE = 16
"""Number of records whose files are fetched together."""


@attrs.frozen
class PullResult:
    """What a pull did, and what it could not do."""

    manifests: int
    """Manifests and losses that were not here before."""
    files: int
    """Sealed files and assets that were fetched."""
    size: int
    """Their bytes."""
    missing: tuple[str, ...]
    """Objects that are committed and not in the bucket."""
    damaged: tuple[str, ...]
    """Objects with other bytes than those committed, each with the message."""
    conflicts: dict[StreamKey, str]
    """Streams of which this folder has other events; nothing of them was pulled."""


async def pull(
    root: Path, store: Store, pusher: Pusher, *, join: bool = False, transfers: int = 4
) -> PullResult:
    """Pulls everything. `pusher`: of this folder, for its ledger.

    Raises `Invalid` if the bucket has no archive or another one; `Locked` if a push is running;
    `Corrupt` if the records do not form chains; `LocalResource` if the disk is full, and then
    complete files stay; and what the store raises.
    """
    with lock_mirror(root):
        archive = await _shared_id(root, store, join)
        spool = await spool_records(root, store, archive, pusher.id)
        try:
            _save(root, spool.ledger)  # first: so that what has not arrived is absent
            written = write_manifests(root, spool)
            if written.conflicts:
                _save(root, with_forked(spool.ledger, written.conflicts))
            fetched = await _fetch_all(root, store, spool, transfers)
        finally:
            spool.path.unlink(missing_ok=True)
    return PullResult(
        manifests=written.count,
        files=fetched.files,
        size=fetched.size,
        missing=tuple(sorted(fetched.missing)),
        damaged=tuple(sorted(fetched.damaged)),
        conflicts=written.conflicts,
    )


async def _shared_id(root: Path, store: Store, join: bool) -> str:
    """Returns the id of bucket and folder. A folder without events takes that of the bucket."""
    theirs, ours = await read_bucket_id(store), read_archive_id(root)
    if theirs is None:
        raise Invalid(f"{store.address}: no archive there", "hindlog sync push creates one")
    if theirs == ours:
        return theirs
    if not join and (ours is not None or find_streams(root)):
        raise Invalid(
            f"{store.address}: this bucket belongs to archive {theirs},"
            f" this folder to {ours or 'none yet'}",
            "join them on purpose: hindlog sync pull --join",
        )
    write_archive_id(root, theirs)
    return theirs


def _save(root: Path, ledger: Ledger) -> None:
    """Saves the ledger; keeps what only the ledger of this bucket knew: the last push."""
    known = load_ledger(root)
    if known and (known.address, known.archive) == (ledger.address, ledger.archive):
        ledger = msgspec.structs.replace(ledger, pushed_at=known.pushed_at)
    save_ledger(root, ledger)


async def _fetch_all(root: Path, store: Store, spool: Spool, transfers: int) -> Fetched:
    fetched = Fetched()
    records: list[CommitRecord] = []
    for record in spooled(spool):
        records.append(record)
        if len(records) == RECORDS_AT_ONCE:
            await _fetch_records(root, store, records, transfers, fetched)
            records = []
    await _fetch_records(root, store, records, transfers, fetched)
    return fetched


async def _fetch_records(
    root: Path, store: Store, records: list[CommitRecord], transfers: int, fetched: Fetched
) -> None:
    """Fetches the files of some records: assets before the segments that name them."""
    for wanted in (wanted_assets, wanted_segments):
        files = [file for record in records for file in wanted(root, record)]
        await fetch_files(root, store, files, transfers, fetched)
