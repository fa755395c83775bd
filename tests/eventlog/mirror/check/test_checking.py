"""A check finds every tampering with a bucket, and nothing in a good one."""

import asyncio
import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.errors import Corrupt, Invalid, Unavailable
from eventlog.files.assets import put_asset
from eventlog.files.lost_segments import LOSS_FORMAT, Loss, write_loss
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.paths import segment_at
from eventlog.mirror.check.checking import CheckRequest, CheckResult, check_bucket
from eventlog.mirror.check.choice import ReadShare
from eventlog.mirror.check.compare import Finding
from eventlog.mirror.check.expected import expected_objects
from eventlog.mirror.check.in_flight import COMPLETE
from eventlog.mirror.history.spool import spool_records
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.ledger import load_ledger
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import OTHER, SOURCE, START, write_log
from tests.eventlog.mirror.buckets import (
    Objects,
    add_hour,
    new_store,
    objects_of,
    pushed,
    refuse_records,
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Objects]:
    """An archive that was pushed with two records, and the objects of its bucket."""
    root, store = tmp_path_factory.mktemp("archive"), bucket_of({})
    add_hour(root, 0)
    sha256 = put_asset(root, b"large" * 100)
    draft = Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)
    write_log(root, [[draft]], writer=OTHER)
    pushed(root, store)
    add_hour(root, 1)
    name = segment_at("civitai", OTHER, START, 0)
    write_loss(root, Loss(LOSS_FORMAT, str(name), 1, 5, "2026-11-21T05:00:00.000000Z", None, None))
    pushed(root, store)
    return root, objects_of(store)


ADDRESS = "memory://tampered"


def bucket_of(objects: Objects) -> Store:
    """Returns a bucket with these objects, at the address that the archive pushed to."""
    store = new_store()
    for name, data in objects.items():
        asyncio.run(store.put_new(name, upload_of_bytes(data)))
    return attrs.evolve(store, address=ADDRESS)


def checked(root: Path, store: Store, *, heads: bool = False, read: str = "") -> CheckResult:
    share = ReadShare(*map(int, read.split("/"))) if read else None
    return asyncio.run(check_bucket(root, store, CheckRequest(heads, share)))


def findings(result: CheckResult) -> list[tuple[Finding | None, str]]:
    return [(item.finding, item.name) for item in result.findings]


def test_a_good_bucket_is_clean_at_every_depth(archive: tuple[Path, Objects]) -> None:
    root, objects = archive
    store = bucket_of(objects)

    result = checked(root, store)
    assert (result.findings, result.read, result.is_clean) == ((), 0, True)
    assert result.committed == len(objects) - 1  # hindlog.json
    result = checked(root, store, heads=True, read="1/1")
    assert (result.findings, result.read) == ((), len(objects) - 1)
    assert not list((root / "state" / "mirror").glob("records*"))


def test_the_shares_cover_every_object_once(archive: tuple[Path, Objects]) -> None:
    root, objects = archive
    store = bucket_of(objects)

    assert sum(checked(root, store, read=f"{n}/3").read for n in (1, 2, 3)) == len(objects) - 1


@pytest.mark.parametrize("kind", ["ndjson.zst", "manifest.json", "lost.json", "assets"])
def test_an_object_that_was_deleted_changed_or_cut_is_found(
    archive: tuple[Path, Objects], kind: str
) -> None:
    root, objects = archive
    name = next(x for x in objects if (kind in x and not x.startswith("mirror/")))
    data = objects[name]
    flipped = bytes([data[0] ^ 1]) + data[1:]

    missing = {n: d for n, d in objects.items() if n != name}
    assert findings(checked(root, bucket_of(missing))) == [(Finding.MISSING, name)]
    cut = bucket_of({**objects, name: data[:-1]})
    assert findings(checked(root, cut)) == [(Finding.DIFFERENT, name)]
    changed = bucket_of({**objects, name: flipped})
    for depth in ({"heads": True}, {"read": "1/1"}):
        result = checked(root, changed, **depth)  # type: ignore[arg-type]
        assert findings(result) == [(Finding.DIFFERENT, name)] and not result.is_clean


