"""What every store does, whatever it consists of: the contract of `eventlog/stores/store.py`."""

import asyncio
import hashlib
from pathlib import Path

import attrs
import pytest

from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.stores.store import ByteRange, Conflict, Store, Upload, in_order
from eventlog.stores.transfer import upload_of_bytes, upload_of_file
from tests.eventlog.stores.places import Place, listed, names_in, wanted

BYTES = bytes(range(256)) * 300
ODD = (
    *("a b", "50%", "50%25", "k=v", "x", "x/y", "x/y/z", "x-y", "x0", "ü/ñ", "日本/語"),
    *("+&?#'(~)!*", ".hidden", "%", "a.b", "a.b/c", "log/s/2026-11-21/05-1a2b-000.ndjson.zst"),
)


async def put(store: Store, name: str, data: bytes = BYTES) -> bool:
    return await store.put_new(name, upload_of_bytes(data))


async def outcome(store: Store, name: str, data: bytes) -> bool | None:
    """Returns whether a put created the object; None for a conflict."""
    try:
        return await put(store, name, data)
    except Conflict:
        return None


@pytest.mark.parametrize("data", [BYTES, b"x", b""], ids=["long", "short", "empty"])
def test_an_object_is_returned_as_it_was_put(place: Place, file: Path, data: bytes) -> None:
    async def scenario(store: Store) -> None:
        assert await put(store, "a/b", data)
        assert await store.get("a/b", None) == data
        await store.get_to_file("a/b", wanted(file, data))
        described = await store.head("a/b")
        (in_list,) = await listed(store)

        assert file.read_bytes() == data
        assert (described.name, described.size) == (in_list.name, in_list.size)
        assert (described.name, described.size) == ("a/b", len(data))
        assert described.sha256 in (None, hashlib.sha256(data).hexdigest())
        assert described.etag == in_list.etag

    place.run(scenario)


