"""Where the contract tests put objects: each store, in a place that no other test uses."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import attrs

from eventlog.errors import Unavailable
from eventlog.stores.memory import memory_store
from eventlog.stores.opening import DEFAULTS, open_store
from eventlog.stores.s3.client import open_client
from eventlog.stores.s3.objects import s3_store
from eventlog.stores.store import Download, Store, StoredObject, StoreSettings
from eventlog.stores.transfer import gather_limited, upload_of_bytes
from tests.object_store.server import BUCKET, ObjectServer, list_names

T = TypeVar("T")
ONE_BYTE = upload_of_bytes(b"x")
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

    def fill(self, names: Iterable[str]) -> None:
        """Puts objects of one byte, of which only the names matter."""

        async def scenario(store: Store) -> None:
            await gather_limited(names, lambda name: store.put_new(name, ONE_BYTE), 16)

        self.run(scenario)


@attrs.frozen
class BucketPlace:
    """An empty part of a bucket. Its client stays open: opening it costs more than most tests."""

    address: str
    store: Store
    runner: asyncio.Runner
    server: ObjectServer
    prefix: str

    def fill(self, names: Iterable[str]) -> None:
        """Adds names to the listing; nothing can be read there."""
        list_names(self.server, (f"{self.prefix}/{name}" for name in names))

    def run(self, scenario: Callable[[Store], Awaitable[T]]) -> T:
        """Runs a scenario in the event loop of the client."""

        async def run() -> T:
            return await scenario(self.store)

        return self.runner.run(run())


@contextmanager
def buckets(
    server: ObjectServer, scheme: str, prefix: str = ""
) -> Iterator[Callable[[], BucketPlace]]:
    """Opens a client and returns a function that makes places of it."""
    settings = server.settings(scheme)

    def new_place() -> BucketPlace:
        name = prefix + new_name()
        store = s3_store(client, BUCKET, name, settings)
        return BucketPlace(f"s3://{BUCKET}/{name}", store, runner, server, name)

    with asyncio.Runner() as runner:
        opening = open_client(settings)
        client = runner.run(opening.__aenter__())
        yield new_place
        runner.run(opening.__aexit__(None, None, None))


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
