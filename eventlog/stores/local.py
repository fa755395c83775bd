"""A folder as a store: `file:///folder`. An object is a file at the path of its name.

    put_new   %uploads/<unique> → bytes, fsynced → linked to its name → folders fsynced

A crash leaves at most a file in `%uploads`, which is deleted a day later. A link never replaces a
file, so of concurrent writers, also in other processes, one wins.

A file system cannot have a file `x` beside a folder `x`. Therefore an object whose last part has
no dot, and a folder that has one, get a trailing `%`; SHA-256 names of assets count as if they
had a dot, and `%` itself becomes `%25`. The names of an archive stay as they are, so that
`cp -r folder/log .` copies its log.
"""

import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import attrs

from eventlog.clock import now_us
from eventlog.errors import Invalid, NotFound
from eventlog.files.disk import REAL, Disk, make_dirs, sync_parents, write_all, write_durable
from eventlog.files.publish import (
    delete_interrupted,
    publish_written,
    unique_temporary_path,
)
from eventlog.format.manifest import digest_of
from eventlog.stores.store import (
    ByteRange,
    Download,
    Store,
    StoredObject,
    Upload,
    check_name,
    in_order,
)
from eventlog.stores.transfer import READ_BYTES, download, read_upload, require_equal

PAGE = 1000
"""Number of objects that a listing reads at a time."""

_HASH = re.compile(r"[0-9a-f]{64}")
_UPLOADS = "%uploads"


@attrs.frozen
class _Folder:
    root: Path
    disk: Disk

    def place(self, name: str) -> str:
        return f"{self.root.as_uri()}/{name}"


def local_store(root: Path, disk: Disk = REAL) -> Store:
    """Returns the store in an existing folder. Raises `Invalid` if there is none."""
    if not root.is_dir():
        raise Invalid(f"{root}: no such folder", f"create it: mkdir {root}")
    folder = _Folder(root, disk)
    delete_interrupted(root / _UPLOADS, now_us())
    return Store(
        address=root.as_uri(),
        get=partial(_get, folder),
        get_to_file=partial(_get_to_file, folder),
        put_new=partial(_put_new, folder),
        put_replacing=partial(_put_replacing, folder),
        head=partial(_head, folder),
        list_after=partial(_list_after, folder),
        folders=partial(_folders, folder),
        delete=partial(_delete, folder),
    )


def file_of_part(part: str, *, is_folder: bool) -> str:
    """Returns the name of the file or folder for a part of an object's name."""
    is_plain = is_folder != ("." in part or _HASH.fullmatch(part) is not None)
    return part.replace("%", "%25") + ("" if is_plain else "%")


def part_of_file(file: str, *, is_folder: bool) -> str | None:
    """Inverse of `file_of_part`; None for files that are not part of the store."""
    part = file.removesuffix("%").replace("%25", "%")
    return part if file_of_part(part, is_folder=is_folder) == file else None


def _path(folder: _Folder, name: str) -> Path:
    *parents, last = check_name(name).split("/")
    path = folder.root.joinpath(*(file_of_part(part, is_folder=True) for part in parents))
    return path / file_of_part(last, is_folder=False)


