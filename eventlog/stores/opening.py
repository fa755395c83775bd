"""Opens a store by its address: `s3://bucket/prefix`, `file:///folder`, `memory://name`.

address ──> scheme ──> OPENERS ──> Store
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

from eventlog.errors import Invalid
from eventlog.stores.local import local_store
from eventlog.stores.memory import memory_store
from eventlog.stores.store import Store, StoreSettings

StoreOpener = Callable[[str, StoreSettings], AbstractAsyncContextManager[Store]]
"""Opens the store of an address without its scheme, and closes it at the end."""

DEFAULTS = StoreSettings()


@asynccontextmanager
async def _open_memory(rest: str, _settings: StoreSettings) -> AsyncGenerator[Store, None]:
    yield memory_store(rest)


@asynccontextmanager
async def _open_local(rest: str, _settings: StoreSettings) -> AsyncGenerator[Store, None]:
    path = unquote(rest)
    if not path.startswith("/"):
        raise Invalid(f"file://{rest}: expected an absolute path, such as file:///srv/mirror")
    yield local_store(Path(path))


@asynccontextmanager
async def _open_bucket(rest: str, settings: StoreSettings) -> AsyncGenerator[Store, None]:
    from eventlog.stores.s3.objects import open_s3  # takes 0.4 s to import

    async with open_s3(rest, settings) as store:
        yield store


OPENERS: dict[str, StoreOpener] = {
    "s3": _open_bucket,
    "file": _open_local,
    "memory": _open_memory,
}
"""Openers by the scheme of the address."""


def open_store(
    address: str, settings: StoreSettings = DEFAULTS
) -> AbstractAsyncContextManager[Store]:
    """Opens a store for the length of an `async with`. Raises `Invalid` for an unknown scheme."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in OPENERS:
        known = ", ".join(f"{name}://…" for name in OPENERS)
        raise Invalid(f"address of a store {address!r}: expected one of {known}")
    return OPENERS[scheme](rest, settings)
