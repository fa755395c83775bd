"""Writes the sealed segments of a group into its folder, block by block, not durably.

The bytes are those that `seal` would write. The segments are a chain in the order in which
their blocks arrive. Runs in a background thread.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import attrs

from eventlog.errors import Corrupt
from eventlog.files.disk import Disk, sync_file, write_all
from eventlog.format import manifest as manifests
from eventlog.format.block_stats import BlockStats
from eventlog.format.paths import MANIFEST, SEALED, SegmentName
from eventlog.write.publish_group import PreparedSegment, prepared_path
from eventlog.write.seal import compress_and_count


@attrs.frozen
class GroupBlock:
    """Complete lines of a segment: one frame."""

    name: SegmentName
    data: bytes = attrs.field(repr=False)
    is_last: bool
    """Whether the segment ends with it."""


@attrs.define
class _ZstFile:
    """The `.zst` that is being written."""

    handle: int
    raw: "hashlib._Hash" = attrs.field(factory=hashlib.sha256)
    packed: "hashlib._Hash" = attrs.field(factory=hashlib.sha256)
    frames: list[tuple[int, int, BlockStats]] = attrs.field(factory=list)


@attrs.define
class Preparation:
    """The files of a group."""

    folder: Path
    previous: str | None
    """SHA-256 of the last prepared manifest, or of the last one of the stream."""
    file: _ZstFile | None = None
    segments: list[PreparedSegment] = attrs.field(factory=list)
    """Complete segments, in the order of the chain."""


def prepare_blocks(preparation: Preparation, blocks: Sequence[GroupBlock], disk: Disk) -> None:
    """Writes the next blocks, and the manifest of each segment that ends with one."""
    for block in blocks:
        file = preparation.file
        if file is None:
            path = prepared_path(preparation.folder, block.name, SEALED)
            file = preparation.file = _ZstFile(disk.open_append(path))
        where = f"{block.name}: frame {len(file.frames)}"
        frame, stats = compress_and_count(block.data, block.name, where)
        file.raw.update(block.data)
        file.packed.update(frame)
        file.frames.append((len(frame), len(block.data), stats))
        write_all(disk, file.handle, frame)
        if block.is_last:
            close_preparation(preparation, disk)
            _write_manifest(preparation, block.name, file, disk)


def _write_manifest(
    preparation: Preparation, name: SegmentName, file: _ZstFile, disk: Disk
) -> None:
    zst_sha256 = file.packed.hexdigest()
    manifest = manifests.summarize(
        name, file.frames, file.raw.hexdigest(), zst_sha256, preparation.previous
    )
    data = manifests.encode_manifest(manifest)
    handle = disk.open_append(prepared_path(preparation.folder, name, MANIFEST))
    try:
        write_all(disk, handle, data)
    finally:
        disk.close(handle)
    preparation.previous = manifests.digest(data)
    preparation.segments.append(PreparedSegment(name, preparation.previous, zst_sha256))


def close_preparation(preparation: Preparation, disk: Disk) -> None:
    """Closes the file that is being written, if there is one."""
    file, preparation.file = preparation.file, None
    if file is not None:
        disk.close(file.handle)


def sync_prepared(preparation: Preparation, handle: int | None, disk: Disk) -> None:
    """Makes the prepared files durable, then reads them back.

    `handle`: of the folder, to sync its file system; None: each file is fsynced.
    """
    paths = [
        (prepared_path(preparation.folder, segment.name, suffix), sha256)
        for segment in preparation.segments
        for suffix, sha256 in (
            (SEALED, segment.zst_sha256),
            (MANIFEST, segment.manifest_sha256),
        )
    ]
    if handle is None or not disk.sync_file_system(handle):
        for path, _ in paths:
            sync_file(disk, path)
        disk.sync_dir(preparation.folder)
    for path, sha256 in paths:
        if manifests.digest_of(path) != sha256:
            raise Corrupt(f"{path}: expected the bytes that were written, read others")
