"""A folder as a store, beyond the contract of all stores: names, durability, what crashes leave."""

import asyncio
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.clock import DAY, SECOND, now_us
from eventlog.errors import Invalid
from eventlog.stores.local import file_of_part, local_store, part_of_file
from eventlog.stores.opening import open_store
from eventlog.stores.store import Conflict, Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import disk_with, recording_disk
from tests.eventlog.stores.places import Place, names_in

PART = st.text(st.sampled_from("a.%2500f"), min_size=1, max_size=6) | st.just("0f" * 32)


def put(store: Store, name: str, data: bytes = b"bytes") -> bool:
    return asyncio.run(store.put_new(name, upload_of_bytes(data)))


@given(PART, st.booleans())
def test_a_part_of_a_name_is_found_again_from_its_file_name(part: str, is_folder: bool) -> None:
    file = file_of_part(part, is_folder=is_folder)

    assert part_of_file(file, is_folder=is_folder) == part
    assert file != file_of_part(part, is_folder=not is_folder)


@given(st.text(st.sampled_from("a.%25"), min_size=1, max_size=8), st.booleans())
def test_a_file_is_part_of_the_store_exactly_if_an_object_has_that_file_name(
    file: str, is_folder: bool
) -> None:
    part = part_of_file(file, is_folder=is_folder)

    assert part is None or file_of_part(part, is_folder=is_folder) == file


@pytest.mark.parametrize(
    "name",
    [
        "hindlog.json",
        "log/open-router_2/2026-11-21/05-1a2b3c4d-000.ndjson.zst",
        "log/civitai/2026-11-21/05-1a2b3c4d-000.manifest.json",
        "assets/sha256/0f/" + "0f" * 32,
        "mirror/1a2b3c4d/0000000042.64.ndjson.zst",
    ],
)
def test_the_names_of_an_archive_stay_as_they_are(tmp_path: Path, name: str) -> None:
    put(local_store(tmp_path), name)

    assert (tmp_path / name).read_bytes() == b"bytes"


def test_an_object_is_durable_before_it_gets_its_name(tmp_path: Path) -> None:
    steps: list[str] = []
    store = local_store(tmp_path, recording_disk(steps))
    put(store, "log/a.b")
    temporary = steps[2].removeprefix("open_append ")

    assert steps == [
        f"sync_dir {tmp_path.name}",
        f"sync_dir {tmp_path.name}",
        *(f"{change} {temporary}" for change in ("open_append", "write", "fsync")),
        "link a.b",
        *(f"{change} {temporary}" for change in ("close", "unlink")),
        "sync_dir log",
        f"sync_dir {tmp_path.name}",
    ]
    assert not list((tmp_path / "%uploads").iterdir())


def test_an_object_that_is_there_becomes_durable_and_is_not_written_again(tmp_path: Path) -> None:
    put(local_store(tmp_path), "log/a.b")
    steps: list[str] = []

    assert not put(local_store(tmp_path, recording_disk(steps)), "log/a.b")
    assert steps == ["sync_dir log", f"sync_dir {tmp_path.name}"]


def test_of_two_processes_the_one_that_links_first_wins(tmp_path: Path) -> None:
    other = local_store(tmp_path)

    def link(temporary: Path, path: Path) -> None:
        put(other, "a", b"other")
        os.link(temporary, path)

    with pytest.raises(Conflict, match=f"{tmp_path.as_uri()}/a: other bytes"):
        put(local_store(tmp_path, disk_with(link=link)), "a")
    assert asyncio.run(other.get("a", None)) == b"other"


def test_a_full_disk_leaves_no_object_and_no_file(tmp_path: Path) -> None:
    def write(_handle: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        put(local_store(tmp_path, disk_with(write=write)), "a")
    assert not list((tmp_path / "%uploads").iterdir())
    assert asyncio.run(local_store(tmp_path).head("a")) is None


def test_what_a_killed_process_left_is_no_object_and_goes_after_a_day(tmp_path: Path) -> None:
    put(local_store(tmp_path), "a")
    old, new = (tmp_path / "%uploads" / f".{age}.7-0.tmp" for age in ("old", "new"))
    for path in (old, new, tmp_path / "%foreign"):
        path.write_bytes(b"torn")
    instant_s = (now_us() - DAY) // SECOND - 1
    os.utime(old, (instant_s, instant_s))

    assert asyncio.run(names_in(local_store(tmp_path))) == ["a"]
    assert [path.name for path in (tmp_path / "%uploads").iterdir()] == [".new.7-0.tmp"]


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    place = Place((tmp_path / "unmounted").as_uri())

    with pytest.raises(Invalid, match="unmounted: no such folder") as refusal:
        place.run(lambda store: store.head("a"))
    assert refusal.value.hint == f"create it: mkdir {tmp_path / 'unmounted'}"
    assert not (tmp_path / "unmounted").exists()


@pytest.mark.parametrize("address", ["file://host/folder", "file://folder", "file://"])
def test_an_address_of_a_folder_has_an_absolute_path(address: str) -> None:
    async def opened() -> None:
        async with open_store(address):
            raise AssertionError

    with pytest.raises(Invalid, match="expected an absolute path"):
        asyncio.run(opened())
