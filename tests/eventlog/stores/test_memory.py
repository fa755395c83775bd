"""The store in memory, beyond the contract of all stores."""

import asyncio

from eventlog.stores.memory import memory_store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.stores.places import names_in, new_name


def test_stores_of_different_names_have_different_objects() -> None:
    name = new_name()

    async def scenario() -> None:
        await memory_store(name).put_new("a", upload_of_bytes(b"x"))
        assert await names_in(memory_store(name)) == ["a"]
        assert await names_in(memory_store(new_name())) == []

    asyncio.run(scenario())


def test_an_object_that_vanishes_during_a_listing_is_left_out() -> None:
    store = memory_store(new_name())

    async def scenario() -> None:
        for name in "abc":
            await store.put_new(name, upload_of_bytes(b"x"))
        listing = store.list_after("", "")
        assert (await anext(listing)).name == "a"
        await store.delete("b")
        assert [entry.name async for entry in listing] == ["c"]

    asyncio.run(scenario())
