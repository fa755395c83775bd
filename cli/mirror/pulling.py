"""Pulls from the bucket and says what was done: for `sync pull` and `init --from`."""

import asyncio
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import Retries, check_server, format_size, open_bucket
from cli.options.global_options import print_message
from cli.output.counts import count_of
from cli.output.progress.display import progress
from eventlog.errors import Corrupt, Invalid, Partial
from eventlog.progress import ReportProgress

if TYPE_CHECKING:
    from eventlog.mirror.pull.pull import PullResult
    from eventlog.read.event_filter import Select

FIRST_S = 30.0
"""How long a bucket is tried that was never reached: its address may be wrong."""
SHOWN = 10
"""Number of objects or streams that are listed."""


def pull_from_bucket(
    root: Path,
    mirror: MirrorSettings,
    *,
    bytes_per_s: int | None = None,
    transfers: int | None = None,
    join: bool = False,
    select: "Select | None" = None,
    with_files: bool = True,
    dry_run: bool = False,
) -> None:
    """Pulls what is committed, and prints one line about it.

    All manifests are pulled; `select` limits the files, and without `with_files` there are none.

    Raises `Corrupt` if the bucket has other bytes than were committed, or the folder other
    events; `Partial` if objects are missing in the bucket.
    """
    from eventlog.clock import now_us
    from eventlog.read.event_filter import EVERYTHING

    chosen = (select or EVERYTHING) if with_files else None
    settings = attrs.evolve(mirror, transfers=transfers or mirror.transfers)
    with progress(now_us) as show:
        result = asyncio.run(_pull(root, settings, bytes_per_s, join, chosen, dry_run, show))
    print_message(f"{'would pull' if dry_run else 'pulled'} {_text_of(result, chosen)}")
    _raise_for(result)
    if select is not None and not dry_run:
        _require_sources(root, select.sources)


def _require_sources(root: Path, sources: Collection[str]) -> None:
    """Raises `Invalid` for a source of which the mirror has no manifest, a misspelled one."""
    from eventlog.files.listing import list_sources

    known = list_sources(root)
    for name in sorted(set(sources) - set(known)):
        what = f"--source {name}: expected one of {', '.join(known)}"
        raise Invalid(what, "hindlog segment list")


def _text_of(result: "PullResult", select: "Select | None") -> str:
    """Returns what was pulled as a line."""
    from cli.options.times import format_time

    counts = [count_of(result.manifests, "manifest"), count_of(result.segments, "segment")]
    counts += [count_of(result.assets, "asset")] if result.assets else []
    text = ", ".join([*counts, format_size(result.size)])
    if not result.left:
        return text
    rest = count_of(result.left, "segment")
    if select is not None and select.since and not (select.until or select.sources):
        rest += f" before {format_time(select.since)}"
    return f"{text}; only in the mirror, and fetched when read: {rest}"


def require_archive(root: Path, mirror: MirrorSettings) -> None:
    """Raises `Invalid` unless there is an archive in the bucket; other errors if it is away."""
    check_server(root, mirror)
    try:
        asyncio.run(_require_archive(root, mirror))
    except Invalid as error:
        raise Invalid(
            error.what, "expected the mirror.url of an archive that was pushed"
        ) from error


async def _require_archive(root: Path, mirror: MirrorSettings) -> None:
    from eventlog.mirror.local.identity import read_bucket_id

    async with open_bucket(root, mirror, Counter(), retries=Retries(FIRST_S)) as store:
        if await read_bucket_id(store) is None:
            raise Invalid(f"{store.address}: no archive there")


async def _pull(
    root: Path,
    mirror: MirrorSettings,
    bytes_per_s: int | None,
    join: bool,
    select: "Select | None",
    dry_run: bool,
    report: ReportProgress,
) -> "PullResult":
    from eventlog.mirror.local.pusher import local_pusher
    from eventlog.mirror.pull.dry_run import plan_pull
    from eventlog.mirror.pull.pull import pull

    requests: Counter[str] = Counter()
    async with open_bucket(root, mirror, requests, bytes_per_s) as store:
        if dry_run:
            return await plan_pull(root, store, select=select, join=join)
        return await pull(
            root,
            store,
            local_pusher(root),
            select=select,
            join=join,
            transfers=mirror.transfers,
            report=report,
        )


def _raise_for(result: "PullResult") -> None:
    wrong = [*(f"left out: {text}" for text in result.conflicts.values()), *result.damaged]
    if wrong:
        _list(wrong)
        summary = f"{len(wrong)} streams or objects differ from what was committed"
        raise Corrupt(summary, "nothing was replaced; the lines above name them")
    if result.missing:
        _list([f"missing in the bucket: {name}" for name in result.missing])
        summary = f"{len(result.missing)} objects are missing in the bucket"
        raise Partial(summary, "push again from an archive that has them")


def _list(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        print_message(line)
    if len(lines) > SHOWN:
        print_message(f"and {len(lines) - SHOWN} more")
