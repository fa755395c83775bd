"""Seals segments: turns an open segment into a compressed one that never changes.

The manifest is the commit point. In this order, each step durable before the next:

    .zst under a temporary name → read back, compared → renamed
    manifest under a temporary name → linked, never over an existing one
    open file removed

A crash between any two steps leaves a state that `finish_sealing` can complete or revert.
"""

import hashlib
import logging
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from io import FileIO
from pathlib import Path

from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, Disk, write_all
from eventlog.files.publish import publish_new, publish_written, temporary_path
from eventlog.format import manifest as manifests
from eventlog.format.block_stats import BlockStats, block_stats
from eventlog.format.frames import blocks, compress, decompress
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path

_LOGGER = logging.getLogger(__name__)
_THREADS = 2
_MAX_PENDING = 4
"""Maximum number of blocks in memory."""


def seal(root: Path, name: SegmentName, previous: str | None, disk: Disk = REAL) -> Manifest:
    """Seals the open segment `name`. `previous`: SHA-256 of the stream's previous manifest.

    On return the `.zst` and its manifest are durable, and the open file is removed. Raises
    `Corrupt` if the open file contains anything but valid lines, or if reading back what was
    written yields other bytes.
    """
    source, target = open_path(root, name), sealed_path(root, name)
    temporary = temporary_path(target)
    temporary.unlink(missing_ok=True)
    manifest = _write_frames(source, temporary, name, previous, disk)
    _check_written(temporary, manifest)
    publish_written(disk, temporary, target)
    _publish_manifest(manifest_path(root, name), manifest, disk)
    disk.unlink(source)
    disk.sync_dir(source.parent)
    _LOGGER.info(
        "sealed segment %s: %d events, %d bytes compressed to %d",
        name,
        manifest.rows,
        manifest.raw.bytes,
        manifest.zst.bytes,
    )
    return manifest


def _write_frames(
    source: Path, target: Path, name: SegmentName, previous: str | None, disk: Disk
) -> Manifest:
    raw, packed = hashlib.sha256(), hashlib.sha256()
    frames: list[tuple[int, int, BlockStats]] = []
    handle = disk.open_append(target)
    try:
        with source.open("rb", buffering=0) as file:
            for block, frame, stats in _compressed_blocks(file, name):
                raw.update(block)
                packed.update(frame)
                write_all(disk, handle, frame)
                frames.append((len(frame), len(block), stats))
        disk.fsync(handle)
    finally:
        disk.close(handle)
    if not frames:
        raise Corrupt(f"{source}: an empty segment cannot be sealed")
    return manifests.summarize(name, frames, raw.hexdigest(), packed.hexdigest(), previous)


def _check_written(path: Path, manifest: Manifest) -> None:
    """Reads the file back and compares its SHA-256. (Each frame was already decompressed.)"""
    if manifests.digest_of(path) != manifest.zst.sha256:
        raise Corrupt(f"{path}: expected the bytes that were written, read others")


def _compressed_blocks(
    file: FileIO, name: SegmentName
) -> Iterator[tuple[bytes, bytes, BlockStats]]:
    """Yields each block with its frame and its statistics, which threads compute in advance.

    One job per block compresses, decompresses and counts; only counting needs the GIL.
    """
    pieces = blocks(partial(os.pread, file.fileno()), os.fstat(file.fileno()).st_size)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="seal") as pool:
        pending: deque[tuple[bytes, Future[tuple[bytes, BlockStats]]]] = deque()
        for number, block in enumerate(pieces):
            where = f"{file.name}: frame {number}"
            pending.append((block, pool.submit(compress_and_count, block, name, where)))
            if len(pending) > _MAX_PENDING:
                yield _result(*pending.popleft())
        while pending:
            yield _result(*pending.popleft())


def _result(
    block: bytes, job: "Future[tuple[bytes, BlockStats]]"
) -> tuple[bytes, bytes, BlockStats]:
    return block, *job.result()


def compress_and_count(block: bytes, name: SegmentName, where: str) -> tuple[bytes, BlockStats]:
    """Returns the frame of a block, checked by decompressing it, and the block's statistics."""
    frame = compress(block)
    if decompress(frame, len(block)) != block:
        raise Corrupt("a zstd frame: expected the bytes that were compressed, decompressed others")
    return frame, block_stats(block, name.source, name.writer, where)


def _publish_manifest(path: Path, manifest: Manifest, disk: Disk) -> None:
    if not publish_new(disk, path, manifests.encode_manifest(manifest)):
        raise Corrupt(f"{path}: expected no manifest there yet", "hindlog verify")


def finish_sealing(root: Path, name: SegmentName, disk: Disk = REAL) -> bool:
    """Completes or reverts an interrupted sealing. Returns whether the segment is sealed now.

    If manifest and `.zst` exist, the segment is sealed; the open file is removed after the
    SHA-256 of both files was checked. A `.zst` without manifest is deleted if the open file
    exists, so that the segment can be sealed again. Raises `Corrupt` if it does not.
    """
    source, packed, manifest_file = (
        open_path(root, name),
        sealed_path(root, name),
        manifest_path(root, name),
    )
    for path in map(temporary_path, (packed, manifest_file)):
        if path.exists():
            disk.unlink(path)
    if manifest_file.exists():
        return _drop_open(root, name, disk)
    if packed.exists():
        if not source.exists():
            raise Corrupt(
                f"{packed}: sealed, but its manifest and its open file are missing",
                f"hindlog repair {name}",
            )
        disk.unlink(packed)
        disk.sync_dir(packed.parent)
    return False


def _drop_open(root: Path, name: SegmentName, disk: Disk) -> bool:
    """Removes the open file of a sealed segment, after checking both files. Returns True."""
    source, packed, manifest_file = (
        open_path(root, name),
        sealed_path(root, name),
        manifest_path(root, name),
    )
    if not packed.exists():
        hint = f"hindlog repair {name}"
        raise Corrupt(f"{manifest_file}: the manifest exists, but {packed.name} is missing", hint)
    if not source.exists():
        return True
    manifest = manifests.parse_manifest(manifest_file.read_bytes(), str(manifest_file))
    _check_digest(packed, manifest.zst.sha256, f"hindlog repair {name}")
    _check_digest(
        source, manifest.raw.sha256, f"hindlog verify; then remove one of the two: {name}"
    )
    disk.unlink(source)
    disk.sync_dir(source.parent)
    return True


def _check_digest(path: Path, sha256: str, hint: str) -> None:
    """Raises `Corrupt` unless a file has this SHA-256."""
    actual = manifests.digest_of(path)
    if actual != sha256:
        raise Corrupt(f"{path}: expected SHA-256 {sha256[:16]}…, found {actual[:16]}…", hint)
