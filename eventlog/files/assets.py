"""Assets: bytes that are too large for a line, stored under their SHA-256."""

from pathlib import Path

from eventlog.clock import now_us
from eventlog.errors import Corrupt, NotFound
from eventlog.files.absent.fetch import read_absent_asset
from eventlog.files.disk import REAL, Disk, sync_parents
from eventlog.files.publish import delete_interrupted, publish_new, unique_temporary_path
from eventlog.format.manifest import digest
from eventlog.format.paths import asset_path


def put_asset(root: Path, data: bytes, disk: Disk = REAL) -> str:
    """Stores bytes and returns their SHA-256. Durable on return. Idempotent.

    Deletes what killed processes left beside the new file more than a day ago.
    """
    name = digest(data)
    path = asset_path(root, name)
    if path.exists():
        # The process that created it may have died before it fsynced the folders.
        sync_parents(disk, path.parent, root)
    else:
        delete_interrupted(path.parent, now_us())
        publish_new(disk, path, data, root, unique_temporary_path(path))
    return name


def get_asset(root: Path, name: str) -> bytes:
    """Returns the bytes of an asset, fetched from the mirror if it is missing here.

    Raises `NotFound`, or `Corrupt` if the SHA-256 differs.
    """
    if not asset_path(root, name).exists():
        data = read_absent_asset(root, name)
        if data is not None:
            return data
    return read_asset(root, name)


def read_asset(root: Path, name: str) -> bytes:
    """Returns the bytes of an asset that is here. Raises like `get_asset`."""
    path = asset_path(root, name)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"{path}: missing, but an event refers to it") from error
    actual = digest(data)
    if actual != name:
        raise Corrupt(f"{path}: expected SHA-256 {name[:16]}…, found {actual[:16]}…")
    return data
