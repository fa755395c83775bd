"""Committing: a number is taken once, and roll-ups are written when they are due."""

import asyncio
from pathlib import Path

import pytest
import zstandard

from eventlog.errors import Corrupt
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.record import encode_record
from eventlog.mirror.local.ledger import Ledger, PusherHead, load_ledger
from eventlog.mirror.push.commit import put_rollups
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.mirror.buckets import new_store, objects_of
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, record_of

FOLDER = f"mirror/{PUSHER}/"


def put(store: Store, name: str, data: bytes) -> None:
    asyncio.run(store.put_new(name, upload_of_bytes(data)))


def put_records(store: Store, count: int) -> list[bytes]:
    """Puts a log of records. Returns their bytes."""
    records: list[bytes] = []
    for number in range(count):
        previous = digest(records[-1]) if records else None
        records.append(encode_record(record_of(number=number, previous=previous)))
        put(store, f"{FOLDER}{number:010d}.json", records[-1])
    return records


def roll_up(root: Path, store: Store, end: int, rolled: int = 0) -> Ledger:
    head = PusherHead(end, "ab" * 32, rolled)
    ledger = Ledger(store.address, ARCHIVE, PUSHER, {PUSHER: head})
    return asyncio.run(put_rollups(root, store, ledger))


def test_rollups_that_are_due_are_put_and_recorded_in_the_ledger(tmp_path: Path) -> None:
    store = new_store()
    records = put_records(store, 129)

    ledger = roll_up(tmp_path, store, 129)

    objects = objects_of(store)
    assert ledger.own.rolled == 128 and load_ledger(tmp_path) == ledger
    for first in (0, 64):
        joined = zstandard.decompress(objects[f"{FOLDER}{first:010d}.64.ndjson.zst"])
        assert joined == b"".join(records[first : first + 64])
    assert len(objects) == 131
    assert roll_up(tmp_path, store, 129, 128) == ledger
    assert objects_of(store) == objects


def test_a_rollup_is_put_later_if_a_push_was_killed_before_it(tmp_path: Path) -> None:
    store = new_store()
    put_records(store, 65)

    assert roll_up(tmp_path, store, 63).own.rolled == 0
    assert roll_up(tmp_path, store, 65).own.rolled == 64
    assert f"{FOLDER}0000000000.64.ndjson.zst" in objects_of(store)


def test_a_large_rollup_consists_of_the_small_ones_and_is_left_out_without_them(
    tmp_path: Path,
) -> None:
    store = new_store()
    frames = [zstandard.compress(b"%d\n" % n * 64) for n in range(64)]
    for number, frame in enumerate(frames):
        put(store, f"{FOLDER}{number * 64:010d}.64.ndjson.zst", frame)
    large = f"{FOLDER}0000000000.4096.ndjson.zst"

    roll_up(tmp_path, store, 4096, 4095)
    assert objects_of(store)[large] == b"".join(frames)
    asyncio.run(store.delete(large))
    asyncio.run(store.delete(f"{FOLDER}{64:010d}.64.ndjson.zst"))
    assert roll_up(tmp_path, store, 4096, 4095).own.rolled == 4096
    assert large not in objects_of(store)


def test_a_rollup_that_another_version_of_zstd_wrote_is_accepted(tmp_path: Path) -> None:
    store, name = new_store(), f"{FOLDER}0000000000.64.ndjson.zst"
    records = put_records(store, 64)
    put(store, name, zstandard.compress(b"".join(records), 1))
    before = objects_of(store)[name]

    assert roll_up(tmp_path, store, 64).own.rolled == 64
    assert objects_of(store)[name] == before


def test_a_rollup_with_other_records_is_damage(tmp_path: Path) -> None:
    store = new_store()
    put_records(store, 64)
    put(store, f"{FOLDER}0000000000.64.ndjson.zst", zstandard.compress(b"other\n" * 64))

    with pytest.raises(Corrupt, match="other records than 0 to 63"):
        roll_up(tmp_path, store, 64)


def test_a_rollup_that_would_be_too_large_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventlog.mirror.push.commit.MAX_ROLLUP_BYTES", 10)
    store = new_store()
    put_records(store, 64)

    assert roll_up(tmp_path, store, 64).own.rolled == 64
    assert len(objects_of(store)) == 64
