"""Pushes exports: each version into a folder of its own, then the manifest that names it.

    exports/<name>/<version>/… ──> exports/<name>/manifest.json, replaced
                                                    a day later ──> old versions deleted

A reader takes the manifest, whose SHA-256 begins with the name of the folder, and finds every
file that it lists. Nothing here belongs to the mirror of the log.
"""

from functools import partial
from pathlib import Path

import attrs

from eventlog.clock import Clock, now_us
from eventlog.errors import Corrupt, NotFound, Unavailable
from eventlog.mirror.exports.local_exports import (
    MANIFEST_FILE,
    LocalExport,
    find_exports,
    object_of,
    pointer_of,
)
from eventlog.mirror.exports.old_versions import delete_old_versions
from eventlog.mirror.local.journal import lock_mirror
from eventlog.stores.store import Store, Upload
from eventlog.stores.transfer import gather_limited, upload_of_bytes, upload_of_file


@attrs.frozen
class PushedExport:
    """What was done with an export."""

    name: str
    files: int
    """Files that were not in the bucket; 0 if the bucket had this version."""
    size: int
    """Their bytes."""
    deleted: tuple[str, ...]
    """Old versions that were deleted."""
    kept: tuple[str, ...]
    """Old versions that the key may not delete."""


async def push_exports(
    root: Path, store: Store, *, transfers: int = 4, clock: Clock = now_us
) -> tuple[PushedExport, ...]:
    """Pushes all exports of an archive whose bucket was claimed. Returns what was done.

    May be interrupted at any time: readers find the version before, and the next push continues.
    Raises `Corrupt` if a file differs from its manifest, `Unavailable` if an export is replaced
    meanwhile, and what the store raises.
    """
    with lock_mirror(root):
        return tuple(
            [await _push_export(root, store, x, transfers, clock) for x in find_exports(root)]
        )


async def _push_export(
    root: Path, store: Store, export: LocalExport, transfers: int, clock: Clock
) -> PushedExport:
    files = size = 0
    if await _current_manifest(store, export.name) != export.manifest:
        sizes = await _put_version(store, export, transfers)
        files, size = len(sizes), sum(sizes)
        await store.put_replacing(pointer_of(export.name), export.manifest)
    deleted, kept = await delete_old_versions(root, store, export.name, export.version, clock())
    return PushedExport(export.name, files, size, deleted, kept)


async def _current_manifest(store: Store, name: str) -> bytes | None:
    try:
        return await store.get(pointer_of(name), None)
    except NotFound:
        return None


async def _put_version(store: Store, export: LocalExport, transfers: int) -> list[int]:
    """Puts all files of an export. Returns the sizes of those that were not there."""
    uploads: dict[str, Upload] = {
        object_of(export, file.path): upload_of_file(
            export.folder / file.path, file.bytes, file.sha256
        )
        for file in export.files
    }
    uploads[object_of(export, MANIFEST_FILE)] = upload_of_bytes(export.manifest)
    try:
        put = partial(_put, store)
        done = await gather_limited(uploads.items(), put, transfers)
    except (Corrupt, FileNotFoundError) as error:
        if _is_unchanged(export):
            raise
        what = f"{export.folder}: the export was replaced while it was pushed"
        raise Unavailable(what, "push it again: hindlog sync push --exports") from error
    return [size for size in done if size is not None]


async def _put(store: Store, item: tuple[str, Upload]) -> int | None:
    name, upload = item
    return upload.size if await store.put_new(name, upload) else None


def _is_unchanged(export: LocalExport) -> bool:
    try:
        return (export.folder / MANIFEST_FILE).read_bytes() == export.manifest
    except FileNotFoundError:
        return False
