"""`prune`: frees disk space that the mirror has, too."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import bucket_address, format_size, open_bucket
from cli.options.global_options import archive, config, global_options, print_message
from cli.output.counts import count_of
from cli.output.progress.display import progress
from eventlog.errors import Invalid, Partial
from eventlog.progress import ReportProgress

if TYPE_CHECKING:
    from eventlog.mirror.prune.prune import PruneResult

SHOWN = 10
"""Number of files that are listed."""


@click.command(
    epilog="Example: hindlog prune --keep-local 90d --dry-run",
    short_help="Deletes local files that are confirmed to be in the mirror.",
)
@click.option(
    "--keep-local",
    "age",
    metavar="D",
    required=True,
    help="Keep segments with events of this last time, such as 90d or 12h.",
)
@click.option("--read", is_flag=True, help="Read each file in the mirror before its copy is freed.")
@click.option("--dry-run", is_flag=True, help="Print what would be freed; no request.")
@global_options
def prune(age: str, read: bool, dry_run: bool) -> None:
    """Deletes sealed files of this archive that are confirmed to be in the mirror.

    Just before a file is deleted, its object is asked for: size, SHA-256 and ETag must be those of
    the file; with --read the object itself is read. Manifests, assets and open segments stay. What
    was deleted is absent: a command that reads it fetches it, and sync pull fetches all of it.
    Exits with 3 if files could not be confirmed: these stay.
    """
    from cli.options.times import format_time, parse_duration
    from eventlog.clock import now_us

    root = archive()
    mirror = config(root).mirror
    address = bucket_address(mirror)
    before = now_us() - parse_duration(age)
    print_message(f"before {format_time(before)}")
    if dry_run:
        _print_plan(root, address, before)
        return
    with progress(now_us) as show:
        result = asyncio.run(_prune(root, mirror, before, read, show))
    text = f"freed {count_of(result.freed, 'segment')}, {format_size(result.size)}"
    print_message(text + _uncommitted_text(result.uncommitted))
    for problem in result.problems[:SHOWN]:
        print_message(f"kept, not confirmed in the mirror: {problem}")
    if len(result.problems) > SHOWN:
        print_message(f"and {len(result.problems) - SHOWN} more")
    if result.problems:
        what = f"{count_of(len(result.problems), 'segment')} kept: not confirmed in the mirror"
        raise Partial(what, "hindlog sync check --heads")


def _print_plan(root: Path, address: str, before: int) -> None:
    from eventlog.mirror.plan.lag import bucket_ledger
    from eventlog.mirror.prune.choose import choose_files

    ledger = bucket_ledger(root, address)
    if ledger is None:
        raise Invalid(f"{address}: this folder has no record of a push to it", "hindlog sync push")
    plan = choose_files(root, ledger, before)
    size = format_size(sum(choice.size for choice in plan.chosen))
    text = f"would free {count_of(len(plan.chosen), 'segment')}, {size}"
    print_message(text + _uncommitted_text(plan.uncommitted))


def _uncommitted_text(count: int) -> str:
    return f"; kept, not in the mirror yet: {count_of(count, 'segment')}" if count else ""


async def _prune(
    root: Path, mirror: MirrorSettings, before: int, read: bool, report: ReportProgress
) -> "PruneResult":
    from eventlog.mirror.prune.prune import prune as prune_archive

    async with open_bucket(root, mirror, Counter()) as store:
        return await prune_archive(
            root, store, before, read=read, transfers=mirror.transfers, report=report
        )


COMMANDS = (prune,)
