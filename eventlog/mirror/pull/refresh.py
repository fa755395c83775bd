"""Brings the manifests of a folder that only reads up to date, with few requests.

    not complete here ──> pull without files           complete ──> records that the ledger lacks

`state/mirror/complete` exists if all manifests that the ledger knows are here. It is deleted before
the ledger is saved, and created again when the manifests are durable: whenever a process is killed,
the next one continues or begins anew.
"""

from collections.abc import Iterable
from pathlib import Path

from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, full_disk_named, make_dirs
from eventlog.files.stream_lock import hold_lock
from eventlog.mirror.history.spool import spool_records
from eventlog.mirror.local.ledger import NO_PUSHER, Ledger, load_ledger, save_ledger
from eventlog.mirror.local.pusher import Pusher
from eventlog.mirror.pull.manifests import write_manifests
from eventlog.mirror.pull.pull import pull
from eventlog.stores.store import Store

READER = Pusher(NO_PUSHER, "", frozenset())
"""A folder that only reads has no pusher."""


async def refresh_manifests(root: Path, store: Store) -> int:
    """Writes the manifests that are committed in a bucket and not here. Returns how many.

    Nothing new: one listing, and one request per pusher. Processes that do this at once wait for
    each other. Raises like `pull`.
    """
    folder = root / "state" / "mirror"
    make_dirs(REAL, folder)
    with full_disk_named(root), hold_lock(folder / ".refresh.lock"):
        complete = folder / "complete"
        ledger = load_ledger(root)
        if not complete.exists() or ledger is None or ledger.address != store.address:
            complete.unlink(missing_ok=True)
            result = await pull(root, store, READER, select=None)
            _require_no_conflicts(result.conflicts.values())
            complete.touch()
            return result.manifests
        return await _add_new(root, store, ledger, complete)


async def _add_new(root: Path, store: Store, ledger: Ledger, complete: Path) -> int:
    async with spool_records(root, store, ledger.archive, NO_PUSHER, ledger) as spool:
        if spool.ledger == ledger:
            return 0
        complete.unlink()
        save_ledger(root, spool.ledger)  # first: so that what has not arrived is absent
        written = write_manifests(root, spool)
        _require_no_conflicts(written.conflicts.values())
    complete.touch()
    return written.count


def _require_no_conflicts(conflicts: Iterable[str]) -> None:
    """Raises `Corrupt` if the folder has other events than the bucket."""
    for text in conflicts:
        raise Corrupt(text, "hindlog sync check, or delete this copy: it is made again")
