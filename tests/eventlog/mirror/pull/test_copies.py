"""Good copies of single segments and assets."""

import asyncio
from pathlib import Path

import pytest

from eventlog.errors import Corrupt, NotFound
from eventlog.files.assets import get_asset, put_asset
from eventlog.format.paths import SegmentName, asset_path, manifest_path, sealed_path
from eventlog.mirror.bucket.names import AssetObject
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.pull.copies import fetch_assets, fetch_segment
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.cli.making import damage
from tests.eventlog.making import SOURCE
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed


def fetched(root: Path, store: Store, name: SegmentName, folder: Path) -> bool:
    archive = read_archive_id(root)
    assert archive is not None
    return asyncio.run(fetch_segment(store, archive, name, folder))


def test_a_committed_segment_is_fetched_as_an_archive_has_it(tmp_path: Path) -> None:
    root, folder, store = tmp_path / "a", tmp_path / "copy", new_store()
    name = add_hour(root, 0)
    pushed(root, store)

    assert fetched(root, store, name, folder)
    for path_of in (manifest_path, sealed_path):
        assert path_of(folder, name).read_bytes() == path_of(root, name).read_bytes()
    assert not fetched(root, store, add_hour(root, 1), folder)


def test_without_its_sealed_file_only_the_manifest_is_there_and_other_bytes_are_an_error(
    tmp_path: Path,
) -> None:
    root, store = tmp_path / "a", new_store()
    name = add_hour(root, 0)
    pushed(root, store)
    sealed = f"log/{name}.ndjson.zst"
    asyncio.run(store.delete(sealed))

    assert fetched(root, store, name, tmp_path / "b")
    assert not sealed_path(tmp_path / "b", name).exists()
    asyncio.run(store.put_new(sealed, upload_of_bytes(b"other")))
    with pytest.raises(Corrupt, match="found 5"):
        fetched(root, store, name, tmp_path / "c")


def test_missing_and_damaged_assets_are_replaced_and_intact_ones_left_alone(tmp_path: Path) -> None:
    store = new_store()
    names = [put_asset(tmp_path, b"large %d" % number) for number in range(4)]
    for sha256 in names[:3]:
        upload = upload_of_bytes(get_asset(tmp_path, sha256))
        asyncio.run(store.put_new(str(AssetObject(sha256)), upload))
    asset_path(tmp_path, names[0]).unlink()
    damage(asset_path(tmp_path, names[1]))

    assert asyncio.run(fetch_assets(tmp_path, store, SOURCE, names)) == 2
    assert [get_asset(tmp_path, sha256) for sha256 in names] == [
        b"large %d" % number for number in range(4)
    ]
    assert [path.name for path in (tmp_path / "log" / SOURCE / ".damaged").iterdir()] == [names[1]]
    asset_path(tmp_path, names[3]).unlink()
    with pytest.raises(NotFound, match="missing in the bucket, too"):
        asyncio.run(fetch_assets(tmp_path, store, SOURCE, names))
