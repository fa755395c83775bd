"""Probes the bucket and words what was found: for `doctor --online`."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import Retries, bucket_address, open_bucket, store_settings
from cli.options.global_options import print_message

if TYPE_CHECKING:
    from eventlog.mirror.probe.probing import BucketFinding

RETRY_S = 10.0
"""How long a request is retried: whoever asks waits for the answer."""


def probe_mirror(root: Path, mirror: MirrorSettings) -> "list[BucketFinding]":
    """Probes the bucket of an archive and stores what was found."""
    from eventlog.clock import now_us
    from eventlog.mirror.local.findings import save_findings
    from eventlog.mirror.probe.probing import all_probes_ran, findings_of

    print_message(f"probing {bucket_address(mirror)}")
    results = asyncio.run(_probe(root, mirror))
    if all_probes_ran(results):
        save_findings(root, findings_of(bucket_address(mirror), now_us(), results))
    return results


async def _probe(root: Path, mirror: MirrorSettings) -> "list[BucketFinding]":
    from eventlog.clock import now_us
    from eventlog.mirror.plan.lag import bucket_ledger
    from eventlog.mirror.probe.objects import delete_probe_objects
    from eventlog.mirror.probe.probing import run_probes
    from eventlog.mirror.probe.target import ProbedBucket
    from eventlog.stores.s3.requests import open_requests

    address = bucket_address(mirror)
    retries = Retries(RETRY_S, lambda _error, _wait_s: None)
    async with (
        open_bucket(root, mirror, Counter(), retries=retries) as store,
        open_requests(address, store_settings(root, mirror)) as requests,
    ):
        ledger = bucket_ledger(root, address)
        token = os.urandom(8).hex()
        target = ProbedBucket(root, store, requests, ledger, token, now_us())
        try:
            return await run_probes(target)
        except BaseException:  # Ctrl-C cancels this task, or is raised in it
            print_message("deleting the objects of this probing; Ctrl-C again ends at once")
            await delete_probe_objects(target)
            raise
