"""The planned objects and requests are those that a push and a check really make."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from eventlog.files.writer_ids import COMMAND, FETCH, writer_id
from eventlog.mirror.check.checking import CheckRequest, check_bucket
from eventlog.mirror.cost.traffic import (
    Traffic,
    described_bytes,
    reads_of_log,
    traffic_of_check,
    traffic_of_link,
    traffic_of_object,
    traffic_of_push,
    traffic_of_records,
)
from eventlog.mirror.plan.lag import bucket_ledger, mirror_lag
from eventlog.stores.store import Store, Upload
from eventlog.stores.transfer import PART_BYTES
from eventlog.stores.wrappers import CLASS_A, CLASS_B, counted
from tests.eventlog.mirror.buckets import add_hour, new_store, objects_of, pushed


def planned(root: Path, store: Store) -> Traffic:
    ledger = bucket_ledger(root, store.address)
    sizes = mirror_lag(root, store.address).sizes
    return traffic_of_push(sizes, ledger.own.next if ledger else 0, is_first=ledger is None)


def made(root: Path, store: Store) -> Traffic:
    """Pushes. Returns what that really took."""
    before, count = objects_of(store), Counter[str]()
    pushed(root, counted(store, count))
    new = {name: data for name, data in objects_of(store).items() if name not in before}
    size = sum(map(len, new.values()))
    return Traffic(len(new), size, count[CLASS_A], count[CLASS_B])


def test_a_push_takes_what_was_planned(tmp_path: Path) -> None:
    store = new_store()
    writers = [writer_id(tmp_path, role, "here") for role in (FETCH, COMMAND)]
    for hours in ([0, 1, 2], [3], [4, 5], []):
        for hour in hours:
            for writer in writers:
                add_hour(tmp_path, hour, writer)
        plan, real = planned(tmp_path, store), made(tmp_path, store)

        assert (plan.objects, plan.writes, plan.reads) == (real.objects, real.writes, real.reads)
        assert plan.size == pytest.approx(real.size, rel=0.35)  # manifests of few types


def test_a_check_takes_what_was_planned(tmp_path: Path) -> None:
    store, count = new_store(), Counter[str]()
    for hour in range(3):
        add_hour(tmp_path, hour)
        pushed(tmp_path, store)
    asyncio.run(check_bucket(tmp_path, counted(store, count), CheckRequest()))

    plan = traffic_of_check(len(objects_of(store)), [3])
    assert (plan.writes, plan.reads) == (count[CLASS_A], count[CLASS_B])


@pytest.mark.parametrize("size", [1, PART_BYTES, PART_BYTES + 1, 5 * PART_BYTES])
def test_an_object_takes_what_is_counted(size: int) -> None:
    count = Counter[str]()
    upload = Upload(size, "00" * 32, lambda _offset, _size: b"")

    async def put_new(_name: str, _upload: Upload) -> bool:
        return True

    asyncio.run(counted(Store("", *[put_new] * 8), count).put_new("x", upload))
    traffic = traffic_of_object(size)
    assert (traffic.writes, traffic.reads) == (count[CLASS_A], count[CLASS_B])


def test_roll_ups_count_their_requests() -> None:
    assert traffic_of_records(0, 63) == Traffic(63, 63 * 250, 63, 0)
    assert traffic_of_records(63, 64) == Traffic(2, 250, 2, 64)
    assert traffic_of_records(4095, 4096).reads == 128
    assert [reads_of_log(number) for number in (0, 1, 64, 26_280)] == [3, 4, 4, 75]


def test_a_loss_is_one_object_and_a_large_segment_has_more_frames() -> None:
    assert traffic_of_link(0).objects == 1
    assert described_bytes(1, 40_000) == described_bytes(1, 0)
    assert described_bytes(1, 40_000_000) > 50 * described_bytes(1, 0)


def test_a_month_has_30_days() -> None:
    assert Traffic(1, 20, 3, 0).per_month(10) == Traffic(3, 60, 9, 0)
