"""Freeing local files: only confirmed ones, and nothing is lost whenever it is interrupted."""

import asyncio
import hashlib
import os
from pathlib import Path

import attrs
import pytest

from eventlog.check.verify import verify
from eventlog.clock import HOUR
from eventlog.errors import Corrupt, Invalid, Locked
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.paths import sealed_path
from eventlog.mirror.local.absent import absent_test
from eventlog.mirror.local.findings import Findings, save_findings
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.local.ledger import ledger_path
from eventlog.mirror.probe.probing import ETAGS
from eventlog.mirror.prune.prune import PruneResult, prune
from eventlog.mirror.push.push import push
from eventlog.stores.opening import open_store
from eventlog.stores.store import Store, StoredObject
from tests.eventlog.making import OTHER, START, write_log
from tests.eventlog.mirror.buckets import (
    Killed,
    Requests,
    add_hour,
    new_store,
    objects_of,
    pushed,
    pusher_on,
    sealed_files,
)
from tests.object_store.server import ObjectServer

ALL = START + 100 * HOUR


def with_etags(store: Store) -> Store:
    """Returns the store with the ETags of a bucket."""

    async def head(name: str) -> StoredObject | None:
        there = await store.head(name)
        etag = hashlib.md5(await store.get(name, None)).hexdigest() if there else ""
        return attrs.evolve(there, etag=etag) if there else None

    return attrs.evolve(store, head=head)


def archive(root: Path, *, probed: bool = True, hours: int = 3) -> Store:
    """Pushes two streams of some hours and returns their bucket."""
    store = new_store()
    for hour in range(hours):
        add_hour(root, hour)
        add_hour(root, hour, OTHER)
    pushed(root, store)
    if probed:
        save_findings(root, Findings(store.address, "now", {ETAGS: "OK"}))
    return with_etags(store)


def pruned(root: Path, store: Store, before: int = ALL, *, read: bool = False) -> PruneResult:
    return asyncio.run(prune(root, store, before, read=read))


@pytest.mark.parametrize("read", [False, True])
def test_old_files_are_freed_and_everything_else_stays(tmp_path: Path, read: bool) -> None:
    store = archive(tmp_path, probed=not read)
    before = sealed_files(tmp_path)

    result = pruned(tmp_path, store, START + HOUR, read=read)
    after = sealed_files(tmp_path)
    freed = before.keys() - after.keys()
    assert (result.freed, result.size) == (2, sum(len(before[name]) for name in freed))
    assert {name.rsplit("/")[-1][:2] for name in freed} == {"05"}
    assert all(name.endswith(".zst") for name in freed)
    assert {name: before[name] for name in after} == after and result.problems == []
    assert pruned(tmp_path, store, read=read).freed == 4
    assert not list((tmp_path / "log").rglob("*.zst"))
    assert verify(tmp_path, is_absent=absent_test(tmp_path)).damages == ()
    assert pushed(tmp_path, store).segments == 0
    assert [path.name for path in (tmp_path / "state" / "mirror").iterdir() if path.is_dir()] == []


def test_without_a_probe_files_are_freed_by_reading_only(tmp_path: Path) -> None:
    store = archive(tmp_path, probed=False)
    for verdicts in (None, {}, {ETAGS: "WARN"}, {"other": "OK"}):
        if verdicts is not None:
            save_findings(tmp_path, Findings(store.address, "now", verdicts))
        with pytest.raises(Invalid, match="not known whether its ETags") as error:
            pruned(tmp_path, store)
        assert "hindlog doctor --online" in str(error.value.hint)
    assert len(list((tmp_path / "log").rglob("*.zst"))) == 6


