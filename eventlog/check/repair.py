"""Repairs damaged segments.

From an open segment, the invalid bytes are cut off and stored in the log as an anomaly. A
sealed segment is restored from a good copy: the open file, a manifest computed again from
the lines, or a folder or file that the user names. A copy is good only if the chain of
manifests confirms it. Replaced files are moved to `.damaged`, not deleted. Assets are not
restored, but reported.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import attrs

from eventlog.check.segment_damage import content_damage, segment_asset_damage
from eventlog.clock import Clock, now_us
from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.files.disk import REAL, make_dirs, write_durable
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import read_loss
from eventlog.files.publish import publish_written, temporary_path
from eventlog.format import manifest as manifests
from eventlog.format.block_stats import block_stats
from eventlog.format.frames import blocks, compress
from eventlog.format.manifest import Manifest
from eventlog.format.paths import (
    MANIFEST,
    OPEN,
    SEALED,
    SegmentName,
    log_dir,
    loss_path,
    manifest_path,
    open_path,
    sealed_path,
)
from eventlog.write.writer import SEGMENT_BYTES, close_stream, open_stream


@attrs.frozen
class RepairResult:
    """The result of repairing one segment."""

    segment: str
    what: str
    """The steps that were taken, as text for users."""


def repair(
    root: Path,
    name: SegmentName,
    good: Path | None = None,
    *,
    clock: Clock = now_us,
    segment_bytes: int = SEGMENT_BYTES,
) -> RepairResult:
    """Repairs one segment. `good`: a folder or file that may contain a good copy.

    Raises `Corrupt` if no good copy is found, or if an asset of the segment is missing or
    damaged; `Locked` if the open segment is being written; `NotFound` if no file of that name
    exists; `Invalid` if its loss was accepted.
    """
    if loss_path(root, name).exists():
        what = f"{name}: was recorded as lost on {read_loss(root, name).accepted_at}"
        raise Invalid(what, f"to restore it, first move log/{name}.lost.json out of the log")
    sealed = sealed_path(root, name).exists() or manifest_path(root, name).exists()
    if open_path(root, name).exists() and not sealed:
        result = _repair_open(root, name, clock, segment_bytes)
    elif not sealed and good is None:
        raise NotFound(f"{name}: no such segment", "hindlog segment list")
    else:
        result = repair_sealed(root, name, good)
    check_assets(root, name, result)
    return result


def check_assets(root: Path, name: SegmentName, result: RepairResult) -> None:
    """Raises `Corrupt` if an asset of a repaired or intact segment is missing or damaged."""
    try:
        damages = segment_asset_damage(root, name)
    except NotFound:  # the open segment had no valid line and was removed
        return
    if damages:
        raise Corrupt(
            f"{name}: {result.what}; but {damages[0].what}",
            "copy this asset from a mirror or a backup, then: hindlog verify",
        )


def _repair_open(root: Path, name: SegmentName, clock: Clock, segment_bytes: int) -> RepairResult:
    size = open_path(root, name).stat().st_size
    stream = open_stream(
        root,
        name.source,
        name.writer,
        clock=clock,
        segment_bytes=segment_bytes,
        distrust_head=True,
    )
    seq = stream.last_seq
    close_stream(stream)
    what = f"recovered: read {size} bytes, invalid ones became an anomaly; last seq {seq}"
    return RepairResult(str(name), what)


def repair_sealed(root: Path, name: SegmentName, good: Path | None) -> RepairResult:
    """Repairs a sealed segment, but not its assets, from a good copy.

    Raises `Corrupt` if no good copy is found.
    """
    done: list[str] = []
    manifest = _usable_manifest(root, name)
    if manifest is None:
        data, where = _find_manifest(root, name, good)
        _install(root, name, manifest_path(root, name), data)
        manifest = manifests.parse_manifest(data, where)
        done.append(f"manifest from {where}")
    if _digest_of(sealed_path(root, name)) != manifest.zst.sha256:
        data, where = _find_segment(root, manifest, good)
        _install(root, name, sealed_path(root, name), data)
        done.append(f"segment from {where}")
    if _digest_of(open_path(root, name)) == manifest.raw.sha256:
        REAL.unlink(open_path(root, name))
        done.append("open copy removed")
    remaining = content_damage(root, manifest)
    if remaining:
        raise Corrupt(f"{name}: {remaining[0]}", "hindlog verify")
    return RepairResult(str(name), ", ".join(done) or "nothing to do: the segment is intact")


def _usable_manifest(root: Path, name: SegmentName) -> Manifest | None:
    """Returns the existing manifest if it agrees with the chain and the segment, else None."""
    try:
        manifest = consistent_manifest(root, name, manifest_path(root, name).read_bytes())
    except FileNotFoundError:
        return None
    fits_segment = manifest and _digest_of(sealed_path(root, name)) == manifest.zst.sha256
    return None if manifest and fits_segment and content_damage(root, manifest) else manifest


def consistent_manifest(root: Path, name: SegmentName, data: bytes) -> Manifest | None:
    """Decodes a manifest. Returns None if it is invalid or contradicts its chain neighbours."""
    try:
        manifest = manifests.parse_manifest(data, str(name))
    except Corrupt:
        return None
    before, after = _neighbours(root, manifest)
    if manifest.segment != str(name) or (after and after.previous != manifests.digest(data)):
        return None
    if before is not None and manifest.previous != _digest_of(manifest_path(root, before.name)):
        return None
    return manifest


def _neighbours(root: Path, middle: Manifest) -> tuple[Manifest | None, Manifest | None]:
    """Returns the previous and the next manifest of a stream; None if missing or unreadable."""
    before = after = None
    for files in list_segments(root, middle.name.source, middle.name.writer):
        if files.has_manifest and files.name != middle.name:
            try:
                manifest = read_manifest(root, files.name)
            except Corrupt:
                continue
            before = manifest if manifest.last_seq == middle.first_seq - 1 else before
            after = manifest if manifest.first_seq == middle.last_seq + 1 else after
    return before, after


def _find_manifest(root: Path, name: SegmentName, good: Path | None) -> tuple[bytes, str]:
    """Returns a good manifest and its origin: the user's, or one computed from the segment."""
    for path in _candidates(good, name, MANIFEST):
        data = path.read_bytes()
        if consistent_manifest(root, name, data):
            return data, str(path)
    for candidate in _computed_manifests(root, name, good):
        before, after = _neighbours(root, candidate)
        if before is not None:
            candidate = attrs.evolve(
                candidate, previous=_digest_of(manifest_path(root, before.name))
            )
        data = manifests.encode_manifest(candidate)
        if after is not None and after.previous == manifests.digest(data):
            return data, "its own lines, confirmed by the next manifest"
    raise _no_copy(name, "manifest")


