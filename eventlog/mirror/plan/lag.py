"""How far the mirror is behind the log, as far as this folder knows. No request."""

from pathlib import Path

import attrs

from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.last_check import LastCheck, load_check
from eventlog.mirror.local.ledger import Ledger, load_ledger
from eventlog.mirror.plan.push_plan import StoppedStream, forked_streams
from eventlog.mirror.plan.unpushed import find_unpushed


@attrs.frozen
class MirrorLag:
    """What is sealed and not committed."""

    segments: int
    sizes: tuple[int, ...]
    """Bytes of the sealed file of each; 0 for the record of a loss."""
    oldest_us: int | None
    """Instant of the first event that is not in the mirror; None if all sealed ones are."""
    stopped: tuple[StoppedStream, ...]
    """Streams that a push leaves out."""
    pushed_at: str | None
    """When the last push ended that left nothing behind; None if none is known."""
    check: LastCheck | None
    """The last check of the bucket; None if none is known."""

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(self.sizes)


def bucket_ledger(root: Path, address: str) -> Ledger | None:
    """Returns the ledger of an archive if it is that of this bucket."""
    ledger = load_ledger(root)
    if ledger and (ledger.address, ledger.archive) != (address, read_archive_id(root)):
        return None
    return ledger


def mirror_lag(root: Path, address: str) -> MirrorLag:
    """Returns what the next push to a bucket would do. `address`: of the bucket.

    Without a ledger for this bucket everything counts as not committed.
    """
    ledger = bucket_ledger(root, address)
    plan = find_unpushed(root, ledger.heads if ledger else {})
    return MirrorLag(
        segments=len(plan.links),
        sizes=tuple(link.zst_bytes for link in plan.links),
        oldest_us=min((link.first_us for link in plan.links), default=None),
        stopped=(*plan.stopped, *forked_streams(ledger.forked if ledger else {})),
        pushed_at=ledger.pushed_at if ledger else None,
        check=load_check(root, address, read_archive_id(root)),
    )
