"""`sync`: copies what is sealed into the bucket."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import bucket_address, format_size, open_bucket, parse_rate
from cli.mirror.checking import parse_share, print_check
from cli.mirror.pulling import pull_from_bucket
from cli.options.global_options import archive, config, global_options, print_message
from eventlog.errors import Corrupt, Partial, Unavailable

if TYPE_CHECKING:
    from eventlog.mirror.local.pusher import Pusher
    from eventlog.mirror.push.push import PushResult
    from eventlog.mirror.push.push_plan import StoppedStream
    from eventlog.stores.store import Store

WATCH_S = 10.0
"""Seconds between two looks at the log with --watch."""


@click.group(short_help="The mirror: a copy of the sealed log in a bucket.")
@global_options
def sync() -> None:
    """The mirror: a copy of the sealed log in a bucket, as `mirror.url` names it.

    The bucket is an archive: its objects have the names and the bytes of the files below log/ and
    assets/. Nothing in it is ever replaced or deleted.
    """


@sync.command(epilog="Example: hindlog sync push --dry-run")
@click.option("--watch", is_flag=True, help="Keep running, and push what is sealed.")
@click.option("--dry-run", is_flag=True, help="Print what would be pushed; no request.")
@click.option("--bwlimit", metavar="RATE", help="Bytes per second, such as 500k or 2M.")
@click.option("--transfers", type=click.IntRange(1, 64), help="Objects in flight (default: 4).")
@click.option("--join", is_flag=True, help="Join the archive of the bucket, if it is another one.")
@click.option("--as-new", is_flag=True, help="Push as a new pusher: for a folder that was copied.")
@global_options
def push(
    watch: bool,
    dry_run: bool,
    bwlimit: str | None,
    transfers: int | None,
    join: bool,
    as_new: bool,
) -> int:
    """Puts sealed segments and their assets into the bucket, and commits them.

    May be interrupted at any time: the next push continues. Exits with 3 if a damaged stream was
    left out, with 4 if the bucket has other bytes than this archive.
    """
    root = archive()
    mirror = config(root).mirror
    rate = parse_rate(bwlimit)
    if dry_run:
        return _print_plan(root, bucket_address(mirror))
    bucket_address(mirror)  # before a pusher gets an id
    from eventlog.mirror.local.pusher import local_pusher

    pusher = local_pusher(root, renew=as_new)
    width = transfers or mirror.transfers
    if watch:
        return asyncio.run(_watch(root, mirror, pusher, rate, width, join))
    asyncio.run(_push_once(root, mirror, pusher, rate, width, join))
    return 0


def _print_plan(root: Path, address: str) -> int:
    from eventlog.mirror.push.lag import mirror_lag

    lag = mirror_lag(root, address)
    size = format_size(lag.size)
    print_message(f"would push {lag.segments} segments, {size}, to {address}")
    _report_stopped(lag.stopped)
    return 0


async def _push_once(
    root: Path,
    mirror: MirrorSettings,
    pusher: "Pusher",
    rate: int | None,
    width: int,
    join: bool,
) -> None:
    from eventlog.mirror.push.push import push as push_all

    requests: Counter[str] = Counter()
    async with open_bucket(root, mirror, requests, rate) as store:
        result = await push_all(root, store, pusher, join=join, transfers=width)
    _report_push(result, store, sum(requests.values()))
    _raise_for(result)


def _report_push(result: "PushResult", store: "Store", requests: int) -> None:
    if result.segments:
        size = format_size(result.size)
        print_message(f"pushed {result.segments} segments, {size}, in {requests} requests")
    elif not result.stopped:
        print_message(f"nothing to push: everything sealed is in {store.address}")
    _report_stopped(result.stopped)


def _report_stopped(stopped: "tuple[StoppedStream, ...]") -> None:
    for stream in stopped:
        print_message(f"left out: {', '.join(stream.key)}: {stream.reason}")


def _raise_for(result: "PushResult") -> None:
    """Raises `Corrupt` after a conflict, `Partial` if a damaged stream was left out."""
    streams = ", ".join("/".join(stream.key) for stream in result.stopped)
    if result.has_conflict:
        what = f"the bucket has other bytes than this archive: {streams}"
        raise Corrupt(what, "find the other folder that writes these streams; nothing was replaced")
    if result.stopped:
        raise Partial(f"streams were left out: {streams}", "hindlog verify")


async def _watch(
    root: Path,
    mirror: MirrorSettings,
    pusher: "Pusher",
    rate: int | None,
    width: int,
    join: bool,
) -> int:
    """Pushes whenever something was sealed, until a signal. An unreachable bucket is no error."""
    from cli.process.signals import record_signals
    from eventlog.mirror.push.lag import mirror_lag
    from eventlog.mirror.push.push import push as push_all

    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    stop = record_signals(lambda: loop.call_soon_threadsafe(stopping.set))
    requests: Counter[str] = Counter()
    reported: set[StoppedStream] = set()
    async with open_bucket(root, mirror, requests, rate) as store:
        is_first = True
        while not stop.is_requested():
            try:
                if is_first or (await asyncio.to_thread(mirror_lag, root, store.address)).segments:
                    requests.clear()
                    result = await push_all(root, store, pusher, join=join, transfers=width)
                    is_first = False
                    if result.segments or set(result.stopped) - reported:
                        _report_push(result, store, sum(requests.values()))
                    reported = set(result.stopped)
            except Unavailable as error:
                print_message(f"{error.what}; the mirror waits, nothing is lost")
            await _wait(stopping, WATCH_S)
    return stop.code()


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


@sync.command(epilog="Example: hindlog sync pull")
@click.option("--bwlimit", metavar="RATE", help="Bytes per second, such as 500k or 2M.")
@click.option("--transfers", type=click.IntRange(1, 64), help="Objects in flight (default: 4).")
@click.option("--join", is_flag=True, help="Join the archive of the bucket, if it is another one.")
@global_options
def pull(bwlimit: str | None, transfers: int | None, join: bool) -> None:
    """Fetches everything that is committed in the bucket and not in this archive.

    Manifests come first, checked as chains, then the files, each compared with its SHA-256. May be
    interrupted at any time: run it again. Needs only read access. Exits with 3 if the bucket lacks
    objects, with 4 if it has other bytes than were committed, or this archive other events.
    """
    root = archive()
    mirror = config(root).mirror
    rate = parse_rate(bwlimit)
    pull_from_bucket(root, mirror, bytes_per_s=rate, transfers=transfers, join=join)


@sync.command(epilog="Example: hindlog sync check --read 1/30")
@click.option("--heads", is_flag=True, help="Ask for the SHA-256 of each object.")
@click.option("--read", "share", metavar="N/T", help="Read part N of T of all objects.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@global_options
def check(heads: bool, share: str | None, as_json: bool) -> int:
    """Checks that the bucket contains what is committed in it, and nothing else.

    Compares the records, which form chains, with a listing: names and sizes; --heads and --read
    compare the bytes. Prints what is missing, different or foreign, and exits with 4 if there is
    any. What a running push has put and not committed is `in flight`.
    """
    root = archive()
    return print_check(root, config(root).mirror, heads, parse_share(share), as_json)


COMMANDS = (sync,)
