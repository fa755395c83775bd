"""Frees sealed files that the mirror has: each is confirmed just before it is deleted.

    records, brought up to date ──> old committed files ──> confirmed one by one ──> deleted

Manifests, losses, assets and open segments stay. What is deleted is absent: readers fetch it.
May be killed at any time: every file is here, or confirmed in the mirror.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import attrs

from eventlog.errors import Invalid
from eventlog.files.disk import REAL
from eventlog.files.listing import read_manifest
from eventlog.format.manifest import digest
from eventlog.format.paths import sealed_path
from eventlog.mirror.history.update_ledger import update_ledger
from eventlog.mirror.local.findings import load_findings
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.local.ledger import save_ledger
from eventlog.mirror.plan.lag import bucket_ledger
from eventlog.mirror.probe.probing import ETAGS
from eventlog.mirror.prune.choose import PruneChoice, choose_files
from eventlog.mirror.prune.confirm import etag_problem, file_digests, local_problem, read_problem
from eventlog.mirror.push.commit import check_last_record
from eventlog.progress import ReportProgress, no_progress
from eventlog.stores.store import Store
from eventlog.stores.transfer import gather_limited

Confirm = Callable[[PruneChoice], Awaitable[str | None]]
"""Returns why the mirror is not confirmed to have a file; None if it is."""


@attrs.define
class PruneResult:
    """What was freed, and what was not."""

    freed: int = 0
    size: int = 0
    """Bytes of the files that were freed."""
    uncommitted: int = 0
    """Old segments that are not in the mirror as far as its records say."""
    problems: list[str] = attrs.field(factory=list)
    """Files that could not be confirmed, each with the reason."""


def require_etags(root: Path, address: str) -> None:
    """Raises `Invalid` unless a probe showed that the ETags of a bucket are MD5 of the bytes."""
    findings = load_findings(root, address)
    if findings is None or findings.verdicts.get(ETAGS) != "OK":
        raise Invalid(
            f"{address}: not known whether its ETags show that bytes are right",
            "hindlog doctor --online finds out, for a bucket; or read each file: --read",
        )


async def prune(
    root: Path,
    store: Store,
    before: int,
    *,
    read: bool = False,
    transfers: int = 4,
    report: ReportProgress = no_progress,
) -> PruneResult:
    """Deletes the sealed files before an instant that the mirror is confirmed to have.

    `read`: confirm by reading the objects, not by their ETags. Raises `Invalid` if nothing was
    pushed from here or the ETags are not known to show the bytes; `Locked` if a push is running;
    `Corrupt` if records are missing in the bucket; and what the store raises.
    """
    if not read:
        require_etags(root, store.address)
    with lock_mirror(root):
        ledger = bucket_ledger(root, store.address)
        if ledger is None:
            raise Invalid(
                f"{store.address}: this folder has no record of a push to it", "hindlog sync push"
            )
        await check_last_record(store, ledger)
        ledger = await update_ledger(store, ledger)
        save_ledger(root, ledger)
        plan = await asyncio.to_thread(choose_files, root, ledger, before)
        result = PruneResult(uncommitted=plan.uncommitted)
        with tempfile.TemporaryDirectory(dir=root / "state" / "mirror") as scratch:
            confirm = _confirmer(root, store, Path(scratch) if read else None)
            await _free_all(root, plan.chosen, confirm, transfers, result, report)
    return result


async def _free_all(
    root: Path,
    chosen: Sequence[PruneChoice],
    confirm: Confirm,
    transfers: int,
    result: PruneResult,
    report: ReportProgress,
) -> None:
    async def free(choice: PruneChoice) -> None:
        problem = await confirm(choice)
        if problem is None:
            REAL.unlink(sealed_path(root, choice.name))
            result.freed += 1
            result.size += choice.size
        else:
            result.problems.append(problem)
        report("segments confirmed", result.freed + len(result.problems), len(chosen))

    await gather_limited(chosen, free, transfers)


def _confirmer(root: Path, store: Store, scratch: Path | None) -> Confirm:
    """Returns the function that says why a file is not confirmed. `scratch`: to read objects."""

    async def confirm(choice: PruneChoice) -> str | None:
        path = sealed_path(root, choice.name)
        name = path.relative_to(root).as_posix()
        ours = await asyncio.to_thread(file_digests, path)
        problem = local_problem(ours, read_manifest(root, choice.name))
        if problem is None and scratch is None:
            problem = await etag_problem(store, name, ours)
        elif problem is None and scratch is not None:
            target = scratch / digest(name.encode())
            problem = await read_problem(store, name, ours, target)
        return problem

    return confirm
