"""Buckets that are probed: in memory, with faults, or with S3 responses that a test invents."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from eventlog.mirror.local.ledger import Ledger
from eventlog.mirror.probe.target import Outcome, ProbedBucket
from eventlog.stores.s3.bodies import Parameters
from eventlog.stores.s3.faults import Fault
from eventlog.stores.s3.requests import BucketRequests
from eventlog.stores.store import Store
from tests.eventlog.making import START
from tests.eventlog.mirror.buckets import new_store

Answer = Callable[[str, Parameters], Parameters | Fault]
"""Returns the response to (operation, parameters)."""


def requests_answered(answer: Answer) -> BucketRequests:
    """Returns requests to a bucket that does not exist."""

    async def send(
        operation: str, parameters: Parameters, _data: bytes | None
    ) -> Parameters | Fault:
        return answer(operation, parameters)

    return BucketRequests("archive", "a/", send)


def fault(status: int, code: str = "") -> Fault:
    return Fault("s3://archive/a", "AnOperation", status, code)


def target_of(
    root: Path,
    store: Store | None = None,
    answer: Answer | None = None,
    ledger: Ledger | None = None,
) -> ProbedBucket:
    requests = None if answer is None else requests_answered(answer)
    return ProbedBucket(root, store or new_store(), requests, ledger, "token", START)


def probed(probe: Callable[[ProbedBucket], Awaitable[Outcome]], target: ProbedBucket) -> Outcome:
    """Runs a probe in an event loop of its own."""

    async def run() -> Outcome:
        return await probe(target)

    return asyncio.run(run())
