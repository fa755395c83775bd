"""Pushes to the bucket and says what was done: for `sync push` and `fetch run`."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import Retries, format_size, open_bucket
from cli.output.counts import count_of
from eventlog.errors import Corrupt, Partial
from eventlog.progress import ReportProgress, no_progress

if TYPE_CHECKING:
    from eventlog.mirror.local.pusher import Pusher
    from eventlog.mirror.plan.push_plan import StoppedStream
    from eventlog.mirror.push.push import PushResult


@attrs.frozen
class PushJob:
    """What is pushed where, and how."""

    root: Path
    mirror: MirrorSettings
    pusher: "Pusher"
    bytes_per_s: int | None = None
    transfers: int | None = None
    join: bool = False
    report: ReportProgress = no_progress


@attrs.frozen
class Pushed:
    """The result of a push."""

    result: "PushResult"
    address: str
    """Of the bucket."""
    requests: int


PushOnce = Callable[[], Awaitable[Pushed]]
"""Pushes everything that is sealed."""


@asynccontextmanager
async def opened_push(
    job: PushJob, retries: Retries | None = None
) -> AsyncGenerator[PushOnce, None]:
    """Opens the bucket for one push or many."""
    from eventlog.mirror.push.push import push

    requests: Counter[str] = Counter()
    transfers = job.transfers or job.mirror.transfers

    async def push_once() -> Pushed:
        requests.clear()
        result = await push(
            job.root, store, job.pusher, join=job.join, transfers=transfers, report=job.report
        )
        return Pushed(result, store.address, sum(requests.values()))

    async with open_bucket(job.root, job.mirror, requests, job.bytes_per_s, retries) as store:
        yield push_once


async def push_again(job: PushJob, say: Callable[[str], None]) -> int:
    """Puts again what the last check found missing. Returns how many objects stay missing."""
    import msgspec

    from eventlog.mirror.local.identity import read_archive_id
    from eventlog.mirror.local.journal import lock_mirror
    from eventlog.mirror.local.last_check import load_check, save_check
    from eventlog.mirror.push.again import put_again

    async with open_bucket(job.root, job.mirror, Counter(), job.bytes_per_s) as store:
        check = load_check(job.root, store.address, read_archive_id(job.root))
        if check is None or not check.missing:
            say("no check found anything missing: hindlog sync check")
            return 0
        with lock_mirror(job.root):
            width = job.transfers or job.mirror.transfers
            done = await put_again(job.root, store, check.missing, width)
    save_check(job.root, msgspec.structs.replace(check, missing=tuple(done.left)))
    say(f"put again {done.objects} objects, {format_size(done.size)}")
    for wanted, reason in done.left.items():
        say(f"still missing: {wanted.name}: {reason}")
    return len(done.left)


async def push_exports_too(job: PushJob, say: Callable[[str], None]) -> None:
    """Pushes the exports of an archive that was pushed before, and prints a line for each."""
    from eventlog.mirror.exports.push_exports import push_exports

    async with open_bucket(job.root, job.mirror, Counter(), job.bytes_per_s) as store:
        width = job.transfers or job.mirror.transfers
        exports = await push_exports(job.root, store, transfers=width)
    if not exports:
        say(f"no exports: hindlog export --to {job.root}/exports/NAME writes one")
    for export in exports:
        size = format_size(export.size)
        done = (
            f"pushed {count_of(export.files, 'file')}, {size}"
            if export.files
            else "is in the bucket"
        )
        say(f"export {export.name}: {done}")
        if export.deleted:
            say(f"export {export.name}: deleted {count_of(len(export.deleted), 'old version')}")
        if export.kept:
            kept = count_of(len(export.kept), "old version")
            say(f"export {export.name}: kept {kept}: no right to delete")


def export_lines(root: Path) -> list[str]:
    """Returns a line for each export that a push would compare with the bucket."""
    from eventlog.mirror.exports.local_exports import find_exports

    return [
        f"would push export {export.name}, {len(export.files) + 1} files,"
        f" {format_size(export.size)}, unless it is there"
        for export in find_exports(root)
    ]


def push_lines(pushed: Pushed, *, with_conflicts: bool = True) -> list[str]:
    """Returns what a push did, as lines for the user; conflicts only on request."""
    result = pushed.result
    shown = (stream for stream in result.stopped if with_conflicts or not stream.is_conflict)
    lines = stopped_lines(tuple(shown))
    if result.segments:
        size = format_size(result.size)
        segments = count_of(result.segments, "segment")
        done = f"pushed {segments}, {size}, in {count_of(pushed.requests, 'request')}"
        return [done, *lines]
    return (
        lines if result.stopped else [f"nothing to push: everything sealed is in {pushed.address}"]
    )


def stopped_lines(stopped: "tuple[StoppedStream, ...]") -> list[str]:
    """Returns a line for each stream that a push leaves out."""
    return [f"left out: {', '.join(stream.key)}: {stream.reason}" for stream in stopped]


def raise_for_stopped(result: "PushResult") -> None:
    """Raises `Corrupt` after a conflict, `Partial` if a damaged stream was left out."""
    streams = ", ".join("/".join(stream.key) for stream in result.stopped)
    if result.has_conflict:
        reasons = [stream.reason for stream in result.stopped if stream.is_conflict]
        raise Corrupt("\n".join(reasons), "stop one of the two folders; nothing was replaced")
    if result.stopped:
        raise Partial(f"streams were left out: {streams}", "hindlog verify")
