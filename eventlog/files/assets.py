"""Assets: bytes too large for a line, by their content."""

import contextlib
from pathlib import Path

from eventlog.errors import Corrupt, NotFound
from eventlog.files.disk import REAL, Disk, make_dirs, sync_up, write_durable
from eventlog.format.manifest import digest
from eventlog.format.paths import asset_path


def put_asset(root: Path, data: bytes, disk: Disk = REAL) -> str:
    """Keep bytes; their SHA-256. Durable when this returns, harmless when repeated."""
    name = digest(data)
    path = asset_path(root, name)
    if path.exists():
        sync_up(disk, path.parent, root)  # whoever made it may have died before this
        return name
    make_dirs(disk, path.parent)
    temporary = path.with_name(f".{name}.tmp")
    write_durable(disk, temporary, data)
    with contextlib.suppress(FileExistsError):
        disk.link(temporary, path)
    disk.unlink(temporary)
    sync_up(disk, path.parent, root)
    return name


def get_asset(root: Path, name: str) -> bytes:
    """The bytes of an asset. Raises `NotFound`, or `Corrupt` if they are others."""
    path = asset_path(root, name)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"{path}: missing, though an event names it") from error
    found = digest(data)
    if found != name:
        raise Corrupt(f"{path}: expected SHA-256 {name[:16]}…, found {found[:16]}…")
    return data
