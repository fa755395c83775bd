"""Fetches good copies of single segments and assets, for a repair.

Copies are those that a record names. The repair compares them with the chain of manifests here.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from eventlog.errors import NotFound
from eventlog.files.disk import REAL, make_dirs, sync_file
from eventlog.files.publish import publish_written, temporary_path
from eventlog.format.manifest import digest_of
from eventlog.format.paths import (
    SEALED,
    SegmentName,
    asset_path,
    log_dir,
    manifest_path,
    sealed_path,
)
from eventlog.mirror.bucket.names import AssetObject, SegmentObject
from eventlog.mirror.history.find_segments import find_segments
from eventlog.stores.store import Download, Store


async def fetch_segment(store: Store, archive: str, name: SegmentName, folder: Path) -> bool:
    """Writes manifest and sealed file of a segment into a folder, as an archive has them.

    Returns False if the segment is not committed. If its sealed file is missing in the bucket, only
    the manifest is written. Raises `Corrupt` if the bucket has other bytes than were committed.
    """
    committed = await find_segments(store, archive, lambda manifest: manifest.name == name)
    for segment in committed:
        manifest_path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        manifest_path(folder, name).write_text(segment.file)
        zst = segment.manifest.zst
        wanted = Download(sealed_path(folder, name), zst.bytes, zst.sha256)
        with suppress(NotFound):
            await store.get_to_file(str(SegmentObject(name, SEALED)), wanted)
    return bool(committed)


async def fetch_assets(root: Path, store: Store, source: str, names: Iterable[str]) -> int:
    """Replaces the assets that are missing or damaged here. Returns how many. Durable on return.

    A damaged file is moved to the folder `.damaged` of a source. Raises `NotFound` if the bucket
    lacks an asset.
    """
    fetched = 0
    for sha256 in sorted(names):
        path = asset_path(root, sha256)
        if path.exists() and digest_of(path) == sha256:
            continue
        name = str(AssetObject(sha256))
        stored = await store.head(name)
        if stored is None:
            raise NotFound(f"{store.address}/{name}: missing in the bucket, too")
        make_dirs(REAL, path.parent)
        temporary = temporary_path(path)
        await store.get_to_file(name, Download(temporary, stored.size, sha256))
        sync_file(REAL, temporary)
        if path.exists():
            damaged = log_dir(root) / source / ".damaged"
            make_dirs(REAL, damaged)
            REAL.rename(path, damaged / sha256)
            REAL.sync_dir(damaged)
        publish_written(REAL, temporary, path, root)
        fetched += 1
    return fetched
