"""The id of an archive: the same in its folder and in its bucket.

    log/archive.json   {"archive":"<16 hex digits>"}
    hindlog.json       {"format":1,"archive":"<16 hex digits>","created":"<instant>"}

A folder is pushed only into a bucket with its id, so that two archives never mix by mistake.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs
import msgspec

from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.files.disk import REAL
from eventlog.files.publish import replace_durably
from eventlog.mirror.bucket.digits import is_archive_id
from eventlog.mirror.bucket.names import ArchiveObject
from eventlog.stores.store import Conflict, Store
from eventlog.stores.transfer import upload_of_bytes

BUCKET_FORMAT = 1


class _FolderId(msgspec.Struct, frozen=True):
    archive: str


class _BucketId(msgspec.Struct, frozen=True):
    format: int
    archive: str
    created: str


IdT = TypeVar("IdT", _FolderId, _BucketId)


def random_archive_id() -> str:
    """Returns a random id of an archive."""
    return os.urandom(8).hex()


def archive_id_path(root: Path) -> Path:
    """The file with the id of an archive."""
    return root / "log" / "archive.json"


def read_archive_id(root: Path) -> str | None:
    """Returns the id of an archive; None if it was never pushed. Raises `Corrupt`."""
    path = archive_id_path(root)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return _decode(data, _FolderId, str(path)).archive


def write_archive_id(root: Path, archive: str) -> None:
    """Stores the id of an archive, durable on return."""
    data = msgspec.json.encode(_FolderId(archive)) + b"\n"
    replace_durably(REAL, archive_id_path(root), data, root)


async def read_bucket_id(store: Store) -> str | None:
    """Returns the id of the archive in a bucket; None if there is none. Raises `Corrupt`."""
    name = str(ArchiveObject())
    try:
        data = await store.get(name, None)
    except NotFound:
        return None
    content = _decode(data, _BucketId, f"{store.address}/{name}")
    if content.format != BUCKET_FORMAT:
        found = f"expected format {BUCKET_FORMAT}, found {content.format}: needs a newer hindlog"
        raise Invalid(f"{store.address}/{name}: {found}")
    return content.archive


@attrs.frozen
class BucketClaim:
    """The id that folder and bucket share."""

    archive: str
    is_new: bool
    """Whether the bucket had none: then it contains nothing that was put by hindlog."""


async def claim_bucket(
    root: Path,
    store: Store,
    created: str,
    *,
    join: bool = False,
    make: Callable[[], str] = random_archive_id,
) -> BucketClaim:
    """Returns the id that folder and bucket share; gives an id to those that have none.

    Raises `Invalid`, before anything is written, if the bucket has another id or the folder has
    none; with `join` the folder takes the id of the bucket.
    """
    theirs = await read_bucket_id(store)
    ours = read_archive_id(root)
    is_new = False
    if theirs is None:
        if ours is None:
            ours = make()
            write_archive_id(root, ours)  # first: a bucket without a folder would refuse it
        theirs, is_new = await _create(store, ours, created)
    if theirs != ours:
        if not join:
            raise Invalid(
                f"{store.address}: this bucket belongs to archive {theirs},"
                f" this folder to {ours or 'none yet'}",
                "choose another prefix, or join them on purpose: hindlog sync push --join",
            )
        write_archive_id(root, theirs)
    return BucketClaim(theirs, is_new)


async def _create(store: Store, archive: str, created: str) -> tuple[str, bool]:
    """Puts the id into a bucket. Returns the id there, and whether it is new.

    The id is that of another process if that one was first.
    """
    data = msgspec.json.encode(_BucketId(BUCKET_FORMAT, archive, created)) + b"\n"
    try:
        return archive, await store.put_new(str(ArchiveObject()), upload_of_bytes(data))
    except Conflict:
        return await read_bucket_id(store) or archive, False


def _decode(data: bytes, type_: type[IdT], where: str) -> IdT:
    try:
        content = msgspec.json.decode(data, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt(f"{where}: expected the id of an archive: {error}") from error
    if not is_archive_id(content.archive):
        raise Corrupt(f"{where}: expected 16 hex digits, found {content.archive!r}")
    return content
