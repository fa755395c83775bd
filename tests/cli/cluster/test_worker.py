"""The archive of a worker that shares only the bucket, which here is a folder."""

from pathlib import Path

import pytest

from cli.cluster.engines import LOCAL, fetch_parts, open_engine
from cli.cluster.worker import PARTS, BucketArchive, open_bucket_archive
from cli.config.settings import MirrorSettings
from eventlog.errors import Invalid
from eventlog.files.listing import list_segments
from eventlog.format.paths import manifest_path, sealed_path
from eventlog.mirror.local.identity import read_archive_id
from eventlog.read.segment_lines import segment_blocks
from eventlog.stores.opening import open_store
from eventlog.stores.wrappers import in_thread
from projector.cluster import engine
from projector.cluster.cluster import StoredFile
from tests.cli.making import hindlog, new_archive
from tests.cli.mirror.making import add_hour


@pytest.fixture
def pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive whose mirror is the folder `mirror` beside it; workers cache in `cache`."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = new_archive(tmp_path / "a", f'[mirror]\nurl = "file://{tmp_path}/mirror"\n')
    add_hour(root, 0)
    assert hindlog("sync", "push", at=root).code == 0
    return root


def bucket_of(root: Path) -> BucketArchive:
    url = f"file://{root.parent}/mirror"
    return BucketArchive(str(read_archive_id(root)), MirrorSettings(url=url))


def test_a_worker_reads_the_segments_of_a_task_from_the_bucket(pushed: Path) -> None:
    name = list_segments(pushed)[0].name
    manifest = manifest_path(pushed, name).read_text()

    with open_bucket_archive(bucket_of(pushed), [manifest]) as archive:
        read = b"".join(segment_blocks(archive.root, name))
    with open_bucket_archive(bucket_of(pushed), [manifest]) as again:
        same_root = again.root

    assert read == b"".join(segment_blocks(pushed, name))
    assert archive.root.parent == pushed.parent / "cache" / "hindlog" and same_root == archive.root
    assert not sealed_path(archive.root, name).exists()  # it is in the cache of that archive


def test_of_two_workers_that_publish_a_file_the_first_counts(pushed: Path) -> None:
    (pushed / "first").write_bytes(b"rows")
    (pushed / "second").write_bytes(b"rows, packed in another way")

    with open_bucket_archive(bucket_of(pushed), []) as archive:
        first = archive.publish(pushed / "first", "x/y.parquet")
        second = archive.publish(pushed / "second", "x/y.parquet")

    assert first == second == StoredFile("x/y.parquet", 4, first.sha256)
    assert (pushed.parent / "mirror" / PARTS / "x" / "y.parquet").read_bytes() == b"rows"


def test_the_coordinator_fetches_the_parts_that_it_lacks(pushed: Path, tmp_path: Path) -> None:
    (pushed / "part").write_bytes(b"rows")
    with open_bucket_archive(bucket_of(pushed), []) as archive:
        files = [archive.publish(pushed / "part", f"x/{name}.parquet") for name in "ab"]
    parts = tmp_path / "parts"
    (parts / "x").mkdir(parents=True)
    (parts / "x" / "a.parquet").write_bytes(b"here")

    with in_thread(open_store(f"file://{pushed.parent}/mirror")) as store:
        fetch_parts(store, files, parts)

    contents = {path.name: path.read_bytes() for path in (parts / "x").iterdir()}
    assert contents == {"a.parquet": b"here", "b.parquet": b"rows"}


def test_an_engine_is_local_or_a_dask_address(pushed: Path) -> None:
    with open_engine(LOCAL, pushed) as here:
        assert here is engine.LOCAL
    done = hindlog("view", "update", "--engine", "spark://host:1", at=pushed)

    assert done.code == 2
    assert "spark://host:1: expected local, dask://HOST:PORT" in done.err
    with pytest.raises(Invalid), open_engine("dask://", pushed):
        pass
