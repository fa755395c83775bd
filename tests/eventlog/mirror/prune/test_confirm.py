"""A file is confirmed by the ETag of its object or by reading it, and by nothing else."""

import asyncio
import hashlib
from pathlib import Path

import attrs
import pytest

from eventlog.files.listing import read_manifest
from eventlog.format.manifest import digest
from eventlog.format.paths import sealed_path
from eventlog.mirror.probe.transfers import expected_etags
from eventlog.mirror.prune.confirm import (
    FileDigests,
    etag_problem,
    file_digests,
    local_problem,
    read_problem,
)
from eventlog.stores.store import Store, StoredObject
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.mirror.buckets import add_hour, new_store

DATA = bytes(range(250))


@pytest.fixture
def ours(tmp_path: Path) -> FileDigests:
    (tmp_path / "file").write_bytes(DATA)
    return file_digests(tmp_path / "file")


def test_the_etag_of_a_file_is_md5_of_it_or_of_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)

    assert file_digests(path) == FileDigests(250, digest(DATA), hashlib.md5(DATA).hexdigest())
    assert file_digests(path, 250) == file_digests(path)
    parts = [DATA[:100], DATA[100:200], DATA[200:]]
    assert file_digests(path, 100) == FileDigests(250, digest(DATA), expected_etags(parts)[-1])


def test_a_damaged_file_is_never_confirmed(tmp_path: Path) -> None:
    name = add_hour(tmp_path, 0)
    path, manifest = sealed_path(tmp_path, name), read_manifest(tmp_path, name)

    assert local_problem(file_digests(path), manifest) is None
    data = path.read_bytes()
    for changed in (data[:-1], data + b"x", data[:-1] + bytes([data[-1] ^ 1])):
        path.write_bytes(changed)
        assert "damaged here" in str(local_problem(file_digests(path), manifest))


def with_head(there: StoredObject | None) -> Store:
    async def head(_name: str) -> StoredObject | None:
        return there

    return attrs.evolve(new_store(), head=head)


def test_size_announced_hash_and_etag_must_be_those_of_the_file(ours: FileDigests) -> None:
    right = StoredObject("log/a", ours.size, ours.sha256, ours.etag)

    def problem(there: StoredObject | None) -> str | None:
        return asyncio.run(etag_problem(with_head(there), "log/a", ours))

    assert problem(right) is None and problem(attrs.evolve(right, sha256=None)) is None
    assert "committed, and missing" in str(problem(None))
    for change in ({"size": 1}, {"sha256": "0" * 64}, {"etag": "0" * 32}, {"etag": None}):
        assert "expected size, SHA-256 and ETag" in str(problem(attrs.evolve(right, **change)))


def test_reading_an_object_confirms_equal_bytes_only(tmp_path: Path, ours: FileDigests) -> None:
    store, scratch = new_store(), tmp_path / "scratch"
    for name, data in (("log/same", DATA), ("log/other", DATA[::-1]), ("log/short", DATA[:9])):
        asyncio.run(store.put_new(name, upload_of_bytes(data)))

    def problem(name: str) -> str | None:
        result = asyncio.run(read_problem(store, name, ours, scratch))
        assert not scratch.exists()
        return result

    assert problem("log/same") is None
    assert all(problem(f"log/{name}") for name in ("other", "short", "none"))
