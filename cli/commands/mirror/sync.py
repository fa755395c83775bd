"""`sync`: copies sealed segments into the bucket, and back."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from cli.mirror.bucket import bucket_address, format_size, parse_rate
from cli.mirror.checking import parse_share, print_check
from cli.mirror.pulling import pull_from_bucket
from cli.mirror.push.background import watch_of
from cli.mirror.push.costs import describe_push
from cli.mirror.push.pushing import (
    PushJob,
    export_lines,
    opened_push,
    push_again,
    push_exports_too,
    push_lines,
    raise_for_stopped,
    stopped_lines,
)
from cli.mirror.push.watching import TEMPORARY, keep_pushing
from cli.options.global_options import archive, config, global_options, print_message
from cli.output.counts import count_of
from cli.output.progress.display import progress
from eventlog.clock import now_us
from eventlog.errors import Partial

if TYPE_CHECKING:
    from eventlog.mirror.local.pusher import Pusher


@click.group(
    short_help="The mirror: a copy of the sealed log in a bucket.",
    epilog="Example: hindlog sync push",
)
@global_options
def sync() -> None:
    """The mirror: a copy of the sealed log in a bucket, as `mirror.url` names it.

    The bucket is an archive: its objects have the names and the bytes of the files below log/ and
    assets/. None of these is ever replaced or deleted.
    """


@sync.command(epilog="Example: hindlog sync push --dry-run")
@click.option(
    "--watch", is_flag=True, help="Keep running, and push each segment once it is sealed."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be pushed, and what a month costs; no request.",
)
@click.option("--bwlimit", metavar="RATE", help="Bytes per second, such as 500k or 2M.")
@click.option("--transfers", type=click.IntRange(1, 64), help="Objects in flight (default: 4).")
@click.option("--again", is_flag=True, help="Before, put again what the last check found missing.")
@click.option("--exports", is_flag=True, help="Afterwards, push the exports in exports/, too.")
@click.option("--join", is_flag=True, help="Join the archive of the bucket, if it is another one.")
@click.option("--as-new", is_flag=True, help="Separate a copied folder from its origin, then push.")
@global_options
def push(
    watch: bool,
    dry_run: bool,
    bwlimit: str | None,
    transfers: int | None,
    again: bool,
    exports: bool,
    join: bool,
    as_new: bool,
) -> int:
    """Puts sealed segments and their assets into the bucket, and commits them.

    May be interrupted at any time: the next push continues. `fetch run` pushes, too, while it
    crawls. Exits with 3 if a damaged stream was left out, with 4 if the bucket has other bytes
    than this archive. An object of which a check found other bytes is never replaced: delete it in
    the bucket, check again, and push with --again.

    With --exports, each folder exports/NAME in the archive that `hindlog export --to` wrote is
    pushed, too. exports/NAME/manifest.json in the bucket is replaced last, the only object that
    ever is; the version before is deleted by the first push a day later.

    A folder that was copied with its log has the writer ids of its origin, so both would write the
    same streams. With --as-new it gets new ones, for crawling, importing and pushing.
    """
    if exports and watch:
        raise click.UsageError("--exports and --watch exclude each other")
    root = archive()
    mirror, rate = config(root).mirror, parse_rate(bwlimit)
    address = bucket_address(mirror)
    if dry_run:
        return _print_plan(root, address, exports)
    job = PushJob(root, mirror, _pusher(root, as_new), rate, transfers, join)
    missing = asyncio.run(push_again(job, print_message)) if again else 0
    if watch:
        return asyncio.run(_watch(job))
    asyncio.run(_push(job, exports))
    if missing:
        what = f"{missing} objects stay missing in the bucket"
        raise Partial(what, "push --again from an archive that has them")
    return 0


def _pusher(root: Path, as_new: bool) -> "Pusher":
    from eventlog.mirror.local.pusher import local_pusher, separate_from_origin

    for name in separate_from_origin(root) if as_new else ():
        print_message(f"{name} stays open here: the folder that was copied continues and seals it")
    return local_pusher(root)


def _print_plan(root: Path, address: str, exports: bool) -> int:
    from eventlog.mirror.plan.lag import mirror_lag

    lag = mirror_lag(root, address)
    size = format_size(lag.size)
    print_message(f"would push {count_of(lag.segments, 'segment')}, {size}, to {address}")
    for line in (*describe_push(root, address, lag), *stopped_lines(lag.stopped)):
        print_message(line)
    for line in export_lines(root) if exports else ():
        print_message(line)
    return 0


async def _push(job: PushJob, exports: bool) -> None:
    with progress(now_us) as show:
        async with opened_push(attrs.evolve(job, report=show)) as push_once:
            pushed = await push_once()
    for line in push_lines(pushed, with_conflicts=False):  # they are the error
        print_message(line)
    if exports:
        await push_exports_too(job, print_message)
    raise_for_stopped(pushed.result)


async def _watch(job: PushJob) -> int:
    """Pushes whenever something was sealed, until a signal. An unreachable bucket is no error."""
    from cli.process.signals import record_signals

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    stop = record_signals(lambda: loop.call_soon_threadsafe(task.cancel))
    print_message("pushing whatever is sealed; Ctrl-C stops, and the next push continues")
    with suppress(asyncio.CancelledError):
        await keep_pushing(watch_of(job, print_message, TEMPORARY), asyncio.Event())
    return stop.code()


@sync.command(epilog="Example: hindlog sync pull --since 7d --source openrouter")
@click.option("--since", metavar="T", help="Files of segments with events from this instant on.")
@click.option("--until", metavar="T", help="Files of segments with events before this instant.")
@click.option("--source", "sources", multiple=True, metavar="S", help="Files of this source.")
@click.option("--manifests", is_flag=True, help="No files: what is read is fetched then.")
@click.option("--dry-run", is_flag=True, help="Print what would be pulled; only records are read.")
@click.option("--bwlimit", metavar="RATE", help="Bytes per second, such as 500k or 2M.")
@click.option("--transfers", type=click.IntRange(1, 64), help="Objects in flight (default: 4).")
@click.option("--join", is_flag=True, help="Join the archive of the bucket, if it is another one.")
@global_options
def pull(
    since: str | None,
    until: str | None,
    sources: tuple[str, ...],
    manifests: bool,
    dry_run: bool,
    bwlimit: str | None,
    transfers: int | None,
    join: bool,
) -> None:
    """Fetches everything that is committed in the bucket and not in this archive.

    Manifests come first, always all of them, checked as chains; then the files, each compared with
    its SHA-256. The options limit the files: the others are absent, and a command that reads them
    fetches them. May be interrupted at any time: run it again. Needs only read access. Exits with 3
    if the bucket lacks objects, with 4 if it has other bytes than were committed, or this archive
    other events.
    """
    from cli.options.time_options import resolve_range
    from eventlog.read.event_filter import Select

    if manifests and (since or until or sources):
        raise click.UsageError("--manifests excludes --since, --until and --source")
    root = archive()
    begin, end = resolve_range(since, until)
    pull_from_bucket(
        root,
        config(root).mirror,
        bytes_per_s=parse_rate(bwlimit),
        transfers=transfers,
        join=join,
        select=Select(since=begin, until=end, sources=frozenset(sources)),
        with_files=not manifests,
        dry_run=dry_run,
    )


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

    That the last records were removed is noticed by a folder that has seen them: each push, pull
    and check remembers the last one.
    """
    from eventlog.mirror.check.checking import CheckRequest

    root = archive()
    mirror = config(root).mirror
    request = CheckRequest(heads, parse_share(share), transfers=mirror.transfers)
    return print_check(root, mirror, request, as_json)


COMMANDS = (sync,)
