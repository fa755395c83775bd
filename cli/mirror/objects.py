"""Reads single objects of an opened bucket, for the readers of absent files."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventlog.files.absent.mirror import WantedFile
    from eventlog.stores.wrappers import BlockingStore


def size_of_object(store: "BlockingStore", name: str) -> int | None:
    """Returns the size of an object in bytes; None if it does not exist."""
    entry = store.run(store.store.head(name))
    return None if entry is None else int(entry.size)


def get_object(store: "BlockingStore", wanted: "WantedFile", path: Path) -> None:
    """Writes an object to a file, continuing behind what the file contains, and checks it."""
    from eventlog.stores.store import Download

    store.run(store.store.get_to_file(wanted.name, Download(path, wanted.size, wanted.sha256)))


def get_object_range(store: "BlockingStore", name: str, offset: int, size: int) -> bytes:
    """Returns `size` bytes of an object from `offset` on."""
    from eventlog.stores.store import ByteRange

    return bytes(store.run(store.store.get(name, ByteRange(offset, offset + size))))
