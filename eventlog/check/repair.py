"""Repair: put a segment right that recovery or a reader refuses.

An open segment loses what is not whole (it stays in the log, as an anomaly). For a
sealed one a good copy is taken: from what lies beside it (an open file, a manifest
that can be made again), or from a folder or file that the user names. A copy is good
when the chain of manifests says so; nothing else is believed. What is replaced is set
aside, not deleted.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import attrs

from eventlog.check.segment_damage import sealed_damage
from eventlog.clock import Clock, now_us
from eventlog.errors import Corrupt, Invalid, NotFound
from eventlog.files.disk import REAL, make_dirs, write_durable
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import read_loss
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
from eventlog.write.writer import close_stream, open_stream


@attrs.frozen
class RepairResult:
    """What was done about one segment."""

    segment: str
    what: str


def repair(
    root: Path, name: SegmentName, good: Path | None = None, *, clock: Clock = now_us
) -> RepairResult:
    """Put one segment right. `good`: a folder or file that may hold a good copy.

    Raises `Corrupt` where no good copy is found, `Locked` where the open segment is
    being written, `NotFound` where nothing is there under the name, `Invalid` where its
    loss was accepted.
    """
    if loss_path(root, name).exists():
        what = f"{name}: was given up on {read_loss(root, name).accepted_at}"
        raise Invalid(what, f"to take it back, move log/{name}.lost.json out of the log first")
    sealed = sealed_path(root, name).exists() or manifest_path(root, name).exists()
    if open_path(root, name).exists() and not sealed:
        return _repair_open(root, name, clock)
    if not sealed and good is None:
        raise NotFound(f"{name}: no such segment", "hindlog segment list")
    return repair_sealed(root, name, good)


def _repair_open(root: Path, name: SegmentName, clock: Clock) -> RepairResult:
    before = open_path(root, name).stat().st_size
    stream = open_stream(root, name.source, name.writer, clock=clock, distrust_head=True)
    seq = stream.last_seq
    close_stream(stream)
    what = f"recovered: {before} bytes looked at, what was not whole is an anomaly; last seq {seq}"
    return RepairResult(str(name), what)


def repair_sealed(root: Path, name: SegmentName, good: Path | None) -> RepairResult:
    """Put a sealed segment right from a good copy. Raises `Corrupt` where none is found."""
    done: list[str] = []
    manifest = _standing_manifest(root, name)
    if manifest is None:
        data, where = _find_manifest(root, name, good)
        _install(root, name, manifest_path(root, name), data)
        manifest = manifests.from_bytes(data, where)
        done.append(f"manifest from {where}")
    if _digest_of(sealed_path(root, name)) != manifest.zst.sha256:
        data, where = _find_segment(root, manifest, good)
        _install(root, name, sealed_path(root, name), data)
        done.append(f"segment from {where}")
    if _digest_of(open_path(root, name)) == manifest.raw.sha256:
        REAL.unlink(open_path(root, name))
        done.append("open copy removed")
    left = sealed_damage(root, manifest)
    if left:
        raise Corrupt(f"{name}: {left[0]}", "hindlog verify")
    return RepairResult(str(name), ", ".join(done) or "nothing to do: it is whole")


def _standing_manifest(root: Path, name: SegmentName) -> Manifest | None:
    """The manifest that lies there, if neither chain nor segment has anything against it."""
    try:
        found = consistent_manifest(root, name, manifest_path(root, name).read_bytes())
    except FileNotFoundError:
        return None
    whole = found and _digest_of(sealed_path(root, name)) == found.zst.sha256
    return None if found and whole and sealed_damage(root, found) else found


def consistent_manifest(root: Path, name: SegmentName, data: bytes) -> Manifest | None:
    """A manifest, if its neighbours in the chain agree with it."""
    try:
        found = manifests.from_bytes(data, str(name))
    except Corrupt:
        return None
    before, after = _neighbours(root, found)
    if found.segment != str(name) or (after and after.previous != manifests.digest(data)):
        return None
    if before is not None and found.previous != _digest_of(manifest_path(root, before.name)):
        return None
    return found


def _neighbours(root: Path, middle: Manifest) -> tuple[Manifest | None, Manifest | None]:
    """The manifests right before and right after one in its stream, where they are readable."""
    before = after = None
    for each in list_segments(root, middle.name.source, middle.name.writer):
        if each.has_manifest and each.name != middle.name:
            try:
                found = read_manifest(root, each.name)
            except Corrupt:
                continue
            before = found if found.last_seq == middle.first_seq - 1 else before
            after = found if found.first_seq == middle.last_seq + 1 else after
    return before, after


def _find_manifest(root: Path, name: SegmentName, good: Path | None) -> tuple[bytes, str]:
    """A good manifest: the user's, or the one that follows from the segment itself."""
    for path in _candidates(good, name, MANIFEST):
        data = path.read_bytes()
        if consistent_manifest(root, name, data):
            return data, str(path)
    for made in _made_again(root, name, good):
        before, after = _neighbours(root, made)
        if before is not None:
            made = attrs.evolve(made, previous=_digest_of(manifest_path(root, before.name)))
        data = manifests.to_bytes(made)
        if after is not None and after.previous == manifests.digest(data):
            return data, "its own lines, confirmed by the next manifest"
    raise _no_copy(name, "manifest")


def _made_again(root: Path, name: SegmentName, good: Path | None) -> Iterator[Manifest]:
    """The manifests that would belong to the segments at hand."""
    for path in (sealed_path(root, name), *_candidates(good, name, SEALED)):
        try:
            yield _summary(path, name)
        except (Corrupt, FileNotFoundError):
            continue


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
    """Where a copy may lie: the file itself, an archive, its log, one folder."""
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
    """Put a good file in its place, durable; the bad one is set aside."""
    make_dirs(REAL, path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    write_durable(REAL, temporary, data)
    if path.exists():
        aside = log_dir(root) / name.source / ".damaged"
        make_dirs(REAL, aside)
        REAL.rename(path, aside / f"{name.date}_{path.name}")
        REAL.sync_dir(aside)
    REAL.rename(temporary, path)
    REAL.sync_dir(path.parent)
