"""Fetches the files that are absent: assets first, then the sealed files that name them.

temporary name, continued where an interrupted pull ended ──> SHA-256 ──> fsync ──> link
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import attrs

from eventlog.errors import Corrupt, NotFound
from eventlog.files.absent.mirror import WantedFile
from eventlog.files.disk import REAL, check_free_space, make_dirs, sync_file, sync_parents
from eventlog.files.publish import temporary_path
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SEALED, SegmentName, loss_path, manifest_path, sealed_path
from eventlog.mirror.bucket.names import AssetObject, SegmentObject
from eventlog.mirror.bucket.record import CommitRecord, read_link
from eventlog.stores.store import Download, Store
from eventlog.stores.transfer import gather_limited


@attrs.define
class Fetched:
    """What was fetched so far."""

    files: int = 0
    size: int = 0
    missing: list[str] = attrs.field(factory=list)
    """Objects that are committed and not in the bucket."""
    damaged: list[str] = attrs.field(factory=list)
    """Objects with other bytes than those committed, each with the message."""


def wanted_assets(root: Path, record: CommitRecord) -> Iterator[WantedFile]:
    """Yields the assets of a record that are not here."""
    for sha256, size in record.assets:
        name = str(AssetObject(sha256))
        if not (root / name).exists():
            yield WantedFile(name, size, sha256)


def wanted_segments(root: Path, record: CommitRecord) -> Iterator[WantedFile]:
    """Yields the sealed files of a record that are not here, and whose manifest is."""
    for link in record.links:
        content = read_link(link, "a link")
        if isinstance(content, Manifest) and _is_absent(root, content.name, link.file):
            name = str(SegmentObject(content.name, SEALED))
            yield WantedFile(name, content.zst.bytes, content.zst.sha256)


def _is_absent(root: Path, name: SegmentName, manifest: str) -> bool:
    """Whether only the sealed file of a segment is missing here."""
    if sealed_path(root, name).exists() or loss_path(root, name).exists():
        return False
    return _has_manifest(root, name, manifest)


def _has_manifest(root: Path, name: SegmentName, file: str) -> bool:
    """Whether the manifest here is the one of the bucket."""
    try:
        return manifest_path(root, name).read_bytes() == file.encode()
    except FileNotFoundError:
        return False


async def fetch_files(
    root: Path, store: Store, wanted: list[WantedFile], transfers: int, fetched: Fetched
) -> None:
    """Fetches files, several at a time. Those that cannot be had are added to `fetched`."""

    async def fetch(file: WantedFile) -> None:
        try:
            await _fetch(root, store, file)
        except NotFound:
            fetched.missing.append(file.name)
        except Corrupt as error:
            fetched.damaged.append(error.what)
        else:
            fetched.files += 1
            fetched.size += file.size

    await gather_limited({file.name: file for file in wanted}.values(), fetch, transfers)


async def _fetch(root: Path, store: Store, file: WantedFile) -> None:
    """Fetches one file. Durable on return."""
    check_free_space(REAL, root, file.size)
    path = root / file.name
    make_dirs(REAL, path.parent)
    temporary = temporary_path(path)
    await store.get_to_file(file.name, Download(temporary, file.size, file.sha256))
    await asyncio.to_thread(_publish, temporary, path, root)


def _publish(temporary: Path, path: Path, root: Path) -> None:
    sync_file(REAL, temporary)
    with suppress(FileExistsError):
        REAL.link(temporary, path)  # not rename: it would replace another process's file
    REAL.unlink(temporary)
    sync_parents(REAL, path.parent, root)
