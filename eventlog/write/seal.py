"""Sealing: an open segment becomes a compressed one that never changes.

The manifest is the commit point. In this order, each step durable before the next:

    .zst under a temporary name → read back, compared → renamed
    manifest under a temporary name → linked, never over an existing one
    open file removed

A crash between any two leaves a state that `finish` knows.
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
from eventlog.format import manifest as manifests
from eventlog.format.block_stats import BlockStats, block_stats
from eventlog.format.frames import blocks, compress, decompress
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path

_LOGGER = logging.getLogger(__name__)
_JOBS = 2
_AHEAD = 4
"""So many blocks wait or are worked on: the memory that sealing takes."""


def seal(root: Path, name: SegmentName, previous: str | None, disk: Disk = REAL) -> Manifest:
    """Seal the open segment `name`; `previous` is the SHA-256 of the manifest before.

    True afterwards: the `.zst` and its manifest are durable, the open file is gone.
    Raises `Corrupt` if the open file is not whole lines or what was written does not
    read back.
    """
    source, target = open_path(root, name), sealed_path(root, name)
    temporary = _temporary(target)
    temporary.unlink(missing_ok=True)
    manifest = _write_frames(source, temporary, name, previous, disk)
    _check_written(temporary, manifest)
    disk.rename(temporary, target)
    disk.sync_dir(target.parent)
    _publish(root, name, manifest, disk)
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


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def _write_frames(
    source: Path, target: Path, name: SegmentName, previous: str | None, disk: Disk
) -> Manifest:
    raw, packed = hashlib.sha256(), hashlib.sha256()
    frames: list[tuple[int, int, BlockStats]] = []
    handle = disk.open_append(target)
    try:
        with source.open("rb", buffering=0) as file:
            for block, frame, held in _packed(file, name):
                raw.update(block)
                packed.update(frame)
                write_all(disk, handle, frame)
                frames.append((len(frame), len(block), held))
        disk.fsync(handle)
    finally:
        disk.close(handle)
    if not frames:
        raise Corrupt(f"{source}: an empty segment cannot be sealed")
    return manifests.summarize(name, frames, raw.hexdigest(), packed.hexdigest(), previous)


def _check_written(path: Path, manifest: Manifest) -> None:
    """Read back what was written: the very frames that were seen to unpack to the lines."""
    if manifests.digest_of(path) != manifest.zst.sha256:
        raise Corrupt(f"{path}: what was written does not read back")


def _packed(file: FileIO, name: SegmentName) -> Iterator[tuple[bytes, bytes, BlockStats]]:
    """Each block of the lines with its frame and its census, some worked on ahead.

    All that can be done with a block alone is one job: of it only the census holds the GIL.
    """
    pieces = blocks(partial(os.pread, file.fileno()), os.fstat(file.fileno()).st_size)
    with ThreadPoolExecutor(_JOBS, thread_name_prefix="seal") as pool:
        waiting: deque[tuple[bytes, Future[tuple[bytes, BlockStats]]]] = deque()
        for number, block in enumerate(pieces):
            where = f"{file.name}: frame {number}"
            waiting.append((block, pool.submit(_pack, block, name, where)))
            if len(waiting) > _AHEAD:
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())


def _done(block: bytes, job: "Future[tuple[bytes, BlockStats]]") -> tuple[bytes, bytes, BlockStats]:
    return block, *job.result()


def _pack(block: bytes, name: SegmentName, where: str) -> tuple[bytes, BlockStats]:
    """One frame, unpacked again and compared, and what it holds."""
    frame = compress(block)
    if decompress(frame, len(block)) != block:
        raise Corrupt("a zstd frame does not unpack to what was packed")
    return frame, block_stats(block, name.source, name.writer, where)


def _publish(root: Path, name: SegmentName, manifest: Manifest, disk: Disk) -> None:
    target = manifest_path(root, name)
    temporary = _temporary(target)
    temporary.unlink(missing_ok=True)
    handle = disk.open_append(temporary)
    try:
        write_all(disk, handle, manifests.to_bytes(manifest))
        disk.fsync(handle)
    finally:
        disk.close(handle)
    try:
        disk.link(temporary, target)  # not rename: that replaces what another writer put there
    except FileExistsError as error:
        raise Corrupt(f"{target}: a manifest stands there already", "hindlog verify") from error
    finally:
        disk.unlink(temporary)
    disk.sync_dir(target.parent)


def finish(root: Path, name: SegmentName, disk: Disk = REAL) -> bool:
    """Bring one segment out of a half-done sealing. True if it is sealed now.

    With manifest and `.zst` the sealed pair counts, and the open file goes once both
    SHA-256 agree. Without a manifest a `.zst` beside its open file is thrown away,
    to be made again; alone, it is damage: `Corrupt`.
    """
    source, packed, truth = (
        open_path(root, name),
        sealed_path(root, name),
        manifest_path(root, name),
    )
    for path in (_temporary(packed), _temporary(truth)):
        if path.exists():
            disk.unlink(path)
    if truth.exists():
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
    """Remove the open file of a segment whose manifest is there."""
    source, packed, truth = (
        open_path(root, name),
        sealed_path(root, name),
        manifest_path(root, name),
    )
    if not packed.exists():
        hint = f"hindlog repair {name}"
        raise Corrupt(f"{truth}: the manifest is there, {packed.name} is missing", hint)
    if not source.exists():
        return True
    manifest = manifests.from_bytes(truth.read_bytes(), str(truth))
    _agree(packed, manifest.zst.sha256, f"hindlog repair {name}")
    _agree(source, manifest.raw.sha256, f"hindlog verify; then remove one of the two: {name}")
    disk.unlink(source)
    disk.sync_dir(source.parent)
    return True


def _agree(path: Path, sha256: str, hint: str) -> None:
    """Before the last other copy goes."""
    found = manifests.digest_of(path)
    if found != sha256:
        raise Corrupt(f"{path}: expected SHA-256 {sha256[:16]}…, found {found[:16]}…", hint)
