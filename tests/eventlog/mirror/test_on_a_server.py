"""Push, pull and check with a bucket on a real S3 server."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.check.verify import verify
from eventlog.errors import Locked
from eventlog.files.assets import put_asset
from eventlog.format.event import ANOMALY, Draft
from eventlog.mirror.check.checking import CheckRequest, ReadShare, check_bucket
from eventlog.mirror.check.compare import Finding
from eventlog.mirror.pull.pull import pull
from eventlog.mirror.push.push import push
from eventlog.stores.store import Store
from eventlog.stores.wrappers import counted
from tests.cli.making import copy_archive
from tests.eventlog.making import OTHER, write_log
from tests.eventlog.mirror.buckets import add_hour, check_laws, pusher_on, sealed_files
from tests.eventlog.stores.places import BucketPlace, buckets, listed
from tests.object_store.server import ObjectServer


@pytest.fixture
def bucket(object_server: ObjectServer) -> Iterator[BucketPlace]:
    with buckets(object_server, "http") as new_place:
        yield new_place()


def test_an_archive_survives_a_round_through_a_bucket(bucket: BucketPlace, tmp_path: Path) -> None:
    root, new = tmp_path / "a", tmp_path / "new"
    sha256 = put_asset(root, b"large" * 1000)
    draft = Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)
    write_log(root, [[draft]], writer=OTHER)
    for hour in range(2):
        add_hour(root, hour)
    copy = copy_archive(root, tmp_path / "copy")
    everything = CheckRequest(heads=True, read=ReadShare(1, 1))

    async def scenario(store: Store) -> None:
        requests: Counter[str] = Counter()
        counting = counted(store, requests)
        assert (await push(root, counting, pusher_on(root))).segments == 3
        requests.clear()
        assert (await push(root, counting, pusher_on(root))).segments == 0
        assert requests == {"class B": 1}
        objects = {x.name: await store.get(x.name, None) for x in await listed(store)}
        assert len(check_laws(objects)) == 2
        assert (await check_bucket(root, store, everything)).findings == ()
        pulled = await pull(new, store, pusher_on(new, "there"))
        assert (pulled.manifests, pulled.files) == (3, 4)
        add_hour(new, 4, "0badcafe")
        assert (await push(new, store, pusher_on(new, "there"))).segments == 1
        assert (await push(root, store, pusher_on(root))).segments == 0
        lost = next(name for name in objects if name.endswith(".ndjson.zst"))
        await store.delete(lost)
        found = (await check_bucket(root, store, CheckRequest())).findings
        assert [(item.finding, item.name) for item in found] == [(Finding.MISSING, lost)]

    bucket.run(scenario)
    assert sealed_files(root).items() <= sealed_files(new).items()
    assert verify(new).damages == ()
    assert sealed_files(copy) == sealed_files(root)


def test_two_copies_of_a_folder_do_not_overwrite_each_other(
    bucket: BucketPlace, tmp_path: Path
) -> None:
    root = tmp_path / "a"
    add_hour(root, 0)

    async def scenario(store: Store) -> None:
        await push(root, store, pusher_on(root))
        copy = copy_archive(root, tmp_path / "copy")
        add_hour(root, 1)
        add_hour(copy, 1, rows=3)
        await push(root, store, pusher_on(root))
        with pytest.raises(Locked, match="fenced"):
            await push(copy, store, pusher_on(copy))
        result = await push(copy, store, pusher_on(copy, renew=True))
        assert result.has_conflict and result.segments == 0
        assert (await check_bucket(root, store, CheckRequest(heads=True))).is_clean

    bucket.run(scenario)
