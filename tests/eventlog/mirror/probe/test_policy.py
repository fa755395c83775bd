"""Rules of the bucket, rights of the key, uploads and pushers that were left."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.clock import DAY, datetime_of
from eventlog.errors import Refused
from eventlog.mirror.bucket.record import encode_record
from eventlog.mirror.local.ledger import Ledger, PusherHead
from eventlog.mirror.probe.policy import (
    deleting_rules,
    probe_delete_history,
    probe_lifecycle,
    probe_open_uploads,
    probe_other_buckets,
    probe_pushers,
)
from eventlog.mirror.probe.target import ProbedBucket, Verdict
from eventlog.stores.s3.bodies import Parameters
from eventlog.stores.s3.faults import Fault
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import START
from tests.eventlog.mirror.buckets import new_store
from tests.eventlog.mirror.links import ARCHIVE, record_of
from tests.eventlog.mirror.probe.probed import fault, probed, target_of

DAYS = {"Days": 3}


def rule(**members: Any) -> dict[str, Any]:
    return {"ID": "r", "Status": "Enabled", "Expiration": DAYS, **members}


@pytest.mark.parametrize(
    ("members", "deletes"),
    [
        ({"Prefix": ""}, True),
        ({"Filter": {}}, True),
        ({"Filter": {"Prefix": ""}}, True),
        ({"Filter": {"Prefix": "a/lo"}}, True),
        ({"Filter": {"Prefix": "a/log/civitai/"}}, True),
        ({"Prefix": "a/"}, True),
        ({"Filter": {"And": {"Prefix": "a/", "ObjectSizeGreaterThan": 5}}}, True),
        ({"Filter": {"ObjectSizeGreaterThan": 5}}, True),
        ({"Prefix": "", "Expiration": {"Date": "2027-01-01"}}, True),
        ({"Prefix": "", "Status": "Disabled"}, False),
        ({"Prefix": "log/"}, False),
        ({"Prefix": "a/live/"}, False),
        ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}}, False),
        ({"Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}}}, False),
        ({"Prefix": "", "Expiration": {"ExpiredObjectDeleteMarker": True}}, False),
    ],
)
def test_a_rule_deletes_history_if_its_prefix_reaches_it(
    members: dict[str, Any], deletes: bool
) -> None:
    assert bool(deleting_rules([rule(**members)], "a/log/")) == deletes


def test_a_rule_that_only_ends_uploads_deletes_nothing() -> None:
    ends = {"ID": "r", "Status": "Enabled", "AbortIncompleteMultipartUpload": {}, "Prefix": ""}

    assert deleting_rules([ends], "log/") == []


@pytest.mark.parametrize(
    ("response", "expected", "text"),
    [
        (fault(404, "NoSuchLifecycleConfiguration"), "OK", "no lifecycle rules"),
        (fault(403, "AccessDenied"), "WARN", "cannot be read with this key (AccessDenied)"),
        ({"Rules": [rule(Prefix="a/live/")]}, "OK", "1 lifecycle rules, none"),
        ({"Rules": [rule(Prefix="a/mirror/")]}, "FAIL", "what must stay: r (mirror/)"),
        ({"Rules": [rule(Prefix="a/assets/")]}, "FAIL", "r (assets/)"),
    ],
)
def test_lifecycle_rules_are_read(
    tmp_path: Path, response: Parameters | Fault, expected: str, text: str
) -> None:
    outcome = probed(probe_lifecycle, target_of(tmp_path, answer=lambda *_: response))

    assert outcome.verdict.value == expected and text in outcome.text


def test_uploads_that_are_open_for_more_than_a_day_are_counted(tmp_path: Path) -> None:
    def verdict(*ages: float) -> Verdict:
        uploads = [{"Initiated": datetime_of(START) - timedelta(days=age)} for age in ages]
        target = target_of(tmp_path, answer=lambda *_: {"Uploads": uploads})
        return probed(probe_open_uploads, target).verdict

    assert verdict() is verdict(0.9) is Verdict.OK
    assert verdict(0.9, 1.1) is Verdict.WARN


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (fault(403, "AccessDenied"), "OK"),
        ({"Buckets": [{"Name": "archive"}]}, "OK"),
        ({"Buckets": [{"Name": "archive"}, {"Name": "photos"}]}, "WARN"),
    ],
)
def test_a_key_that_reaches_other_buckets_is_too_wide(
    tmp_path: Path, response: Parameters | Fault, expected: str
) -> None:
    target = target_of(tmp_path, answer=lambda *_: response)
    assert probed(probe_other_buckets, target).verdict.value == expected


def test_a_key_that_may_delete_history_is_a_warning(tmp_path: Path) -> None:
    names: list[str] = []

    def target(response: Parameters | Fault) -> ProbedBucket:
        def answer(_operation: str, parameters: Parameters) -> Parameters | Fault:
            names.append(parameters["Key"])
            return response

        return target_of(tmp_path, answer=answer)

    for response, expected in ((fault(403, "AccessDenied"), "OK"), ({}, "WARN")):
        assert probed(probe_delete_history, target(response)).verdict.value == expected
    with pytest.raises(Refused):
        probed(probe_delete_history, target(fault(400, "InvalidRequest")))
    assert set(names) == {"a/log/.probe-token"}  # never a name that a segment can have


@pytest.mark.parametrize(("count", "expected"), [(0, "OK"), (8, "OK"), (9, "WARN")])
def test_many_pushers_that_ended_are_a_warning(tmp_path: Path, count: int, expected: str) -> None:
    store, pushers = new_store(), [f"aa0000{number:02}" for number in range(count)]
    target = target_of(tmp_path, store)

    async def put() -> None:
        for pusher in pushers:
            data = encode_record(record_of(pusher=pusher))
            await store.put_new(f"mirror/{pusher}/{0:010d}.json", upload_of_bytes(data))

    asyncio.run(put())
    heads = {pusher: PusherHead(1) for pusher in pushers}
    ledger = Ledger(store.address, ARCHIVE, "bb000001", heads)

    def at(now: int) -> Any:
        return probed(probe_pushers, attrs.evolve(target, ledger=ledger, now=now))

    assert at(START + 8 * DAY).verdict.value == expected
    assert f"put nothing for 7 days: {count}" in at(START + 8 * DAY).text
    assert at(START + 7 * DAY).verdict is Verdict.OK
    assert "put nothing for 7 days: 0" in probed(probe_pushers, target).text  # none is known


def test_a_last_record_that_is_missing_was_rolled_back(tmp_path: Path) -> None:
    store = new_store()
    ledger = Ledger(store.address, ARCHIVE, "bb000001", {"aa000001": PusherHead(2)})
    target = target_of(tmp_path, store, ledger=ledger)

    async def put() -> None:
        data = encode_record(record_of(pusher="aa000001"))
        await store.put_new(f"mirror/aa000001/{0:010d}.json", upload_of_bytes(data))

    asyncio.run(put())
    assert probed(probe_pushers, target).verdict is Verdict.FAIL
