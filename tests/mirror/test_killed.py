"""Killed at any change of a file: a push, a pull, `init --from`, an upload in parts.

Afterwards the archive is not damaged, and the next command continues.
"""

import asyncio
import shutil
from functools import partial
from pathlib import Path

import pytest

from eventlog.check.verify import verify
from eventlog.files.assets import put_asset
from eventlog.format.event import ANOMALY, Draft
from eventlog.mirror.local.absent import absent_test
from eventlog.mirror.pull.pull import pull
from eventlog.mirror.push.push import push
from eventlog.stores.local import local_store
from eventlog.stores.s3 import objects
from eventlog.stores.s3.multipart import Multipart
from tests.cli.making import hindlog, new_archive
from tests.cli.mirror.test_bucket import fake_client, put_upload
from tests.eventlog.making import OTHER, write_log
from tests.eventlog.mirror.buckets import add_hour, check_laws, objects_of, pusher_on, sealed_files
from tests.eventlog.stores.s3.test_multipart import PART_BYTES, UPLOAD, FakeBucket
from tests.extent import few_or_all
from tests.mirror.killing import killed_at

pytestmark = pytest.mark.sampled


def instants(count: int, few: int) -> range:
    """Returns the changes of `count` at which the process is killed: a few, or every third."""
    return range(0, count, few_or_all(max(1, count // few), 3))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with two streams and an asset."""
    root = new_archive(tmp_path_factory.mktemp("sealed") / "a")
    add_hour(root, 0)
    sha256 = put_asset(root, b"large" * 100)
    write_log(
        root, [[Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)]], writer=OTHER
    )
    return root


@pytest.fixture(scope="module")
def bucket(sealed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bucket of that archive, a folder."""
    folder, root = tmp_path_factory.mktemp("bucket"), tmp_path_factory.mktemp("pushed") / "a"
    shutil.copytree(sealed, root)
    push_to(folder, root)
    return folder


def push_to(bucket: Path, root: Path) -> None:
    asyncio.run(push(root, local_store(bucket), pusher_on(root)))


def pull_from(bucket: Path, root: Path) -> None:
    asyncio.run(pull(root, local_store(bucket), pusher_on(root)))


def damages(root: Path) -> list[str]:
    return [str(damage) for damage in verify(root, is_absent=absent_test(root)).damages]


@pytest.mark.slow
def test_a_push_is_continued(sealed: Path, tmp_path: Path) -> None:
    def start(name: str) -> tuple[Path, Path]:
        folder = tmp_path / name / "bucket"
        folder.mkdir(parents=True)
        shutil.copytree(sealed, tmp_path / name / "a")
        return folder, tmp_path / name / "a"

    folder, root = start("all")
    with killed_at(tmp_path / "all") as steps:
        push_to(folder, root)
    assert steps.count > 30
    for number in instants(steps.count, 4):
        folder, root = start(str(number))
        with killed_at(folder.parent, number):
            push_to(folder, root)
        assert damages(root) == []
        push_to(folder, root)

        stored = objects_of(local_store(folder))
        assert len(check_laws(stored)) == 2
        ours = sealed_files(root)
        assert {name: stored[name] for name in ours} == ours, number


def test_a_pull_is_continued(sealed: Path, bucket: Path, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    with killed_at(tmp_path / "all") as steps:
        pull_from(bucket, tmp_path / "all")
    assert steps.count > 20
    for number in instants(steps.count, 5):
        root = tmp_path / str(number)
        root.mkdir()
        with killed_at(root, number):
            pull_from(bucket, root)
        assert damages(root) == [], number
        pull_from(bucket, root)

        assert sealed_files(root) == sealed_files(sealed), number
        for left in (root / "log").rglob(".*.tmp"):  # at most another name of a complete file
            assert left.samefile(left.with_name(left.name[1:-4])), number


@pytest.mark.slow
def test_init_from_a_bucket_is_continued_by_init_or_by_a_pull(
    sealed: Path, bucket: Path, tmp_path: Path
) -> None:
    url = bucket.as_uri()
    with killed_at(tmp_path / "all") as steps:
        assert hindlog("init", tmp_path / "all", "--from", url).code == 0
    for number in sorted({1, 2, 3, *instants(steps.count, 3)}):
        root = tmp_path / str(number)
        with killed_at(root, number):
            hindlog("init", root, "--from", url)
        if (root / "hindlog.toml").exists():
            assert hindlog("verify", at=root).code == 0, number
            done = hindlog("sync", "pull", at=root)
        else:
            done = hindlog("init", root, "--from", url)

        assert done.code == 0, (number, done.err)
        assert sealed_files(root) == sealed_files(sealed), number


def test_an_upload_in_parts_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PART_BYTES", PART_BYTES)
    monkeypatch.setattr(objects, "Multipart", partial(Multipart, part_bytes=PART_BYTES))

    def put(root: Path, into: FakeBucket, limit: int = 1 << 30) -> int:
        monkeypatch.setattr(objects, "open_client", partial(fake_client, into, 9))
        with killed_at(root, limit) as steps:
            asyncio.run(put_upload(root))
        return steps.count

    (tmp_path / "all").mkdir()
    for number in range(put(tmp_path / "all", FakeBucket())):
        root, into = tmp_path / str(number), FakeBucket()
        root.mkdir()
        put(root, into, number)
        put(root, into)

        assert into.completed == UPLOAD.read(0, UPLOAD.size), number
        assert list((root / "state" / "mirror" / "uploads").glob("[!.]*")) == [], number
