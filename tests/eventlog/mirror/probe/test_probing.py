"""All probes: over memory, over a real server with three keys, and when the bucket is away."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.clock import format_us, now_us
from eventlog.errors import HindlogError, Invalid, Refused, Unavailable
from eventlog.mirror.plan.lag import bucket_ledger
from eventlog.mirror.probe.probing import (
    ALL_PROBES,
    ETAGS,
    BucketFinding,
    all_probes_ran,
    findings_of,
    run_probes,
)
from eventlog.mirror.probe.target import BucketProbe, Outcome, ProbedBucket, Verdict, passed, warned
from eventlog.mirror.push.push import push
from eventlog.stores.opening import open_store
from eventlog.stores.s3.requests import open_requests
from eventlog.stores.store import StoreSettings
from eventlog.stores.wrappers import counted
from tests.eventlog.making import START
from tests.eventlog.mirror.buckets import add_hour, new_store, objects_of, pusher_on
from tests.eventlog.mirror.probe.probed import target_of
from tests.object_store.server import ObjectServer

NOT_APPLICABLE = "not applicable"


def verdicts(results: list[BucketFinding]) -> dict[str, str]:
    return {result.probe: result.outcome.verdict.value for result in results}


def test_a_store_in_memory_is_probed_except_for_what_only_buckets_have(tmp_path: Path) -> None:
    store = new_store()
    results = asyncio.run(run_probes(target_of(tmp_path, store)))

    by_name = verdicts(results)
    assert {name for name in by_name if by_name[name] == NOT_APPLICABLE} == {
        probe.name for probe in ALL_PROBES if probe.only_s3
    }
    assert set(by_name.values()) == {"OK", NOT_APPLICABLE} and objects_of(store) == {}


def probe_raising(error: HindlogError | None, **options: bool) -> BucketProbe:
    async def run(_target: ProbedBucket) -> Outcome:
        if error is not None:
            raise error
        return passed("well")

    return BucketProbe(f"{error}, {options}", run, **options)


def test_an_error_is_an_outcome_and_a_bucket_that_is_away_ends_the_probing(tmp_path: Path) -> None:
    def run(*probes: BucketProbe) -> list[str]:
        results = asyncio.run(run_probes(target_of(tmp_path), probes))
        return [result.outcome.verdict.value for result in results]

    well, writing = probe_raising(None), probe_raising(None, writes=True)
    away = probe_raising(Unavailable("away"))
    refused, damaged = Refused("no"), HindlogError("damaged")
    assert run(away, well, writing) == ["FAIL"]
    assert run(probe_raising(refused), writing) == ["WARN", "OK"]
    assert run(probe_raising(refused, writes=True), writing) == ["FAIL", "OK"]
    first = probe_raising(refused, writes=True, shows_writing=True)
    assert run(first, well, writing) == ["WARN", "OK", NOT_APPLICABLE]
    assert run(probe_raising(damaged), well) == ["FAIL", "OK"]
    assert run(well, probe_raising(refused, shows_reading=True), well) == ["OK", "FAIL"]
    assert run(probe_raising(Invalid("no bucket"), shows_reading=True), well) == ["FAIL"]
    assert run(probe_raising(damaged, shows_reading=True), well) == ["FAIL", "OK"]


def test_only_a_complete_probing_counts(tmp_path: Path) -> None:
    results = asyncio.run(run_probes(target_of(tmp_path)))

    assert all_probes_ran(results) and not all_probes_ran(results[:-1])


def test_what_did_not_apply_is_no_finding() -> None:
    outcomes = {"a": passed(""), "b": warned(""), "c": Outcome(Verdict.NOT_APPLICABLE, "")}
    results = [BucketFinding(name, outcome) for name, outcome in outcomes.items()]
    findings = findings_of("s3://a", START, results)

    assert (findings.address, findings.at) == ("s3://a", format_us(START))
    assert findings.verdicts == {"a": "OK", "b": "WARN"}


async def probe_server(root: Path, address: str, settings: StoreSettings) -> dict[str, str]:
    """Probes a bucket of the server. Returns the verdicts."""
    count = Counter[str]()
    async with (
        open_store(address, settings) as store,
        open_requests(address, settings) as requests,
    ):
        assert requests is not None

        async def send(*request: Any) -> Any:
            count["sent"] += 1
            return await requests.send(*request)

        ledger = bucket_ledger(root, address)
        target = ProbedBucket(
            *(root, counted(store, count), attrs.evolve(requests, send=send), ledger),
            *("0123456789abcdef", now_us()),
        )
        results = await run_probes(target)
    assert count.total() <= 40
    return verdicts(results)


@pytest.mark.slow
def test_a_real_server_passes_and_each_of_three_keys_shows_what_it_may_do(
    tmp_path: Path, object_server: ObjectServer
) -> None:
    address = "s3://archive/probed/x"
    add_hour(tmp_path, 0)

    async def push_to_server() -> None:
        async with open_store(address, object_server.settings()) as store:
            await push(tmp_path, store, pusher_on(tmp_path))

    def probe(key: str, scheme: str = "http") -> dict[str, str]:
        settings = object_server.settings(scheme, key)
        found = asyncio.run(probe_server(tmp_path, address, settings))
        return {name: verdict for name, verdict in found.items() if verdict != "OK"}

    asyncio.run(push_to_server())
    assert probe("test:tester") == {"delete history": "WARN"}
    assert probe("test:pusher") == {}
    writing = {probe.name: NOT_APPLICABLE for probe in ALL_PROBES if probe.writes}
    assert probe("test:reader", "https") == {**writing, "put and get": "WARN"}
    assert ETAGS in writing
