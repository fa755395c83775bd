"""The id of an archive: a folder and a bucket share it, or nothing is written."""

import asyncio
from pathlib import Path

import attrs
import pytest

from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.mirror.local.identity import (
    BucketClaim,
    archive_id_path,
    claim_bucket,
    random_archive_id,
    read_archive_id,
    read_bucket_id,
    write_archive_id,
)
from eventlog.stores.memory import memory_store
from eventlog.stores.store import Store, Upload
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.stores.places import names_in, new_name

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"
CREATED = "2026-11-21T05:00:00.000000Z"


def claim(root: Path, store: Store, *, join: bool = False, new: str = OURS) -> str:
    return claimed(root, store, join=join, new=new).archive


def claimed(root: Path, store: Store, *, join: bool = False, new: str = OURS) -> BucketClaim:
    return asyncio.run(claim_bucket(root, store, CREATED, join=join, make=lambda: new))


def put(store: Store, data: bytes) -> None:
    asyncio.run(store.put_new("hindlog.json", upload_of_bytes(data)))


def test_the_first_push_gives_folder_and_bucket_one_id(tmp_path: Path) -> None:
    store = memory_store(new_name())

    assert read_archive_id(tmp_path) is None and asyncio.run(read_bucket_id(store)) is None
    assert claim(tmp_path, store) == claim(tmp_path, store, new=THEIRS) == OURS
    assert archive_id_path(tmp_path).read_bytes() == b'{"archive":"%s"}\n' % OURS.encode()
    expected = b'{"format":1,"archive":"%s","created":"%s"}\n' % (OURS.encode(), CREATED.encode())
    assert asyncio.run(store.get("hindlog.json", None)) == expected
    assert random_archive_id() != random_archive_id()


def test_only_the_folder_that_gave_a_bucket_its_id_knows_that_it_is_new(tmp_path: Path) -> None:
    store = memory_store(new_name())

    assert claimed(tmp_path / "here", store) == BucketClaim(OURS, is_new=True)
    assert claimed(tmp_path / "here", store) == BucketClaim(OURS, is_new=False)
    assert claimed(tmp_path / "there", store, join=True) == BucketClaim(OURS, is_new=False)


def test_a_folder_that_has_an_id_gives_it_to_an_empty_bucket(tmp_path: Path) -> None:
    store = memory_store(new_name())
    write_archive_id(tmp_path, THEIRS)

    assert claim(tmp_path, store) == THEIRS
    assert asyncio.run(read_bucket_id(store)) == THEIRS


@pytest.mark.parametrize("known", [True, False], ids=["other id", "no id"])
def test_a_bucket_of_another_archive_is_refused_unless_joined(tmp_path: Path, known: bool) -> None:
    store = memory_store(new_name())
    claim(tmp_path / "there", store, new=THEIRS)
    here = tmp_path / "here"
    if known:
        write_archive_id(here, OURS)

    ours = OURS if known else "none yet"
    with pytest.raises(Invalid, match=f"belongs to archive {THEIRS}, this folder to {ours}"):
        claim(here, store)
    assert read_archive_id(here) == (OURS if known else None)
    assert asyncio.run(names_in(store)) == ["hindlog.json"]
    assert claim(here, store, join=True) == claim(here, store) == THEIRS


def test_of_two_folders_that_claim_an_empty_bucket_at_once_one_is_refused(tmp_path: Path) -> None:
    store = memory_store(new_name())

    async def put_second(name: str, upload: Upload) -> bool:
        await claim_bucket(tmp_path / "there", store, CREATED, make=lambda: THEIRS)
        return await store.put_new(name, upload)

    with pytest.raises(Invalid, match=f"belongs to archive {THEIRS}"):
        claim(tmp_path / "here", attrs.evolve(store, put_new=put_second))
    assert read_archive_id(tmp_path / "there") == THEIRS


def test_an_id_whose_response_was_lost_is_still_ours(tmp_path: Path) -> None:
    store = memory_store(new_name())
    write_archive_id(tmp_path, OURS)
    put(store, b'{"format":1,"archive":"%s","created":"earlier"}\n' % OURS.encode())
    calls = iter([b""])

    async def get_nothing_first(name: str, part: object) -> bytes:
        if next(calls, None) is not None:
            raise NotFound(name)
        return await store.get(name, None)

    assert claim(tmp_path, attrs.evolve(store, get=get_nothing_first)) == OURS


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"archive":"x"}', b'{"archive":1}', b"\xff"])
def test_an_unreadable_id_is_corrupt(tmp_path: Path, data: bytes) -> None:
    archive_id_path(tmp_path).parent.mkdir()
    archive_id_path(tmp_path).write_bytes(data)

    with pytest.raises(Corrupt, match=r"archive\.json: expected"):
        read_archive_id(tmp_path)


def test_an_unreadable_or_newer_id_in_the_bucket_is_refused(tmp_path: Path) -> None:
    for data, kind, problem in (
        (b'{"format":1,"archive":"x","created":""}', Corrupt, "expected 16 hex digits"),
        (b"{", Corrupt, "expected the id of an archive"),
        (b'{"format":2,"archive":"%s","created":""}' % OURS.encode(), Invalid, "newer hindlog"),
    ):
        store = memory_store(new_name())
        put(store, data)
        with pytest.raises(kind, match=problem):
            claim(tmp_path, store)
        assert read_archive_id(tmp_path) is None
