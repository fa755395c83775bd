"""Pulls from the bucket and says what was done: for `sync pull` and `init --from`."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import format_size, open_bucket
from cli.options.global_options import print_message
from eventlog.errors import Corrupt, Invalid, Partial

if TYPE_CHECKING:
    from eventlog.mirror.pull.pull import PullResult

SHOWN = 10
"""Number of objects or streams that are listed."""


def pull_from_bucket(
    root: Path,
    mirror: MirrorSettings,
    *,
    bytes_per_s: int | None = None,
    transfers: int | None = None,
    join: bool = False,
) -> None:
    """Pulls everything that is committed, and prints one line about it.

    Raises `Corrupt` if the bucket has other bytes than were committed, or the folder other
    events; `Partial` if objects are missing in the bucket.
    """
    result = asyncio.run(_pull(root, mirror, bytes_per_s, transfers or mirror.transfers, join))
    size = format_size(result.size)
    print_message(f"pulled {result.manifests} manifests and {result.files} files, {size}")
    _raise_for(result)


def require_archive(root: Path, mirror: MirrorSettings) -> None:
    """Raises `Invalid` unless there is an archive in the bucket; other errors if it is away."""
    try:
        asyncio.run(_require_archive(root, mirror))
    except Invalid as error:
        raise Invalid(
            error.what, "expected the mirror.url of an archive that was pushed"
        ) from error


async def _require_archive(root: Path, mirror: MirrorSettings) -> None:
    from eventlog.mirror.local.identity import read_bucket_id

    async with open_bucket(root, mirror, Counter()) as store:
        if await read_bucket_id(store) is None:
            raise Invalid(f"{store.address}: no archive there")


async def _pull(
    root: Path, mirror: MirrorSettings, bytes_per_s: int | None, transfers: int, join: bool
) -> "PullResult":
    from eventlog.mirror.local.pusher import local_pusher
    from eventlog.mirror.pull.pull import pull

    requests: Counter[str] = Counter()
    async with open_bucket(root, mirror, requests, bytes_per_s) as store:
        return await pull(root, store, local_pusher(root), join=join, transfers=transfers)


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
