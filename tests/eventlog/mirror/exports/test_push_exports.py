"""Pushing exports: a reader finds one complete version at any time."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import attrs
import orjson
import pytest

from eventlog.errors import Corrupt, Unavailable
from eventlog.format.manifest import digest
from eventlog.mirror.exports.push_exports import PushedExport, push_exports
from eventlog.stores.store import Store, Upload
from tests.eventlog.mirror.buckets import Killed, Objects, new_store, objects_of
from tests.eventlog.mirror.exports.exporting import write_export

ROOT = Path(__file__).parents[4]
FIRST = {"a/models.parquet": b"first", "a/empty.parquet": b""}
SECOND = {"a/models.parquet": b"second"}


def push(root: Path, store: Store) -> Sequence[PushedExport]:
    return asyncio.run(push_exports(root, store))


def read_export(objects: Objects, name: str = "prices") -> Objects:
    """Returns the files of the current version, as a reader finds them."""
    manifest = objects[f"exports/{name}/manifest.json"]
    folder = f"exports/{name}/{digest(manifest)[:16]}"
    assert objects[f"{folder}/manifest.json"] == manifest
    files = [file for view in orjson.loads(manifest)["views"] for file in view["files"]]
    found = {file["path"]: objects[f"{folder}/{file['path']}"] for file in files}
    assert all(digest(found[file["path"]]) == file["sha256"] for file in files)
    return found


def test_an_export_is_pushed_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    store = new_store()
    assert push(tmp_path, store) == ()
    write_export(tmp_path, "prices", FIRST)
    write_export(tmp_path, "images", SECOND)

    images, prices = push(tmp_path, store)
    assert (images.name, images.files, prices.name, prices.files) == ("images", 2, "prices", 3)
    assert read_export(objects_of(store)) == FIRST
    assert [export.files for export in push(tmp_path, store)] == [0, 0]
    write_export(tmp_path, "prices", SECOND)
    assert [export.files for export in push(tmp_path, store)] == [0, 2]
    assert read_export(objects_of(store)) == SECOND
    assert read_export(objects_of(store), "images") == SECOND


def test_at_any_instant_a_reader_finds_a_complete_version(tmp_path: Path) -> None:
    """Killed before or after any change of the bucket, and continued."""
    for fail_at in range(2 * 4):
        root, store = tmp_path / str(fail_at), new_store()
        write_export(root, "prices", SECOND)
        push(root, store)
        write_export(root, "prices", FIRST)

        with pytest.raises(Killed):
            push(root, killed_at(store, fail_at))
        assert read_export(objects_of(store)) in (FIRST, SECOND)
        push(root, store)
        assert read_export(objects_of(store)) == FIRST


def killed_at(store: Store, fail_at: int) -> Store:
    """Returns a store of which call number `fail_at // 2` fails, before or after its effect."""
    calls = iter(range(100))

    async def put_new(name: str, upload: Upload) -> bool:
        return await fail(store.put_new(name, upload))  # type: ignore[no-any-return]

    async def put_replacing(name: str, data: bytes) -> None:
        await fail(store.put_replacing(name, data))

    async def fail(call):  # type: ignore[no-untyped-def]
        is_now = next(calls) == fail_at // 2
        if is_now and fail_at % 2 == 0:
            call.close()
            raise Killed
        result = await call
        if is_now:
            raise Killed
        return result

    return attrs.evolve(store, put_new=put_new, put_replacing=put_replacing)


def test_a_damaged_export_is_not_published(tmp_path: Path) -> None:
    store = new_store()
    folder = write_export(tmp_path, "prices", FIRST)
    (folder / "a/models.parquet").write_bytes(b"other")

    with pytest.raises(Corrupt, match="not stored"):
        push(tmp_path, store)
    assert "exports/prices/manifest.json" not in objects_of(store)


def test_an_export_that_is_replaced_meanwhile_is_pushed_later(tmp_path: Path) -> None:
    store = new_store()
    write_export(tmp_path, "prices", FIRST)

    async def put_new(name: str, upload: Upload) -> bool:
        write_export(tmp_path, "prices", SECOND)
        return await store.put_new(name, upload)

    with pytest.raises(Unavailable, match="the export was replaced while it was pushed"):
        push(tmp_path, attrs.evolve(store, put_new=put_new))
    assert "exports/prices/manifest.json" not in objects_of(store)
    push(tmp_path, store)
    assert read_export(objects_of(store)) == SECOND


def test_nothing_but_exports_uses_the_put_that_replaces() -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in ("eventlog", "cli")
        for path in (ROOT / package).rglob("*.py")
        if "put_replacing" in path.read_text()
    }

    outside = {path for path in users if not path.startswith("eventlog/stores/")}
    assert outside == {"eventlog/mirror/exports/push_exports.py"}
