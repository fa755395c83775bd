"""Objects that a check found missing are put again: the committed bytes, or nothing."""

import asyncio
import shutil
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.files.assets import put_asset
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.names import RecordObject, RollUpObject
from eventlog.mirror.bucket.rollup import join_records
from eventlog.mirror.check.checking import CheckRequest, check_bucket
from eventlog.mirror.local.last_check import MissingObject
from eventlog.mirror.push.again import PutAgain, put_again
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.cli.making import damage
from tests.eventlog.making import OTHER, write_log
from tests.eventlog.mirror.buckets import Objects, add_hour, new_store, objects_of, pushed


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Objects]:
    """An archive with an asset and several segments, and the objects of its bucket."""
    root, store = tmp_path_factory.mktemp("archive"), new_store()
    draft = Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=put_asset(root, b"large"))
    write_log(root, [[draft]], writer=OTHER)
    for hour in range(4):
        add_hour(root, hour, rows=1)
    pushed(root, store)
    return root, objects_of(store)


def bucket_of(objects: Objects) -> Store:
    store = new_store()
    for name, data in objects.items():
        asyncio.run(store.put_new(name, upload_of_bytes(data)))
    return store


def put_missing(root: Path, store: Store) -> PutAgain:
    """Puts again what a check finds missing."""

    async def check_and_put() -> PutAgain:
        result = await check_bucket(root, store, CheckRequest())
        missing = [MissingObject(x.name, x.size, x.sha256) for x in result.missing]
        return await put_again(root, store, missing)

    return asyncio.run(check_and_put())


@given(data=st.data())
def test_whatever_is_missing_is_as_before(
    archive: tuple[Path, Objects], data: st.DataObject
) -> None:
    root, objects = archive
    names = [name for name in sorted(objects) if name.startswith(("log/", "assets/"))]
    gone = data.draw(st.sets(st.sampled_from(names), min_size=1))
    store = bucket_of({name: data for name, data in objects.items() if name not in gone})

    done = put_missing(root, store)

    assert (done.objects, done.left) == (len(gone), {})
    assert objects_of(store) == objects


def test_only_the_committed_bytes_are_put(archive: tuple[Path, Objects], tmp_path: Path) -> None:
    origin, objects = archive
    root = tmp_path / "copy"
    shutil.copytree(origin, root)
    sealed = sorted(name for name in objects if name.endswith(".ndjson.zst") and name[:3] == "log")
    manifest = sealed[3].replace(".ndjson.zst", ".manifest.json")
    gone = {*sealed[:3], manifest}
    (root / sealed[0]).unlink()
    damage(root / sealed[1])
    (root / sealed[2]).write_bytes(b"short")

    store = bucket_of({name: data for name, data in objects.items() if name not in gone})
    done = put_missing(root, store)

    reasons = {wanted.name: reason for wanted, reason in done.left.items()}
    assert done.objects == 1 and sorted(reasons) == sealed[:3]
    assert reasons[sealed[0]] == "not here either"
    assert "not stored" in reasons[sealed[1]] and "found 5" in reasons[sealed[2]]
    assert objects_of(store).keys() == objects.keys() - set(sealed[:3])


def test_what_a_record_names_is_put_before_it(archive: tuple[Path, Objects]) -> None:
    root, objects = archive
    order: list[str] = []
    store = bucket_of({"hindlog.json": objects["hindlog.json"]})

    async def put_new(name: str, upload: object) -> bool:
        order.append(name)
        return True

    missing = [
        MissingObject(name, len(data), digest(data))
        for name, data in sorted(objects.items(), reverse=True)
        if name.startswith(("log/", "assets/"))
    ]
    recording = attrs.evolve(store, put_new=put_new)
    asyncio.run(put_again(root, recording, missing))

    kinds = [name.rsplit(".", 1)[-1] if name.startswith("log") else "asset" for name in order]
    assert kinds == sorted(kinds, key=["asset", "zst", "json"].index)
    assert len(order) == len(missing)


def test_a_record_is_put_again_from_a_roll_up_that_contains_it(tmp_path: Path) -> None:
    records = [b"record %d\n" % number for number in range(64)]
    roll_up = join_records(records)
    assert roll_up is not None
    store = bucket_of({str(RollUpObject("0a0b0c0d", 64, 64)): roll_up})
    missing = [
        MissingObject(str(RecordObject("0a0b0c0d", number)), len(data), digest(data))
        for number, data in ((64, records[0]), (69, records[5]), (70, b"another"), (63, b"x"))
    ]

    done = asyncio.run(put_again(tmp_path, store, [*missing, MissingObject("log/x", 1, "ab")]))

    assert list(objects_of(store).values())[1:] == [records[0], records[5]]
    assert done.objects == 2 and len(done.left) == 3
    assert {reason.split(": ")[-1] for reason in done.left.values()} >= {
        *("in no roll-up", "no object of a mirror"),
    }
