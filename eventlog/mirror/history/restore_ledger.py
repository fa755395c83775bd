"""Restores a lost ledger for a folder that only reads: from the records of the bucket."""

from pathlib import Path

from eventlog.errors import Invalid
from eventlog.mirror.history.update_ledger import update_ledger
from eventlog.mirror.local.identity import read_archive_id, read_bucket_id
from eventlog.mirror.local.ledger import NO_PUSHER, Ledger, load_ledger, save_ledger
from eventlog.stores.store import Store


async def restore_ledger(root: Path, store: Store) -> None:
    """Saves a ledger with what the bucket has, unless there is one of this archive.

    Raises `Invalid` if the bucket belongs to another archive, `Corrupt` if its records are
    damaged, and what the store raises.
    """
    known, archive = load_ledger(root), read_archive_id(root)
    if archive is None or (known is not None and known.archive == archive):
        return
    theirs = await read_bucket_id(store)
    if theirs != archive:
        found = f"found {theirs}" if theirs else "there is none"
        raise Invalid(f"{store.address}: expected archive {archive}, {found}")
    save_ledger(root, await update_ledger(store, Ledger(store.address, archive, NO_PUSHER)))