def test_records_that_were_edited_deleted_or_rolled_back_are_found(
    archive: tuple[Path, Objects],
) -> None:
    root, objects = archive
    first, last = (name for name in sorted(objects) if name.startswith("mirror/"))

    edited = {**objects, first: objects[first].replace(b'"fetch"', b'"other"')}
    if edited == objects:
        edited = {**objects, first: objects[first].replace(b'"host":"', b'"host":"x')}
    for tampered, problem in (
        (edited, "continues one with SHA-256"),
        ({n: d for n, d in objects.items() if n != last}, "rolled back"),
        ({n: d for n, d in objects.items() if not n.startswith("mirror/")}, "rolled back"),
        ({**objects, last: objects[last].replace(b'"host":"', b'"host":"x')}, "rolled back"),
        ({**objects, last: objects[last][:-5]}, "expected a commit record"),
    ):
        with pytest.raises(Corrupt, match=problem):
            checked(root, bucket_of(tampered))


def test_a_folder_without_a_ledger_reports_what_no_record_names_and_knows_records_from_then_on(
    archive: tuple[Path, Objects], tmp_path: Path
) -> None:
    root, objects = archive
    last = max(name for name in objects if name.startswith("mirror/"))
    rolled_back = bucket_of({n: d for n, d in objects.items() if n != last})
    fresh = tmp_path / "fresh"
    shutil.copytree(root, fresh)
    shutil.rmtree(fresh / "state")

    result = checked(fresh, rolled_back)
    assert {item.finding for item in result.findings} == {Finding.IN_FLIGHT}
    assert (result.uncommitted, result.is_known) == (2, False)
    complete = [item.name for item in result.findings if item.text == COMPLETE]
    assert [name.rsplit(".", 2)[1] for name in complete] == ["lost", "manifest"]
    shutil.rmtree(fresh / "state")
    assert not checked(fresh, bucket_of(objects)).is_known
    assert checked(fresh, bucket_of(objects)).is_known
    with pytest.raises(Corrupt, match="rolled back"):
        checked(fresh, rolled_back)


def test_a_check_of_a_folder_without_archive_id_keeps_no_ledger(
    archive: tuple[Path, Objects], tmp_path: Path
) -> None:
    assert checked(tmp_path, bucket_of(archive[1])).is_clean
    assert load_ledger(tmp_path) is None


def test_foreign_objects_are_named(archive: tuple[Path, Objects]) -> None:
    root, objects = archive
    foreign = ["log/notes.txt", f"log/{SOURCE}/2026-11-20/05-{OTHER}-000.ndjson.zst", "x"]

    result = checked(root, bucket_of({**objects, **dict.fromkeys(foreign, b"x")}))
    assert findings(result) == [(Finding.FOREIGN, name) for name in sorted(foreign)]
    assert not result.is_clean


def test_an_interrupted_push_is_in_flight_and_clean(
    archive: tuple[Path, Objects], tmp_path: Path
) -> None:
    root, objects = archive
    copy, store = tmp_path / "copy", bucket_of(objects)
    shutil.copytree(root, copy)
    name = add_hour(copy, 2)
    shutil.rmtree(copy / "state")
    with pytest.raises(Unavailable):
        pushed(copy, attrs.evolve(store, put_new=refuse_records(store)))

    result = checked(root, store)
    assert result.is_clean
    assert findings(result) == [
        (Finding.IN_FLIGHT, f"log/{name}.manifest.json"),
        (Finding.IN_FLIGHT, f"log/{name}.ndjson.zst"),
    ]


def test_another_archive_is_refused(archive: tuple[Path, Objects]) -> None:
    root, objects = archive
    other = objects["hindlog.json"].replace(str(read_archive_id(root)).encode(), b"f" * 16)

    with pytest.raises(Invalid, match="belongs to archive ffff"):
        checked(root, bucket_of({"hindlog.json": other}))
    with pytest.raises(Invalid, match="belongs to archive none"):
        checked(root, new_store())


def test_expected_objects_are_sorted_whatever_the_size_of_runs(
    archive: tuple[Path, Objects], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, objects = archive
    archive_id = read_archive_id(root)
    assert archive_id is not None
    store = bucket_of(objects)

    async def expected_names() -> list[str]:
        async with spool_records(tmp_path, store, archive_id, "") as spool:
            with expected_objects(spool) as expected:
                return [item.name for item in expected]

    at_once = asyncio.run(expected_names())
    monkeypatch.setattr("eventlog.mirror.check.expected.RUN", 2)

    assert asyncio.run(expected_names()) == at_once
    assert at_once == sorted(set(objects) - {"hindlog.json"})
