"""Checks the bucket and prints what is not as committed: for `sync check`, `verify --remote`."""

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import open_bucket
from cli.options.global_options import print_message
from cli.output.counts import count_of
from cli.output.progress.display import progress
from eventlog.progress import ReportProgress

if TYPE_CHECKING:
    from eventlog.mirror.check.checking import CheckRequest, CheckResult
    from eventlog.mirror.check.choice import ReadShare

_SHARE = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


def parse_share(text: str | None) -> "ReadShare | None":
    """Returns the share of `3/30`. Raises `BadParameter`."""
    from eventlog.mirror.check.choice import ReadShare

    if text is None:
        return None
    match = _SHARE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise click.BadParameter(
            f"expected part and number of parts, such as 3/30; found {text!r}",
            param_hint="--read",
        )
    return ReadShare(int(match[1]), int(match[2]))


def print_check(root: Path, mirror: MirrorSettings, request: "CheckRequest", as_json: bool) -> int:
    """Checks the bucket, prints what was found, and returns the exit code."""
    from eventlog.clock import now_us
    from eventlog.mirror.check.compare import Finding

    with progress(now_us) as show:
        address, result = asyncio.run(_check(root, mirror, request, show))
    _keep(root, address, result)
    if as_json:
        _print_json(result)
    else:
        for item in result.findings:
            text = f": {item.text}" if item.text else ""
            sys.stdout.write(f"{item.finding.value if item.finding else ''}\t{item.name}{text}\n")
    counts = Counter(item.finding for item in result.findings)
    found = ", ".join(f"{counts[finding]} {finding.value}" for finding in Finding)
    print_message(f"{result.committed} objects committed, {result.read} read; {found}")
    for line in _hints(result):
        print_message(line)
    if counts[Finding.MISSING]:
        print_message("what is still here can be put again: hindlog sync push --again")
    return 0 if result.is_clean else 4


def _hints(result: "CheckResult") -> list[str]:
    """Returns lines about records that may have been removed."""
    lines: list[str] = []
    if result.uncommitted:
        count = count_of(result.uncommitted, "segment")
        lines.append(f"complete in the bucket, but not in its records: {count}: hindlog sync push")
        lines.append("if no push is running and none was interrupted, records were removed")
    if not result.is_known:
        lines.append(
            "this folder knew no record of the bucket: it cannot tell whether the last ones were"
            " removed; the next check can"
        )
    return lines


def _keep(root: Path, address: str, result: "CheckResult") -> None:
    """Keeps what a check found, for `status` and `sync push --again`."""
    from eventlog.clock import format_us, now_us
    from eventlog.mirror.local.last_check import LastCheck, MissingObject, save_check

    missing = tuple(MissingObject(x.name, x.size, x.sha256) for x in result.missing)
    at = format_us(now_us())
    save_check(root, LastCheck(address, result.archive, at, result.is_clean, missing))


async def _check(
    root: Path, mirror: MirrorSettings, request: "CheckRequest", report: ReportProgress
) -> "tuple[str, CheckResult]":
    from eventlog.mirror.check.checking import check_bucket

    async with open_bucket(root, mirror, Counter()) as store:
        return store.address, await check_bucket(root, store, request, report)


def _print_json(result: "CheckResult") -> None:
    import orjson

    findings = [
        {"finding": x.finding.value if x.finding else None, "name": x.name, "text": x.text}
        for x in result.findings
    ]
    content = {"committed": result.committed, "read": result.read, "findings": findings}
    sys.stdout.write(orjson.dumps(content).decode() + "\n")