def _open(folder: _Folder, name: str) -> int:
    try:
        return os.open(_path(folder, name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound(f"{folder.place(name)}: no object has this name") from error


async def _get(folder: _Folder, name: str, part: ByteRange | None = None) -> bytes:
    def read() -> bytes:
        with os.fdopen(_open(folder, name), "rb") as file:
            if part is None:
                return file.read()
            file.seek(part.start)
            return file.read(part.stop - part.start)

    return await asyncio.to_thread(read)


async def _get_to_file(folder: _Folder, name: str, wanted: Download) -> None:
    async def chunks(start: int) -> AsyncGenerator[bytes, None]:
        with os.fdopen(_open(folder, name), "rb") as file:
            file.seek(start)
            while data := await asyncio.to_thread(file.read, READ_BYTES):
                yield data

    await download(folder.place(name), chunks, wanted)


async def _put_new(folder: _Folder, name: str, upload: Upload) -> bool:
    return await asyncio.to_thread(_publish, folder, name, upload)


def _publish(folder: _Folder, name: str, upload: Upload) -> bool:
    path = _path(folder, name)
    is_new = not path.exists() and _write_and_link(folder, name, upload, path)
    # Also if it was there: its writer may have died before it fsynced the folders.
    sync_parents(folder.disk, path.parent, folder.root)
    if not is_new:
        require_equal(folder.place(name), path.stat().st_size, digest_of(path), upload)
    return is_new


def _write_and_link(folder: _Folder, name: str, upload: Upload, path: Path) -> bool:
    """Returns whether the upload got the name; False if another writer was faster."""
    disk = folder.disk
    temporary = _temporary_path(folder, name)
    make_dirs(disk, temporary.parent)
    make_dirs(disk, path.parent)
    handle = disk.open_append(temporary)
    try:
        read_upload(folder.place(name), upload, partial(write_all, disk, handle))
        disk.fsync(handle)
        disk.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        disk.close(handle)
        disk.unlink(temporary)
    return True


def _temporary_path(folder: _Folder, name: str) -> Path:
    hashed = hashlib.sha256(name.encode()).hexdigest()
    return unique_temporary_path(folder.root / _UPLOADS / hashed)


async def _put_replacing(folder: _Folder, name: str, data: bytes) -> None:
    path, temporary = _path(folder, name), _temporary_path(folder, name)

    def replace() -> None:
        make_dirs(folder.disk, temporary.parent)
        make_dirs(folder.disk, path.parent)
        write_durable(folder.disk, temporary, data)
        publish_written(folder.disk, temporary, path, folder.root)

    await asyncio.to_thread(replace)


async def _head(folder: _Folder, name: str) -> StoredObject | None:
    path = _path(folder, name)
    try:
        return _describe(name, await asyncio.to_thread(path.stat))
    except FileNotFoundError:
        return None


def _describe(name: str, status: os.stat_result) -> StoredObject:
    return StoredObject(name, status.st_size, etag=f"{status.st_ino:x}-{status.st_mtime_ns:x}")


async def _list_after(
    folder: _Folder, prefix: str = "", after: str = ""
) -> AsyncGenerator[StoredObject, None]:
    def is_wanted(start: str) -> bool:
        """Returns whether an object, or the objects in a folder, may belong to the listing."""
        return (start.startswith(prefix) or prefix.startswith(start)) and (
            start.encode() > after.encode() or after.startswith(start)
        )

    walk = _walk(folder.root, "", is_wanted)
    while page := await asyncio.to_thread(list, islice(walk, PAGE)):
        for entry in page:
            if entry.name.startswith(prefix) and entry.name.encode() > after.encode():
                yield entry


def _walk(path: Path, start: str, is_wanted: Callable[[str], bool]) -> Iterator[StoredObject]:
    """Yields the objects below a folder, in order. `start`: the names' common beginning."""
    entries: dict[str, os.DirEntry[str]] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(path) as listing:
        for entry in listing:
            is_folder = entry.is_dir(follow_symlinks=False)
            part = part_of_file(entry.name, is_folder=is_folder)
            if part is not None:
                entries[f"{part}/" if is_folder else part] = entry
    for part in in_order(entries):
        name, entry = start + part, entries[part]
        if not is_wanted(name):
            continue
        if part.endswith("/"):
            yield from _walk(Path(entry.path), name, is_wanted)
        else:
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                yield _describe(name, entry.stat())


async def _folders(folder: _Folder, prefix: str = "") -> tuple[str, ...]:
    def names() -> Iterator[str]:
        parts = prefix.split("/")[:-1]
        path = folder.root.joinpath(*(file_of_part(part, is_folder=True) for part in parts))
        with contextlib.suppress(FileNotFoundError), os.scandir(path) as listing:
            for entry in listing:
                part = part_of_file(entry.name, is_folder=True) if entry.is_dir() else None
                if part and next(_walk(Path(entry.path), "", lambda _: True), None):
                    yield part

    return tuple(in_order(await asyncio.to_thread(list, names())))


async def _delete(folder: _Folder, name: str) -> None:
    path = _path(folder, name)

    def unlink() -> None:
        with contextlib.suppress(FileNotFoundError):
            folder.disk.unlink(path)
            folder.disk.sync_dir(path.parent)

    await asyncio.to_thread(unlink)
