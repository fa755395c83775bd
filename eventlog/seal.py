"""Sealing: an open segment becomes a compressed one that never changes.

The manifest is the commit point. In this order, each step durable before the next:

    .zst under a temporary name → read back, compared → renamed
    manifest under a temporary name → linked, never over an existing one
    open file removed

A crash between any two leaves a state that `finish` knows.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog import manifest as manifests
from eventlog.disk import REAL, Disk, write_all
from eventlog.errors import Corrupt
from eventlog.event import decode
from eventlog.frames import blocks, compress, decompress
from eventlog.manifest import Content, Frame, Manifest
from eventlog.paths import SegmentName, manifest_path, open_path, sealed_path

_CHUNK = 4 * 1024 * 1024
_HEAD = re.compile(
    rb'^\{"v":\d+,"source":"[^"]*","writer":"[0-9a-f]{8}","seq":(\d+),'
    rb'"observed_at":"([^"]*)","kind":"([^"]*)"'
    rb'(?:,"run":"[^"\\]*")?(?:,"epoch":"[^"\\]*")?(?:,"type":"([^"\\]*)")?',
    re.MULTILINE,
)


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
    return manifest


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


@attrs.frozen
class _Block:
    """What one block of lines holds."""

    rows: int
    first: tuple[int, str]
    last: tuple[int, str]
    longest: int
    kinds: Counter[str]
    types: Counter[str]


def describe(block: bytes, where: str) -> _Block:
    """Rows, first and last (seq, time), kinds and types of a block of whole lines."""
    rows = block.count(b"\n")
    heads = _HEAD.findall(block)
    if len(heads) != rows:
        heads = [_head(line, where) for line in block.splitlines()]
    kinds = Counter(head[2].decode() for head in heads)
    types = Counter(head[3].decode() for head in heads if head[3])
    first, last = heads[0], heads[-1]
    return _Block(
        rows,
        (int(first[0]), first[1].decode()),
        (int(last[0]), last[1].decode()),
        _longest(block),
        kinds,
        types,
    )


def _head(line: bytes, where: str) -> tuple[bytes, bytes, bytes, bytes]:
    try:
        event = decode(line)
    except Corrupt as error:
        raise Corrupt(f"{where}: {error.what}", "hindlog verify") from error
    seq, kind = str(event.seq).encode(), event.kind.encode()
    return (seq, event.observed_at.encode(), kind, (event.type or "").encode())


def _longest(block: bytes) -> int:
    return max(map(len, block.split(b"\n")), default=0)


def _write_frames(
    source: Path, target: Path, name: SegmentName, previous: str | None, disk: Disk
) -> Manifest:
    raw, packed = hashlib.sha256(), hashlib.sha256()
    frames: list[Frame] = []
    found: list[_Block] = []
    offset = 0
    handle = disk.open_append(target)
    try:
        for block in blocks(_read_chunks(source)):
            if not block.endswith(b"\n"):
                raise Corrupt(f"{source}: the last line does not end", "hindlog repair")
            held = describe(block, str(source))
            frame = compress(block)
            write_all(disk, handle, frame)
            raw.update(block)
            packed.update(frame)
            frames.append(Frame(offset, len(frame), len(block), held.rows, held.kinds, held.types))
            found.append(held)
            offset += len(frame)
        disk.fsync(handle)
    finally:
        disk.close(handle)
    if not frames:
        raise Corrupt(f"{source}: an empty segment cannot be sealed")
    raw_bytes = sum(frame.raw_bytes for frame in frames)
    return _manifest(
        name,
        found,
        frames,
        Content(raw_bytes, raw.hexdigest()),
        Content(offset, packed.hexdigest()),
        previous,
    )


def _manifest(
    name: SegmentName,
    found: list[_Block],
    frames: list[Frame],
    raw: Content,
    zst: Content,
    previous: str | None,
) -> Manifest:
    manifest = Manifest(
        format=manifests.FORMAT,
        segment=str(name),
        rows=sum(block.rows for block in found),
        first_seq=found[0].first[0],
        last_seq=found[-1].last[0],
        first_observed_at=found[0].first[1],
        last_observed_at=found[-1].last[1],
        raw=raw,
        zst=zst,
        longest_line_bytes=max(block.longest for block in found),
        kinds=sum((block.kinds for block in found), Counter()),
        types=sum((block.types for block in found), Counter()),
        frames=tuple(frames),
        previous=previous,
    )
    problem = manifests.inconsistency(manifest)
    if problem:
        raise Corrupt(f"{name}: {problem}", "hindlog verify")
    return manifest


def _check_written(path: Path, manifest: Manifest) -> None:
    """Read back what was written and compare it with the raw SHA-256."""
    raw = hashlib.sha256()
    with path.open("rb") as file:
        for frame in manifest.frames:
            raw.update(decompress(file.read(frame.bytes), frame.raw_bytes))
    if raw.hexdigest() != manifest.raw.sha256:
        raise Corrupt(f"{path}: what was written does not read back")


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
    disk.link(temporary, target)  # not rename: that replaces what another writer put there
    disk.unlink(temporary)
    disk.sync_dir(target.parent)


def finish(root: Path, name: SegmentName, disk: Disk = REAL) -> bool:
    """Bring one segment out of a half-done sealing. True if it is sealed now.

    With manifest and `.zst` the sealed pair counts, and the open file goes once its
    SHA-256 agrees. Without a manifest a `.zst` beside its open file is thrown away,
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
    raw = hashlib.sha256()
    for chunk in _read_chunks(source):
        raw.update(chunk)
    if raw.hexdigest() != manifest.raw.sha256:
        raise Corrupt(
            f"{source}: differs from its sealed copy (expected SHA-256 "
            f"{manifest.raw.sha256[:16]}…, found {raw.hexdigest()[:16]}…)",
            f"hindlog verify; then remove one of the two: {name}",
        )
    disk.unlink(source)
    disk.sync_dir(source.parent)
    return True