def _computed_manifests(root: Path, name: SegmentName, good: Path | None) -> Iterator[Manifest]:
    """Yields the manifests computed from the available copies of the segment."""
    for path in (sealed_path(root, name), *_candidates(good, name, SEALED)):
        try:
            computed = _summary(path, name)
        except (Corrupt, FileNotFoundError):
            continue
        yield computed
        yield manifests.without_assets(computed)


def _summary(path: Path, name: SegmentName) -> Manifest:
    import zstandard

    raw, frames = hashlib.sha256(), []
    rest = path.read_bytes()
    packed = hashlib.sha256(rest).hexdigest()
    while rest:
        unpack = zstandard.ZstdDecompressor().decompressobj()
        try:
            block = unpack.decompress(rest)
        except zstandard.ZstdError as error:
            raise Corrupt(f"{path}: {error}") from error
        size = len(rest) - len(unpack.unused_data)
        frames.append((size, len(block), block_stats(block, name.source, name.writer, str(path))))
        raw.update(block)
        rest = unpack.unused_data
    return manifests.summarize(name, frames, raw.hexdigest(), packed, None)


def _find_segment(root: Path, manifest: Manifest, good: Path | None) -> tuple[bytes, str]:
    name = manifest.name
    for path in _candidates(good, name, SEALED):
        if _digest_of(path) == manifest.zst.sha256:
            return path.read_bytes(), str(path)
    for path in (open_path(root, name), *_candidates(good, name, OPEN)):
        if _digest_of(path) == manifest.raw.sha256:
            with path.open("rb") as file:
                pieces = blocks(partial(os.pread, file.fileno()), path.stat().st_size)
                data = b"".join(map(compress, pieces))
            if manifests.digest(data) == manifest.zst.sha256:
                return data, str(path)
    raise _no_copy(name, "segment")


def _no_copy(name: SegmentName, what: str) -> Corrupt:
    return Corrupt(
        f"{name}: no good copy of its {what} found",
        "name a folder or file that has one (a mirror, a backup)",
    )


def _candidates(good: Path | None, name: SegmentName, suffix: str) -> Iterable[Path]:
    """Returns possible copies: the path itself, or a file in an archive, log or folder."""
    if good is None:
        return []
    full = f"{name}{suffix}"
    places = [good, good / "log" / full, good / full, good / full.rsplit("/", 1)[1]]
    return [path for path in places if path.is_file() and path.name == full.rsplit("/", 1)[1]]


def _digest_of(path: Path) -> str | None:
    try:
        return manifests.digest_of(path)
    except FileNotFoundError:
        return None


def _install(root: Path, name: SegmentName, path: Path, data: bytes) -> None:
    """Installs a good file durably; moves the bad one to the folder `.damaged`."""
    make_dirs(REAL, path.parent)
    temporary = temporary_path(path)
    write_durable(REAL, temporary, data)
    if path.exists():
        damaged_folder = log_dir(root) / name.source / ".damaged"
        make_dirs(REAL, damaged_folder)
        REAL.rename(path, damaged_folder / f"{name.date}_{path.name}")
        REAL.sync_dir(damaged_folder)
    publish_written(REAL, temporary, path)
