"""A store in the memory of this process, for tests: `memory://<name>`.

Stores of the same name have the same objects, until the process ends. Functions let other
tasks run before they read or write, as requests do.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from functools import partial

import attrs

from eventlog.errors import NotFound
from eventlog.stores.store import (
    ByteRange,
    Download,
    Store,
    StoredObject,
    Upload,
    check_name,
    child_folders,
    in_order,
)
from eventlog.stores.transfer import download, read_upload, require_equal

CHUNK_BYTES = 64 * 1024


@attrs.frozen(eq=False)
class _Object:
    data: bytes
    sha256: str


@attrs.frozen
class _Memory:
    address: str
    objects: dict[str, _Object]


_OBJECTS: dict[str, dict[str, _Object]] = {}


def memory_store(name: str) -> Store:
    """Returns the store of that name, which is empty at first."""
    memory = _Memory(f"memory://{name}", _OBJECTS.setdefault(name, {}))
    return Store(
        address=memory.address,
        get=partial(_get, memory),
        get_to_file=partial(_get_to_file, memory),
        put_new=partial(_put_new, memory),
        put_replacing=partial(_put_replacing, memory),
        head=partial(_head, memory),
        list_after=partial(_list_after, memory),
        folders=partial(_folders, memory),
        delete=partial(_delete, memory),
    )


async def _get(memory: _Memory, name: str, part: ByteRange | None = None) -> bytes:
    await asyncio.sleep(0)
    if check_name(name) not in memory.objects:
        raise NotFound(f"{memory.address}/{name}: no object has this name")
    data = memory.objects[name].data
    return data if part is None else data[part.start : part.stop]


async def _get_to_file(memory: _Memory, name: str, wanted: Download) -> None:
    async def chunks(start: int) -> AsyncGenerator[bytes, None]:
        data = await _get(memory, name)
        for at in range(start, len(data), CHUNK_BYTES):
            await asyncio.sleep(0)
            yield data[at : at + CHUNK_BYTES]

    await download(f"{memory.address}/{name}", chunks, wanted)


async def _put_new(memory: _Memory, name: str, upload: Upload) -> bool:
    place = f"{memory.address}/{check_name(name)}"
    pieces: list[bytes] = []
    await asyncio.to_thread(read_upload, place, upload, pieces.append)
    new = _Object(b"".join(pieces), upload.sha256)
    there = memory.objects.setdefault(name, new)  # atomic, also between threads
    if there is not new:
        require_equal(place, len(there.data), there.sha256, upload)
    return there is new


async def _put_replacing(memory: _Memory, name: str, data: bytes) -> None:
    await asyncio.sleep(0)
    memory.objects[check_name(name)] = _Object(data, hashlib.sha256(data).hexdigest())


async def _head(memory: _Memory, name: str) -> StoredObject | None:
    await asyncio.sleep(0)
    stored = memory.objects.get(check_name(name))
    if stored is None:
        return None
    return StoredObject(name, len(stored.data), stored.sha256, stored.sha256)


async def _list_after(
    memory: _Memory, prefix: str = "", after: str = ""
) -> AsyncGenerator[StoredObject, None]:
    for name in in_order(memory.objects):
        if name.startswith(prefix) and name.encode() > after.encode():
            described = await _head(memory, name)
            if described is not None:
                yield attrs.evolve(described, sha256=None)  # as the listing of a bucket


async def _folders(memory: _Memory, prefix: str = "") -> tuple[str, ...]:
    await asyncio.sleep(0)
    return child_folders(memory.objects, prefix)


async def _delete(memory: _Memory, name: str) -> None:
    await asyncio.sleep(0)
    memory.objects.pop(check_name(name), None)
