"""Brings a ledger up to date: reads the records of all pushers that it does not know yet."""

from collections.abc import Callable
from pathlib import Path

from eventlog.errors import Corrupt, Locked
from eventlog.format.paths import LOSS, MANIFEST
from eventlog.mirror.bucket.chain import Chains, extend_chains, incomplete_streams
from eventlog.mirror.bucket.names import RecordObject, SegmentObject
from eventlog.mirror.bucket.record import LOST_LINK, Link, read_link
from eventlog.mirror.history.read_log import ReadRecord, find_pushers, read_log
from eventlog.mirror.local.ledger import Ledger, PusherHead, with_heads, with_pusher
from eventlog.stores.store import Store

Visit = Callable[[ReadRecord], None]
"""Called with each record before it counts; may raise."""


def ignore_record(_read: ReadRecord) -> None:
    """Does nothing."""


async def update_ledger(
    store: Store,
    ledger: Ledger,
    visit: Visit = ignore_record,
    hint: str | None = "hindlog sync check",
) -> Ledger:
    """Returns the ledger with all records that are in the bucket now.

    One listing, and one request per pusher that has nothing new. Raises `Corrupt` if records are
    damaged, contradict each other, or are fewer than the ledger knows. `hint`: the next command
    if a chain is incomplete.
    """
    pushers = await find_pushers(store)
    for pusher in sorted(ledger.pushers.keys() - set(pushers)):
        raise rolled_back(store, pusher, ledger.pushers[pusher].next - 1)
    chains = Chains(ledger.heads)
    for pusher in pushers:
        head = ledger.pushers.get(pusher, PusherHead())
        async for read in read_log(store, ledger.archive, pusher, head):
            visit(read)
            where = f"{read.where}, put by {read.record.host} at {read.record.at}"
            extend_chains(chains, read.facts, where)
            head = read.head
        ledger = with_pusher(ledger, pusher, head)
    for problem in incomplete_streams(chains):
        raise Corrupt(f"{store.address}: {problem}", hint)
    return with_heads(ledger, chains.heads)


def require_not_older(store: Store, known: Ledger | None, present: Ledger) -> bool:
    """Raises `Corrupt` if the bucket has fewer records than this folder knows, or others.

    `known`: the ledger of the folder; `present`: what the bucket contains now. Returns whether the
    folder knows any record.
    """
    if known is None or (known.address, known.archive) != (present.address, present.archive):
        return False
    for pusher, head in known.pushers.items():
        there = present.pushers.get(pusher)
        if there is None or there.next < head.next:
            raise rolled_back(store, pusher, head.next - 1)
        if there.next == head.next and there.sha256 != head.sha256:
            raise rolled_back(store, pusher, head.next - 1)
    return True


def rolled_back(store: Store, pusher: str, number: int) -> Corrupt:
    """Returns the error for a record that was committed and is not in the bucket any more."""
    return Corrupt(
        f"{store.address}/{RecordObject(pusher, number)}: rolled back: this record was committed,"
        " and is missing now or has other bytes",
        "find out who changed the bucket; the log here is complete",
    )


def link_object(link: Link) -> SegmentObject:
    """Returns the object with the manifest or the loss of a link."""
    name = read_link(link, "a link").name
    return SegmentObject(name, LOSS if link.kind == LOST_LINK else MANIFEST)


def foreign_link(root: Path, read: ReadRecord) -> SegmentObject | None:
    """Returns the first file of a record that this folder does not contain; None if it has all.

    Thereby a pusher that lost its ledger recognizes its own records.
    """
    for link in read.record.links:
        name = link_object(link)
        try:
            is_ours = (root / str(name)).read_bytes() == link.file.encode()
        except FileNotFoundError:
            is_ours = False
        if not is_ours:
            return name
    return None


def require_ours(root: Path, host: str, read: ReadRecord) -> None:
    """Raises `Locked` if a record of our pusher was put by another folder.

    `host`: host and folder of this archive.
    """
    foreign = foreign_link(root, read)
    if foreign is not None:
        record = read.record
        raise Locked(
            f"fenced: record {record.number} of pusher {record.pusher} is not ours:"
            f" {record.host} put it at {record.at},"
            f" and it names {foreign}, which {host} does not contain",
            "if this folder is a copy, give it a pusher of its own: hindlog sync push --as-new",
        )
