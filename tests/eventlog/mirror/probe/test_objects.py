"""Probes over a store: each finds the fault of a store that has it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import attrs
import pytest

from eventlog.errors import Refused
from eventlog.mirror.local.ledger import Ledger
from eventlog.mirror.plan.lag import bucket_ledger
from eventlog.mirror.probe.objects import (
    PUT,
    probe_archive_id,
    probe_delete,
    probe_last_record,
    probe_list_order,
    probe_put_once,
    probe_round_trip,
)
from eventlog.mirror.probe.target import Outcome, ProbedBucket, Verdict
from eventlog.stores.store import ByteRange, Store, StoredObject, Upload
from tests.eventlog.mirror.buckets import add_hour, new_store, objects_of, pushed
from tests.eventlog.mirror.probe.probed import probed, target_of

Run = Callable[[ProbedBucket], Awaitable[Outcome]]
PUT_FIRST: tuple[Run, ...] = (probe_round_trip,)


async def shifted_ranges(store: Store, name: str, part: ByteRange | None) -> bytes:
    data = await store.get(name, None)
    return data if part is None else data[part.start + 1 : part.stop + 1]


async def other_bytes(store: Store, name: str, part: ByteRange | None) -> bytes:
    return b"x" + (await store.get(name, part))[1:]


def with_get(get: Callable[[Store, str, ByteRange | None], Awaitable[bytes]]) -> Store:
    store = new_store()
    return attrs.evolve(store, get=lambda name, part: get(store, name, part))


def with_head(stored: StoredObject | None) -> Store:
    async def head(_name: str) -> StoredObject | None:
        return stored

    return attrs.evolve(new_store(), head=head)


def that_replaces() -> Store:
    store = new_store()

    async def put_new(name: str, upload: Upload) -> bool:
        await store.delete(name)
        return await store.put_new(name, upload)

    return attrs.evolve(store, put_new=put_new)


def that_lists(change: Callable[[list[str]], list[str]]) -> Store:
    store = new_store()

    async def list_after(prefix: str, after: str) -> AsyncGenerator[StoredObject, None]:
        names = [entry.name async for entry in store.list_after(prefix, "")]
        for name in change(names):
            if name > after:
                yield StoredObject(name, 1)

    return attrs.evolve(store, list_after=list_after)


def that_keeps() -> Store:
    async def delete(_name: str) -> None:
        return None

    return attrs.evolve(new_store(), delete=delete)


def that_refuses_deletes(message: str) -> Store:
    async def delete(_name: str) -> None:
        raise Refused(message)

    return attrs.evolve(new_store(), delete=delete)


@pytest.mark.parametrize(
    ("store", "before", "probe", "verdict"),
    [
        (new_store(), (), probe_round_trip, "OK"),
        (with_head(None), (), probe_round_trip, "is missing"),
        (with_head(StoredObject("x", 1)), (), probe_round_trip, "another size"),
        (with_head(StoredObject("x", 27, "ab" * 32)), (), probe_round_trip, "another SHA-256"),
        (with_get(other_bytes), (), probe_round_trip, "the bytes read differ"),
        (with_get(shifted_ranges), (), probe_round_trip, "a range differs"),
        (new_store(), PUT_FIRST, probe_put_once, "OK"),
        (that_replaces(), PUT_FIRST, probe_put_once, "an object was replaced"),
        (new_store(), PUT_FIRST, probe_list_order, "OK"),
        (that_lists(lambda names: names[:1]), PUT_FIRST, probe_list_order, "a listing lacks"),
        (that_lists(lambda names: names[::-1]), PUT_FIRST, probe_list_order, "is not in order"),
        (new_store(), PUT_FIRST, probe_delete, "OK"),
        (that_keeps(), PUT_FIRST, probe_delete, "still in the listing"),
    ],
)
def test_a_fault_of_a_store_is_found(
    tmp_path: Path, store: Store, before: tuple[Run, ...], probe: Run, verdict: str
) -> None:
    target = target_of(tmp_path, store)
    for earlier in before:
        assert probed(earlier, target).verdict is Verdict.OK
    outcome = probed(probe, target)

    if verdict == "OK":
        assert outcome.verdict is Verdict.OK
    else:
        assert outcome.verdict is Verdict.FAIL and verdict in outcome.text


def test_a_key_that_cannot_delete_is_well_and_a_lock_on_the_probes_is_not(tmp_path: Path) -> None:
    for message, verdict in (("AccessDenied", Verdict.OK), ("ObjectLocked", Verdict.WARN)):
        target = target_of(tmp_path, that_refuses_deletes(message))
        probed(probe_round_trip, target)
        outcome = probed(probe_delete, target)
        assert (
            outcome.verdict is verdict
            and "1 objects of this check could not be deleted" in outcome.text
        )


def test_only_objects_of_this_probing_are_deleted(tmp_path: Path) -> None:
    store = new_store()
    target = target_of(tmp_path, store)
    other = attrs.evolve(target, token="another")
    for each in (target, other):
        probed(probe_round_trip, each)
    probed(probe_delete, target)

    assert list(objects_of(store)) == [f"{other.prefix}{PUT}"]


def test_the_bucket_must_belong_to_this_archive_and_have_its_last_record(tmp_path: Path) -> None:
    root, store = tmp_path / "a", new_store()
    target = target_of(root, store)
    for probe in (probe_archive_id, probe_last_record):
        assert probed(probe, target).verdict is Verdict.OK  # nothing was pushed yet
    add_hour(root, 0)
    pushed(root, store)
    target = target_of(root, store, ledger=bucket_ledger(root, store.address))
    for probe in (probe_archive_id, probe_last_record):
        assert probed(probe, target).verdict is Verdict.OK

    assert probed(probe_archive_id, target_of(tmp_path / "b", store)).verdict is Verdict.FAIL
    rolled_back(store)
    assert "rolled back" in probed(probe_last_record, target).text
    assert "hindlog.json, is missing" in probed(probe_archive_id, target).text


def rolled_back(store: Store) -> None:
    async def delete() -> None:
        for name in ("hindlog.json", *(x for x in names if x.startswith("mirror/"))):
            await store.delete(name)

    names = list(objects_of(store))
    asyncio.run(delete())


def test_a_ledger_without_records_has_no_last_one(tmp_path: Path) -> None:
    ledger = Ledger("memory://x", "0123456789abcdef", "aa000001")

    assert probed(probe_last_record, target_of(tmp_path, ledger=ledger)).verdict is Verdict.OK
