"""Fetching absent files: which ones, in which steps, and what those that fail leave behind."""

import asyncio
from pathlib import Path

import attrs
import msgspec
import pytest

from eventlog.errors import Corrupt, LocalResource, Unavailable
from eventlog.files.absent.fetch import sealed_object
from eventlog.files.publish import temporary_path
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.chain import link_facts
from eventlog.mirror.pull import files
from eventlog.mirror.pull.files import (
    Fetched,
    WantedFile,
    absent_segments,
    fetch_files,
    wanted_assets,
)
from eventlog.stores.store import Download, Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import disk_with, recording_disk
from tests.eventlog.mirror.buckets import new_store
from tests.eventlog.mirror.links import lost_link, record_of, sealed_link

LINK = sealed_link()
BASE = f"log/{link_facts(LINK, 'a test').segment}"


def wanted(name: str, data: bytes = b"some bytes") -> WantedFile:
    return WantedFile(name, len(data), digest(data))


def wanted_of(size: int, data: bytes) -> WantedFile:
    return WantedFile(f"{BASE}.ndjson.zst", size, digest(data))


def store_of(*names: str, data: bytes = b"some bytes") -> Store:
    """Returns a store with objects of these names."""
    store = new_store()
    for name in names:
        asyncio.run(store.put_new(name, upload_of_bytes(data)))
    return store


def fetched(root: Path, store: Store, *wanted_files: WantedFile, transfers: int = 4) -> Fetched:
    result = Fetched()
    asyncio.run(fetch_files(root, store, list(wanted_files), transfers, result))
    return result


def write(root: Path, name: str, data: bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_the_assets_of_a_record_that_are_not_here_are_wanted(tmp_path: Path) -> None:
    first, second = digest(b"first"), digest(b"second")
    record = msgspec.structs.replace(record_of(), assets=((first, 5), (second, 6)))

    names = [file.name for file in wanted_assets(tmp_path, record)]
    assert list(wanted_assets(tmp_path, record)) == [
        WantedFile(names[0], 5, first),
        WantedFile(names[1], 6, second),
    ]
    write(tmp_path, names[0], b"first")
    assert [file.name for file in wanted_assets(tmp_path, record)] == names[1:]


def test_a_sealed_file_is_wanted_if_only_it_is_missing(tmp_path: Path) -> None:
    def names() -> list[str]:
        record = record_of(LINK, lost_link(4))
        return [sealed_object(x).name for x in absent_segments(tmp_path, record)]

    assert names() == []
    manifest = write(tmp_path, f"{BASE}.manifest.json", b"another manifest")
    assert names() == []
    manifest.write_bytes(LINK.file.encode())
    assert names() == [f"{BASE}.ndjson.zst"]
    [manifest_read] = absent_segments(tmp_path, record_of(LINK))
    assert sealed_object(manifest_read) == wanted_of(40, b"zst")
    for end in ("lost.json", "ndjson.zst"):
        path = write(tmp_path, f"{BASE}.{end}", b"")
        assert names() == []
        path.unlink()


def test_files_are_fetched_once_and_those_that_cannot_be_had_are_named(tmp_path: Path) -> None:
    store = store_of("log/a/1", "log/a/2")
    damaged = wanted("log/a/2", b"expected b")

    result = fetched(
        tmp_path, store, wanted("log/a/1"), wanted("log/a/1"), wanted("log/a/3"), damaged
    )

    assert (result.files, result.size, result.missing) == (1, 10, ["log/a/3"])
    assert [text.partition(": expected 10 bytes")[0] for text in result.damaged] == [
        f"{store.address}/log/a/2"
    ]
    assert [path.name for path in (tmp_path / "log" / "a").iterdir()] == ["1"]


def test_a_file_is_durable_before_it_has_its_name_and_its_name_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").mkdir()
    steps: list[str] = []
    monkeypatch.setattr(files, "REAL", recording_disk(steps))

    fetched(tmp_path, store_of("log/a"), wanted("log/a"))

    assert steps == [
        "open_append .a.tmp",
        "fsync .a.tmp",
        "close .a.tmp",
        "link a",
        "unlink .a.tmp",
        "sync_dir log",
        f"sync_dir {tmp_path.name}",
    ]


def test_each_folder_is_synced_once_after_the_names_of_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["log/a/1", "log/a/2", "log/b/3"]
    steps: list[str] = []
    monkeypatch.setattr(files, "REAL", recording_disk(steps))

    fetched(tmp_path, store_of(*names), *map(wanted, (*names, "log/c/4")), transfers=1)

    folders = [f"sync_dir {name}" for name in ("a", "b", "log", tmp_path.name)]
    assert sorted(steps[-4:-2]) == folders[:2]
    assert steps[-2:] == folders[2:]
    assert steps[-5] != steps[-4] and steps.count("sync_dir a") == 1


def test_a_file_continues_behind_what_an_interrupted_pull_left(tmp_path: Path) -> None:
    store, sizes = store_of("log/a"), []
    temporary = temporary_path(write(tmp_path, "log/x", b"").with_name("a"))
    temporary.write_bytes(b"some")

    async def get_to_file(name: str, download: Download) -> None:
        sizes.append(download.path.stat().st_size)
        await store.get_to_file(name, download)

    fetched(tmp_path, attrs.evolve(store, get_to_file=get_to_file), wanted("log/a"))

    assert sizes == [4]
    assert (tmp_path / "log" / "a").read_bytes() == b"some bytes" and not temporary.exists()


def test_a_file_that_another_process_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = write(tmp_path, "log/a", b"theirs")

    assert fetched(tmp_path, store_of("log/a"), wanted("log/a")).files == 1
    assert path.read_bytes() == b"theirs" and not temporary_path(path).exists()


def test_nothing_is_requested_if_the_file_would_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = 512 * 1024 * 1024
    monkeypatch.setattr(files, "REAL", disk_with(free_bytes=lambda _path: reserve + 9))
    store = attrs.evolve(new_store(), get_to_file=None)  # a request would raise TypeError

    with pytest.raises(LocalResource, match="512 MiB free, expected at least 512 MiB"):
        fetched(tmp_path, store, wanted("log/a"))
    assert list(tmp_path.iterdir()) == []


def test_at_most_so_many_are_fetched_at_the_same_time_and_none_after_an_error(
    tmp_path: Path,
) -> None:
    running: set[str] = set()
    most: list[int] = []

    async def get_to_file(name: str, _download: Download) -> None:
        running.add(name)
        most.append(len(running))
        try:
            await asyncio.sleep(0.001)
            if name == "log/2":
                raise Unavailable("away")
            if name != "log/0":
                await asyncio.sleep(60)
            raise Corrupt("other bytes")
        finally:
            running.remove(name)

    async def scenario() -> None:
        store = attrs.evolve(new_store(), get_to_file=get_to_file)
        with pytest.raises(Unavailable, match="away"):
            await fetch_files(tmp_path, store, [wanted(f"log/{n}") for n in range(9)], 2, result)
        assert not running  # what it began has ended, not only been cancelled

    result = Fetched()
    asyncio.run(scenario())
    assert max(most) == 2 and result.damaged == ["other bytes"]
    assert len(most) <= 4