def test_an_object_is_there_when_the_store_is_opened_again(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "put"
    path.write_bytes(BYTES)
    upload = upload_of_file(path, len(BYTES), hashlib.sha256(BYTES).hexdigest())

    assert place.run(lambda store: store.put_new("a", upload))
    assert place.run(lambda store: store.get("a", None)) == BYTES


def test_a_second_put_says_who_was_first_and_replaces_nothing(place: Place) -> None:
    async def scenario(store: Store) -> None:
        assert await put(store, "a", b"first")
        assert not await put(store, "a", b"first")
        with pytest.raises(Conflict, match=r"/a: other bytes have this name; expected 5 bytes"):
            await put(store, "a", b"other")
        with pytest.raises(Conflict):
            await put(store, "a", b"longer than the first")
        assert await store.get("a", None) == b"first"

    place.run(scenario)


def test_of_eight_puts_at_the_same_time_exactly_one_wins(place: Place) -> None:
    async def scenario(store: Store) -> None:
        for turn in range(3):
            bodies = [b"%d" % number * 1000 for number in range(8)]
            outcomes = await asyncio.gather(
                *(outcome(store, f"race/{turn}", body) for body in bodies)
            )
            assert sorted(outcomes, key=str) == [None] * 7 + [True]
            assert await store.get(f"race/{turn}", None) == bodies[outcomes.index(True)]

    place.run(scenario)


def test_of_eight_equal_puts_at_the_same_time_one_creates_the_object(place: Place) -> None:
    async def scenario(store: Store) -> None:
        outcomes = await asyncio.gather(*(outcome(store, "race", b"equal") for _ in range(8)))
        assert sorted(outcomes) == [False] * 7 + [True]

    place.run(scenario)


def failing_after(data: bytes, size: int) -> Upload:
    """Returns an upload whose bytes cannot be read to the end."""

    def read(offset: int, length: int) -> bytes:
        if offset + length > size:
            raise Corrupt("cannot be read")
        return data[offset : offset + length]

    return attrs.evolve(upload_of_bytes(data), read=read)


def test_a_torn_upload_does_not_exist(place: Place) -> None:
    data = BYTES * 40

    async def scenario(store: Store) -> None:
        with pytest.raises(Corrupt, match="cannot be read"):
            await store.put_new("torn", failing_after(data, len(data) // 2))
        assert await store.head("torn") is None
        assert await listed(store) == []
        assert await put(store, "torn", data)

    place.run(scenario)


@pytest.mark.parametrize("read", [b"other", b"longer bytes", b"no"])
def test_an_upload_of_other_bytes_than_it_says_is_not_stored(place: Place, read: bytes) -> None:
    upload = attrs.evolve(upload_of_bytes(b"bytes"), read=lambda at, size: read[at : at + size])

    async def scenario(store: Store) -> None:
        with pytest.raises(Corrupt, match="expected 5 bytes"):
            await store.put_new("a", upload)
        assert await store.head("a") is None

    if read == b"longer bytes":
        upload = attrs.evolve(upload, read=lambda _at, _size: read)
    place.run(scenario)


def test_odd_names_are_names_like_others(place: Place) -> None:
    async def scenario(store: Store) -> None:
        for name in reversed(ODD):
            assert await put(store, name, name.encode())
        assert await names_in(store) == in_order(ODD)
        for name in ODD:
            assert await store.get(name, None) == name.encode()
            assert (await store.head(name)).size == len(name.encode())
        for name in ODD[::2]:
            await store.delete(name)
        assert await names_in(store) == in_order(ODD[1::2])

    place.run(scenario)


def test_an_invalid_name_is_refused_by_every_function(place: Place, file: Path) -> None:
    async def scenario(store: Store) -> None:
        for name in ("", "/", "/a", "a/", "a//b", ".", "a/..", "../a", "a\nb", "é" * 513):
            calls = (
                put(store, name),
                store.get(name, None),
                store.get_to_file(name, wanted(file, b"x")),
                store.head(name),
                store.delete(name),
            )
            for result in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(result, Invalid)

    place.run(scenario)


def test_a_listing_is_in_order_and_begins_behind_a_name(place: Place) -> None:
    names = ["a", "a/b", "a0", "b/1", "b/10", "b/2", "b0", "ü"]

    async def scenario(store: Store) -> None:
        for name in names:
            await put(store, name)
        for prefix in ("", "a", "a/", "b", "b/", "b/1", "c"):
            for after in ("", "a", "a/b", "aa", "b", "b/", "b/10", "ü", "zz"):
                expected = [x for x in in_order(names) if x.startswith(prefix) and x > after]
                assert await names_in(store, prefix, after) == expected

    place.run(scenario)


def test_folders_are_the_names_below_a_prefix_that_have_objects_below_them(place: Place) -> None:
    async def scenario(store: Store) -> None:
        for name in ("log/a/1/x", "log/a/2/x", "log/b/x", "log/c", "logs/x", "top", "lög/x y/z"):
            await put(store, name)
        await store.delete("log/b/x")

        assert await store.folders("") == ("log", "logs", "lög")
        assert await store.folders("log/") == ("a",)
        assert await store.folders("log/a/") == ("1", "2")
        assert await store.folders("lög/") == ("x y",)
        assert await store.folders("log/c/") == await store.folders("no/") == ()

    place.run(scenario)


def test_a_range_is_a_slice_of_the_object(place: Place) -> None:
    end = len(BYTES)

    async def scenario(store: Store) -> None:
        await put(store, "a")
        for start, stop in [(0, 1), (1, 2), (100, 70_000), (0, end), (end - 1, end), (5, end + 9),
                            (end, end + 1), (end + 5, end + 6)]:  # fmt: skip
            assert await store.get("a", ByteRange(start, stop)) == BYTES[start:stop]
        await put(store, "empty", b"")
        assert await store.get("empty", ByteRange(0, 1)) == b""

    place.run(scenario)


def test_a_missing_name_is_named(place: Place, file: Path) -> None:
    async def scenario(store: Store) -> None:
        await put(store, "there/x")
        for name in ("there", "there/y", "there/x/y", "no"):
            with pytest.raises(NotFound, match=f"/{name}: no object has this name"):
                await store.get(name, None)
            with pytest.raises(NotFound):
                await store.get(name, ByteRange(0, 1))
            with pytest.raises(NotFound):
                await store.get_to_file(name, wanted(file, b"x"))
            assert await store.head(name) is None
            await store.delete(name)
        assert await names_in(store) == ["there/x"]
        assert await names_in(store, "no") == []

    place.run(scenario)


@pytest.mark.parametrize(
    ("there", "read"),
    [(b"", BYTES), (BYTES[:1], BYTES[1:]), (BYTES[:70_000], BYTES[70_000:]), (BYTES, b"")],
    ids=["nothing", "a byte", "much", "all"],
)
def test_a_download_continues_behind_what_is_there(
    place: Place, file: Path, there: bytes, read: bytes
) -> None:
    file.write_bytes(there)
    sizes: list[int] = []

    async def received(size: int) -> None:
        sizes.append(size)

    async def scenario(store: Store) -> None:
        await put(store, "a")
        await store.get_to_file("a", attrs.evolve(wanted(file, BYTES), received=received))

    place.run(scenario)
    assert file.read_bytes() == BYTES
    assert sum(sizes) == len(read)


@pytest.mark.parametrize("there", [b"other", BYTES[:-1] + b"x", BYTES + b"x"])
def test_a_download_that_continued_behind_other_bytes_begins_anew(
    place: Place, file: Path, there: bytes
) -> None:
    file.write_bytes(there)

    async def scenario(store: Store) -> None:
        await put(store, "a")
        await store.get_to_file("a", wanted(file, BYTES))

    place.run(scenario)
    assert file.read_bytes() == BYTES


@pytest.mark.parametrize("expected", [b"other", b"BYTES", b"bytes and more", b""])
def test_an_object_with_other_bytes_than_expected_is_corrupt_and_leaves_no_file(
    place: Place, file: Path, expected: bytes
) -> None:
    async def scenario(store: Store) -> None:
        await put(store, "a", b"bytes")
        with pytest.raises(Corrupt, match=rf"/a: expected {len(expected)} bytes with SHA-256"):
            await store.get_to_file("a", wanted(file, expected))

    place.run(scenario)
    assert not file.exists()


@pytest.mark.slow
def test_a_listing_of_2500_names_is_complete_and_in_order(place: Place) -> None:
    names = [f"log/{number % 7}/{number * 7919 % 2500:05d}" for number in range(2500)]

    async def scenario(store: Store) -> None:
        expected = in_order(names)
        assert await names_in(store) == expected
        assert await names_in(store, "log/3/", expected[900]) == [
            name for name in expected if name.startswith("log/3/") and name > expected[900]
        ]
        assert await store.folders("log/") == tuple("0123456")

    place.fill(names)
    place.run(scenario)
