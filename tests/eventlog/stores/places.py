"""Where the contract tests put objects: each store, in a place that no other test uses."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import attrs

from eventlog.stores.opening import DEFAULTS, open_store
from eventlog.stores.store import Download, Store, StoredObject, StoreSettings

T = TypeVar("T")
_numbers = itertools.count()


@attrs.frozen
class Place:
    """An empty store, which can be opened again and again."""

    address: str
    settings: StoreSettings = DEFAULTS

    def run(self, scenario: Callable[[Store], Awaitable[T]]) -> T:
        """Opens the store in an event loop of its own and runs a scenario."""

        async def opened() -> T:
            async with open_store(self.address, self.settings) as store:
                return await scenario(store)

        return asyncio.run(opened())


def new_name() -> str:
    """Returns a name that no other test of any process uses."""
    return f"{os.getpid()}-{next(_numbers)}"


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
