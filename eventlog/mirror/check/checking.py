"""Carries out a check of a bucket: records and chains, a listing, on request the bytes.

records, as chains ──> the objects they name ─┐
                                a listing ────┴─> merged ──> HEAD ──> GET of a share
"""

import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import attrs

from eventlog.errors import Invalid, Locked, NotFound
from eventlog.format.manifest import digest
from eventlog.mirror.check.choice import ReadSample, ReadShare, choose_since
from eventlog.mirror.check.compare import (
    Committed,
    ComparedObject,
    ExpectedObject,
    Finding,
    compare_listing,
    difference_of,
)
from eventlog.mirror.check.expected import count_expected, expected_objects
from eventlog.mirror.check.in_flight import complete_segments, settle_in_flight
from eventlog.mirror.history.spool import Spool, spool_records
from eventlog.mirror.history.update_ledger import require_not_older
from eventlog.mirror.local.identity import read_archive_id, read_bucket_id
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.local.ledger import NO_PUSHER, Ledger, load_ledger, save_ledger
from eventlog.progress import ReportProgress, no_progress
from eventlog.stores.store import Download, Store
from eventlog.stores.transfer import gather_limited, read_difference

AT_ONCE = 64
"""Number of objects that are compared before the next ones are listed."""


@attrs.frozen
class CheckRequest:
    """What a check does beyond comparing a listing."""

    heads: bool = False
    """Whether each object is asked for its SHA-256."""
    read: ReadShare | ReadSample | None = None
    """Which objects are read completely; None: none."""
    since: int | None = None
    """Of these, only what was written from this instant on; None: all of them."""
    transfers: int = 4


@attrs.frozen
class CheckResult:
    """What a check found."""

    archive: str
    committed: int
    """Objects that records name, and the records."""
    read: int
    """Objects that were read completely."""
    findings: tuple[ComparedObject, ...]
    """Everything that is not as committed."""
    is_known: bool
    """Whether this folder knew the bucket: only then it notices that the last record is gone."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing but objects in flight was found."""
        return all(item.finding is Finding.IN_FLIGHT for item in self.findings)

    @property
    def uncommitted(self) -> int:
        """Number of segments that are complete in the bucket and in no record."""
        return len(complete_segments(self.findings))

    @property
    def missing(self) -> list[ExpectedObject]:
        """The objects that are committed and not in the bucket."""
        found = [item.expected for item in self.findings if item.finding is Finding.MISSING]
        return [item for item in found if item is not None]


async def check_bucket(
    root: Path, store: Store, request: CheckRequest, report: ReportProgress = no_progress
) -> CheckResult:
    """Checks a bucket. Changes nothing in it. A folder without a ledger gets one.

    Raises `Invalid` if the bucket has no archive, or another one than this folder; `Corrupt` if
    records are damaged, do not form chains, or are fewer than this folder knows.
    """
    archive = await read_bucket_id(store)
    ours = read_archive_id(root)
    if archive is None or (ours is not None and ours != archive):
        what = f"{store.address}: belongs to archive {archive or 'none'}, this folder to {ours}"
        raise Invalid(what, "hindlog config show: mirror.url")
    async with spool_records(root, store, archive, NO_PUSHER) as spool:
        is_known = require_not_older(store, load_ledger(root), spool.ledger)
        result = await _compare(spool, store, request, is_known, report)
    if ours == archive:
        _remember(root, spool.ledger)
    return result


def _remember(root: Path, ledger: Ledger) -> None:
    """Saves a ledger, so that the next check knows these records, if there is none."""
    with suppress(Locked), lock_mirror(root):  # whoever pushes saves a better one
        if load_ledger(root) is None:
            save_ledger(root, ledger)


async def _compare(
    spool: Spool, store: Store, request: CheckRequest, is_known: bool, report: ReportProgress
) -> CheckResult:
    committed = Committed(spool.ledger.heads, spool.ledger.pushers)
    findings: list[ComparedObject] = []
    intact: list[ExpectedObject] = []
    count = read = 0
    with (
        expected_objects(spool) as expected,
        tempfile.TemporaryDirectory(dir=spool.path.parent) as scratch,
    ):
        total = count_expected(spool) if report is not no_progress else None
        is_read = _read_test(request, spool)
        look = _looker(store, request.heads, is_read, Path(scratch))
        async for item in compare_listing(expected, store.list_after("", ""), committed):
            count += item.expected is not None
            if item.finding is not None:
                findings.append(item)
            elif item.expected is not None:
                intact.append(item.expected)
            if len(intact) == AT_ONCE:
                read += await _look_at(intact, look, request.transfers, findings)
                intact = []
                report("objects of the bucket checked", count, total)
        read += await _look_at(intact, look, request.transfers, findings)
        report("objects of the bucket checked", count, total)
    settled = settle_in_flight(findings)
    return CheckResult(spool.ledger.archive, count, read, settled, is_known)


Look = Callable[[ExpectedObject], Awaitable[tuple[ComparedObject | None, bool]]]
"""Looks at an object more closely. Returns what is wrong, and whether it was read completely."""


async def _look_at(
    objects: list[ExpectedObject], look: Look, transfers: int, findings: list[ComparedObject]
) -> int:
    """Looks at objects; adds what is wrong. Returns how many were read completely."""
    results = await gather_limited(objects, look, transfers)
    findings += [item for item, _ in results if item is not None]
    return sum(was_read for _, was_read in results)


def _read_test(request: CheckRequest, spool: Spool) -> Callable[[str], bool]:
    """Returns whether the object of a name is read completely."""
    read = request.read
    if read is None:
        return lambda _name: False
    is_chosen = choose_since(spool, request.since)
    return lambda name: read.contains(name) and is_chosen(name)


def _looker(store: Store, heads: bool, is_chosen: Callable[[str], bool], scratch: Path) -> Look:
    async def look(wanted: ExpectedObject) -> tuple[ComparedObject | None, bool]:
        problem: str | None = None
        is_read = is_chosen(wanted.name)
        if not heads and not is_read:
            return None, False
        try:
            if heads:
                problem = await _head_problem(store, wanted)
            if is_read and problem is None:
                problem = await _read_problem(store, wanted, scratch)
        except NotFound:
            return ComparedObject(wanted.name, Finding.MISSING, wanted), is_read
        if problem is None:
            return None, is_read
        return ComparedObject(wanted.name, Finding.DIFFERENT, wanted, problem), is_read

    return look


async def _head_problem(store: Store, wanted: ExpectedObject) -> str | None:
    stored = await store.head(wanted.name)
    if stored is None:
        raise NotFound(wanted.name)
    return difference_of(wanted, stored)


async def _read_problem(store: Store, wanted: ExpectedObject, scratch: Path) -> str | None:
    path = scratch / digest(wanted.name.encode())
    return await read_difference(store, wanted.name, Download(path, wanted.size, wanted.sha256))
