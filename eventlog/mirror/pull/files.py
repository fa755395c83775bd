"""Fetches the files that are absent: assets first, then the sealed files that name them.

temporary name, continued where an interrupted pull ended ──> SHA-256 ──> fsync ──> link
                                                  the folders of all of them, once ──> fsync

What a reader fetched into the cache before gets a second name instead.
"""

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import attrs

from eventlog.errors import Corrupt, NotFound
from eventlog.files.absent.cache import cached_path
from eventlog.files.absent.mirror import WantedFile
from eventlog.files.disk import REAL, check_free_space, make_dirs, sync_file
from eventlog.files.publish import temporary_path
from eventlog.format.manifest import Manifest
from eventlog.format.paths import loss_path, manifest_path, sealed_path
from eventlog.mirror.bucket.names import AssetObject, parse_object_name
from eventlog.mirror.bucket.record import CommitRecord, read_link
from eventlog.progress import ReportProgress, no_progress
from eventlog.read.cursor import StreamKey
from eventlog.read.event_filter import EVERYTHING, Select, wants_manifest, wants_segment
from eventlog.stores.store import Download, Store
from eventlog.stores.transfer import gather_limited


@attrs.define
class Fetched:
    """What was fetched so far, or would be."""

    segments: int = 0
    assets: int = 0
    size: int = 0
    left: set[str] = attrs.field(factory=set)
    """Absent segments that are not to be fetched."""
    missing: list[str] = attrs.field(factory=list)
    """Objects that are committed and not in the bucket."""
    damaged: list[str] = attrs.field(factory=list)
    """Objects with other bytes than those committed, each with the message."""
    report: ReportProgress = no_progress
    total: int | None = None
    """Number of all files that are to be fetched, if it is known."""

    @property
    def files(self) -> int:
        """Number of all files."""
        return self.segments + self.assets


def wants_file(select: Select | None, manifest: Manifest) -> bool:
    """Whether the sealed file of a segment is to be fetched. `select`: None for no file."""
    if select is None:
        return False
    return wants_segment(select, manifest.name) and wants_manifest(select, manifest)


def wanted_assets(
    root: Path, record: CommitRecord, select: Select | None = EVERYTHING
) -> Iterator[WantedFile]:
    """Yields the assets of a record that are not here, if one of its segments is selected.

    A record does not say which segment names which asset.
    """
    contents = (read_link(link, "a link") for link in record.links if record.assets)
    if not any(isinstance(x, Manifest) and wants_file(select, x) for x in contents):
        return
    for sha256, size in record.assets:
        name = str(AssetObject(sha256))
        if not (root / name).exists():
            yield WantedFile(name, size, sha256)


def absent_segments(root: Path, record: CommitRecord) -> Iterator[Manifest]:
    """Yields the segments of a record of which only the sealed file is missing here."""
    for manifest, is_written in _without_file(root, record):
        if is_written:
            yield manifest


def future_segments(
    root: Path, record: CommitRecord, conflicts: Collection[StreamKey]
) -> Iterator[Manifest]:
    """Yields the segments that will be absent when the manifests of a record are written.

    `conflicts`: the streams of which nothing is written.
    """
    for manifest, _ in _without_file(root, record):
        if (manifest.name.source, manifest.name.writer) not in conflicts:
            yield manifest


def _without_file(root: Path, record: CommitRecord) -> Iterator[tuple[Manifest, bool]]:
    """Yields the segments of a record without a sealed file here, and whether their manifest is.

    A segment that has another manifest here, or a loss, is not among them.
    """
    for link in record.links:
        content = read_link(link, "a link")
        if not isinstance(content, Manifest):
            continue
        name = content.name
        if sealed_path(root, name).exists() or loss_path(root, name).exists():
            continue
        try:
            if manifest_path(root, name).read_bytes() == link.file.encode():
                yield content, True
        except FileNotFoundError:
            yield content, False


async def fetch_files(
    root: Path, store: Store, wanted: list[WantedFile], transfers: int, fetched: Fetched
) -> None:
    """Fetches files, several at a time. What arrives and what cannot be had is counted.

    Durable on return, also if one of them raises: an fsync of each folder, not of each name.
    """
    folders: set[Path] = set()

    async def fetch(file: WantedFile) -> None:
        try:
            await _fetch(root, store, file)
            folders.add((root / file.name).parent)
        except NotFound:
            fetched.missing.append(file.name)
        except Corrupt as error:
            fetched.damaged.append(error.what)
        else:
            count_file(fetched, file)

    try:
        await gather_limited({file.name: file for file in wanted}.values(), fetch, transfers)
    finally:
        _sync_folders(root, folders)


def count_file(fetched: Fetched, file: WantedFile) -> None:
    """Counts a file that was fetched, or would be."""
    if isinstance(parse_object_name(file.name), AssetObject):
        fetched.assets += 1
    else:
        fetched.segments += 1
    fetched.size += file.size
    fetched.report("files pulled", fetched.files, fetched.total)


async def _fetch(root: Path, store: Store, file: WantedFile) -> None:
    """Fetches one file. On return its bytes are durable, its name is not."""
    check_free_space(REAL, root, file.size)
    path = root / file.name
    make_dirs(REAL, path.parent)
    temporary = temporary_path(path)
    await asyncio.to_thread(_link_cached, cached_path(root, file.name), temporary, file.size)
    await store.get_to_file(file.name, Download(temporary, file.size, file.sha256))
    await asyncio.to_thread(_publish, temporary, path)


def _link_cached(cached: Path, temporary: Path, size: int) -> None:
    """Gives a complete file of the cache a temporary name in the log, where it is checked."""
    with suppress(OSError):  # it is not there, was evicted, or is on another file system
        if cached.stat().st_size == size:
            temporary.unlink(missing_ok=True)
            os.link(cached, temporary)


def _publish(temporary: Path, path: Path) -> None:
    sync_file(REAL, temporary)
    with suppress(FileExistsError):
        REAL.link(temporary, path)  # not rename: it would replace another process's file
    REAL.unlink(temporary)


def _sync_folders(root: Path, folders: set[Path]) -> None:
    """Fsyncs some folders and their parents up to `root`, each once, the deepest first."""
    parents = {parent for folder in folders for parent in (folder, *folder.parents)}
    within = [folder for folder in parents if folder.is_relative_to(root)]
    for folder in sorted(within, key=lambda path: len(path.parts), reverse=True):
        REAL.sync_dir(folder)
