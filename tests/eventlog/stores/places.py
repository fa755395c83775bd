"""Where the contract tests put objects: each store, in a place that no other test uses."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import attrs

from eventlog.errors import Unavailable
from eventlog.stores.memory import memory_store
from eventlog.stores.opening import DEFAULTS, open_store
from eventlog.stores.store import Download, Store, StoredObject, StoreSettings
from eventlog.stores.transfer import upload_of_bytes

T = TypeVar("T")
_numbers = itertools.count()


@attrs.frozen
class Place:
    """An empty store, which can be opened again and again."""

    address: str
    settings: StoreSettings = DEFAULTS
    wrap: Callable[[Store], Store] = lambda store: store

    def run(self, scenario: Callable[[Store], Awaitable[T]]) -> T:
        """Opens the store in an event loop of its own and runs a scenario."""

        async def opened() -> T:
            async with open_store(self.address, self.settings) as store:
                return await scenario(self.wrap(store))

        return asyncio.run(opened())


def unreliable(store: Store) -> Store:
    """Returns a store of which every third call is `Unavailable`, before or after its work.

    A listing is interrupted after two objects, a download after a chunk. The response of a
    `put_new` is not lost: the winner of a race would not know that it is the winner.
    """
    calls = itertools.count()

    def sometimes() -> bool:
        return next(calls) % 3 == 0

    def failing(call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        async def failing_call(*arguments: object) -> T:
            if sometimes():
                raise Unavailable("connection refused")
            result = await call(*arguments)
            if call is not store.put_new and sometimes():
                raise Unavailable("response lost")
            return result

        return failing_call

    async def get_to_file(name: str, wanted: Download) -> None:
        async def received(size: int) -> None:
            await wanted.received(size)
            if sometimes():
                raise Unavailable("connection lost")

        await store.get_to_file(name, attrs.evolve(wanted, received=received))

    async def list_after(prefix: str, after: str) -> AsyncGenerator[StoredObject, None]:
        number = 0
        async for entry in store.list_after(prefix, after):
            yield entry
            number += 1
            if number % 2 == 0 and sometimes():
                raise Unavailable("connection lost")

    names = ("get", "head", "folders", "delete", "put_new")
    return attrs.evolve(
        store,
        get_to_file=get_to_file,
        list_after=list_after,
        **{name: failing(getattr(store, name)) for name in names},
    )


def new_name() -> str:
    """Returns a name that no other test of any process uses."""
    return f"{os.getpid()}-{next(_numbers)}"


def filled_store() -> Store:
    """Returns a store in memory with one object, `a`."""
    store = memory_store(new_name())
    asyncio.run(store.put_new("a", upload_of_bytes(b"bytes")))
    return store


def wanted(path: Path, data: bytes) -> Download:
    """Returns a download of an object with these bytes."""
    return Download(path, len(data), hashlib.sha256(data).hexdigest())


async def listed(store: Store, prefix: str = "", after: str = "") -> list[StoredObject]:
    return [entry async for entry in store.list_after(prefix, after)]


async def names_in(store: Store, prefix: str = "", after: str = "") -> list[str]:
    return [entry.name for entry in await listed(store, prefix, after)]


async def in_parallel(
    items: Iterable[T], work: Callable[[T], Awaitable[object]], width: int
) -> None:
    """Awaits `work` of each item, of at most `width` at the same time."""
    gate = asyncio.Semaphore(width)

    async def guarded(item: T) -> None:
        async with gate:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(guarded(item))