@pytest.mark.parametrize("read", [False, True])
def test_files_that_are_not_confirmed_stay(tmp_path: Path, read: bool) -> None:
    store = archive(tmp_path)
    paths = sorted((tmp_path / "log").rglob("*.zst"))
    missing, other, damaged = (path.relative_to(tmp_path).as_posix() for path in paths[:3])
    data = objects_of(store)[other]

    async def head(name: str) -> StoredObject | None:
        there = await store.head(name)
        assert there is not None
        changed = attrs.evolve(there, etag=hashlib.md5(data[::-1]).hexdigest())
        return None if name == missing else changed if name == other else there

    async def get_to_file(name: str, wanted: object) -> None:
        if name in (missing, other):
            raise Corrupt(f"{name}: other bytes")
        await store.get_to_file(name, wanted)  # type: ignore[arg-type]

    paths[2].chmod(0o644)
    paths[2].write_bytes(paths[2].read_bytes()[::-1])
    result = pruned(tmp_path, attrs.evolve(store, head=head, get_to_file=get_to_file), read=read)

    assert result.freed == 3 and [path for path in paths if path.exists()] == paths[:3]
    assert len(result.problems) == 3 and any(damaged in f"log/{x}" for x in result.problems)


def test_a_bucket_that_was_rolled_back_frees_nothing(tmp_path: Path) -> None:
    store = archive(tmp_path)
    records = [name for name in objects_of(store) if name.startswith("mirror/")]
    for name in records:
        asyncio.run(store.delete(name))

    with pytest.raises(Corrupt, match="rolled back"):
        pruned(tmp_path, store)
    assert len(list((tmp_path / "log").rglob("*.zst"))) == 6


def test_a_prune_needs_a_ledger_and_waits_for_no_push(tmp_path: Path) -> None:
    store = archive(tmp_path)
    with lock_mirror(tmp_path), pytest.raises(Locked):
        pruned(tmp_path, store)
    ledger_path(tmp_path).unlink()

    with pytest.raises(Invalid, match="this folder has no record of a push to it"):
        pruned(tmp_path, store)


def test_a_prune_that_is_killed_at_any_request_lost_nothing(tmp_path: Path) -> None:
    complete = Requests(archive(tmp_path / "all", hours=1))
    asyncio.run(prune(tmp_path / "all", complete.wrapped(), ALL))
    for number in range(len(complete.names)):
        root = tmp_path / str(number)
        store = archive(root, hours=1)
        before = sealed_files(root)
        requests = Requests(store, fail_at=number)
        with pytest.raises(Killed):
            asyncio.run(prune(root, requests.wrapped(), ALL, transfers=1))
        objects = objects_of(store)
        assert all(objects[name] == data for name, data in before.items())
        assert all(sealed_files(root)[name] == before[name] for name in sealed_files(root))
        assert verify(root, is_absent=absent_test(root)).damages == ()
        assert pruned(root, store).problems == []
        assert not list((root / "log").rglob("*.zst"))


def test_what_is_not_pushed_yet_stays_until_it_is(tmp_path: Path) -> None:
    store = archive(tmp_path)
    name = add_hour(tmp_path, 5)
    assert pruned(tmp_path, store).uncommitted == 1

    assert sealed_path(tmp_path, name).exists()
    pushed(tmp_path, store)
    assert pruned(tmp_path, store).freed == 1


@pytest.mark.slow
def test_a_real_server_confirms_by_etags(tmp_path: Path, object_server: ObjectServer) -> None:
    address = "s3://archive/pruned"
    large = [
        [Draft(kind=ANOMALY, members={"reason": "x"}, body_raw=os.urandom(4 << 20))]
        for _ in range(5)
    ]
    add_hour(tmp_path, 0)
    write_log(tmp_path, large, writer=OTHER)

    async def run() -> PruneResult:
        async with open_store(address, object_server.settings()) as store:
            await push(tmp_path, store, pusher_on(tmp_path))
            save_findings(tmp_path, Findings(store.address, "now", {ETAGS: "OK"}))
            return await prune(tmp_path, store, ALL)

    result = asyncio.run(run())
    assert (result.freed, result.problems) == (2, [])
