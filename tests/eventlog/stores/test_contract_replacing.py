"""The put that replaces, in every store: the contract of `Store.put_replacing`."""

import asyncio
import hashlib

import pytest

from eventlog.errors import Invalid
from eventlog.stores.store import Conflict, Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.stores.places import Place, names_in

BYTES = bytes(range(256)) * 300


@pytest.mark.parametrize("data", [BYTES, b""], ids=["long", "empty"])
def test_only_a_replacing_put_replaces_an_object(place: Place, data: bytes) -> None:
    async def scenario(store: Store) -> None:
        await store.put_replacing("a/b", b"first")
        assert not await store.put_new("a/b", upload_of_bytes(b"first"))
        await store.put_replacing("a/b", data)
        described = await store.head("a/b")

        assert await store.get("a/b", None) == data
        assert described.size == len(data)
        assert described.sha256 in (None, hashlib.sha256(data).hexdigest())
        with pytest.raises(Conflict):
            await store.put_new("a/b", upload_of_bytes(b"first"))
        with pytest.raises(Invalid):
            await store.put_replacing("a//b", b"first")
        assert await names_in(store) == ["a/b"]

    place.run(scenario)


def test_whoever_reads_while_an_object_is_replaced_finds_one_of_its_versions(place: Place) -> None:
    versions = [b"%d" % number * 5_000 for number in range(5)]

    async def scenario(store: Store) -> None:
        await store.put_replacing("a", versions[0])

        async def replace() -> None:
            for version in versions[1:]:
                await store.put_replacing("a", version)

        replacing = asyncio.ensure_future(replace())
        while not replacing.done():
            assert await store.get("a", None) in versions
        await replacing
        assert await store.get("a", None) == versions[-1]

    place.run(scenario)
