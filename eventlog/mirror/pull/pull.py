"""Pulls everything that is committed in the bucket and not here.

    records, checked as chains ──> ledger ──> manifests, durable together ──> assets
                                                                           ──> sealed files

May be killed at any step: the next pull continues. At every instant each file in `log/` is
complete; a segment whose file has not arrived is absent.
"""

from itertools import islice
from pathlib import Path

import attrs
import msgspec

from eventlog.catalog.lookup import find_streams
from eventlog.errors import Invalid
from eventlog.files.absent.fetch import sealed_object
from eventlog.files.disk import full_disk_named
from eventlog.mirror.history.spool import Spool, spool_records, spooled
from eventlog.mirror.history.update_ledger import require_not_older
from eventlog.mirror.local.identity import read_archive_id, read_bucket_id, write_archive_id
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.local.ledger import Ledger, load_ledger, save_ledger, with_forked
from eventlog.mirror.local.pusher import Pusher
from eventlog.mirror.pull.files import (
    Fetched,
    absent_segments,
    fetch_files,
    wanted_assets,
    wants_file,
)
from eventlog.mirror.pull.manifests import WrittenManifests, write_manifests
from eventlog.progress import ReportProgress, no_progress
from eventlog.read.cursor import StreamKey
from eventlog.read.event_filter import EVERYTHING, Select
from eventlog.stores.store import Store

RECORDS_AT_ONCE = 16
"""Number of records whose files are fetched together."""


@attrs.frozen
class PullResult:
    """What a pull did, and what it could not do."""

    manifests: int
    """Manifests and losses that were not here before."""
    segments: int
    """Sealed files that were fetched."""
    assets: int
    size: int
    """Bytes of both."""
    left: int
    """Absent segments that were not selected: their files stay in the bucket."""
    missing: tuple[str, ...]
    """Objects that are committed and not in the bucket."""
    damaged: tuple[str, ...]
    """Objects with other bytes than those committed, each with the message."""
    conflicts: dict[StreamKey, str]
    """Streams of which this folder has other events; nothing of them was pulled."""

    @property
    def files(self) -> int:
        """Number of files that were fetched."""
        return self.segments + self.assets


async def pull(
    root: Path,
    store: Store,
    pusher: Pusher,
    *,
    select: Select | None = EVERYTHING,
    join: bool = False,
    transfers: int = 4,
    report: ReportProgress = no_progress,
) -> PullResult:
    """Pulls all manifests, and the files of the selected segments.

    `pusher`: of this folder, for its ledger. `select`: None for no file.

    Raises `Invalid` if the bucket has no archive or another one; `Locked` if a push is running;
    `Corrupt` if the records do not form chains, or are fewer than this folder knows;
    `LocalResource` if the disk is full, and then complete files stay; and what the store raises.
    """
    with full_disk_named(root), lock_mirror(root):
        archive = await common_archive(root, store, join=join)
        if read_archive_id(root) != archive:
            write_archive_id(root, archive)
        async with spool_records(root, store, archive, pusher.id) as spool:
            require_not_older(store, load_ledger(root), spool.ledger)
            _save(root, spool.ledger)  # first: so that what has not arrived is absent
            written = write_manifests(root, spool)
            if written.conflicts:
                _save(root, with_forked(spool.ledger, written.conflicts))
            fetched = Fetched(report=report, total=_count_wanted(root, spool, select))
            await _fetch_all(root, store, spool, select, transfers, fetched)
    return result_of_pull(written, fetched)


def result_of_pull(written: WrittenManifests, fetched: Fetched) -> PullResult:
    """Returns what was done with manifests and files together."""
    return PullResult(
        manifests=written.count,
        segments=fetched.segments,
        assets=fetched.assets,
        size=fetched.size,
        left=len(fetched.left),
        missing=tuple(sorted(fetched.missing)),
        damaged=tuple(sorted(fetched.damaged)),
        conflicts=written.conflicts,
    )


async def common_archive(root: Path, store: Store, *, join: bool) -> str:
    """Returns the id of the archive in a bucket, if a folder may take or has the same one.

    Raises `Invalid` otherwise. A folder without events takes that of the bucket.
    """
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
    return theirs


def _save(root: Path, ledger: Ledger) -> None:
    """Saves the ledger; keeps what only the ledger of this bucket knew: the last push."""
    known = load_ledger(root)
    if known and (known.address, known.archive) == (ledger.address, ledger.archive):
        ledger = msgspec.structs.replace(ledger, pushed_at=known.pushed_at)
    save_ledger(root, ledger)


def _count_wanted(root: Path, spool: Spool, select: Select | None) -> int:
    """Returns the number of files that are to be fetched."""
    return sum(
        sum(1 for _ in wanted_assets(root, record, select))
        + sum(wants_file(select, manifest) for manifest in absent_segments(root, record))
        for record in spooled(spool)
    )


async def _fetch_all(
    root: Path,
    store: Store,
    spool: Spool,
    select: Select | None,
    transfers: int,
    fetched: Fetched,
) -> None:
    """Fetches the files of some records at a time: assets before the segments that name them."""
    records = spooled(spool)
    while batch := list(islice(records, RECORDS_AT_ONCE)):
        assets = [file for record in batch for file in wanted_assets(root, record, select)]
        await fetch_files(root, store, assets, transfers, fetched)
        absent = [x for record in batch for x in absent_segments(root, record)]
        chosen = [sealed_object(x) for x in absent if wants_file(select, x)]
        fetched.left.update(x.segment for x in absent if not wants_file(select, x))
        await fetch_files(root, store, chosen, transfers, fetched)
