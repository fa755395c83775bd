"""Fetches absent files into the cache when they are read, each once and checked.

    the file is in the cache ───────────────────────────────────────────────> used
    else: lock ──> temporary file ──> size, SHA-256 ──> used ──> its name in the cache

A file is used, that is opened or linked, before it gets its name: from then on another process
may evict it.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from eventlog.errors import Corrupt, Invalid, NotFound, Unavailable
from eventlog.files.absent.cache import (
    add_to_cache,
    cached_path,
    lock_cached_file,
    mark_as_used,
    partial_path,
)
from eventlog.files.absent.mirror import MirrorReader, WantedFile, announce, find_mirror
from eventlog.files.disk import REAL, check_free_space
from eventlog.format.manifest import Manifest
from eventlog.format.paths import asset_path, parse_segment, sealed_path

T = TypeVar("T")
R = TypeVar("R")

FETCHES = 8
"""Number of files that one caller fetches at the same time."""
FRAMES_ONLY_BYTES = 8 * 1024 * 1024
"""Size of a sealed file above which single frames are fetched instead of the file."""


def open_absent(root: Path, manifest: Manifest) -> BinaryIO:
    """Opens the sealed file of a segment that is missing here, fetched if it is absent.

    Raises `Corrupt` if it is not absent or the mirror has other bytes, `Unavailable` if the
    mirror cannot be reached.
    """
    mirror = _mirror_with(root, manifest)
    wanted = sealed_object(manifest)
    return _explaining(mirror, [wanted], lambda: _use_file(root, mirror, wanted, _open))


def _open(path: Path) -> BinaryIO:
    return path.open("rb", buffering=0)


def sealed_object(manifest: Manifest) -> WantedFile:
    """Returns the sealed file of a segment as an object of the mirror."""
    name = sealed_path(Path(), manifest.name).as_posix()
    return WantedFile(name, manifest.zst.bytes, manifest.zst.sha256)


def _mirror_with(root: Path, manifest: Manifest) -> MirrorReader:
    """Returns the mirror, which has the sealed file of a segment. Raises `Corrupt` otherwise."""
    mirror = find_mirror(root)
    name = manifest.name
    if mirror is None or not mirror.is_committed(name.source, name.writer, manifest.last_seq):
        hint = f"hindlog repair {manifest.segment}"
        if (root / "log" / "archive.json").exists():  # there is a mirror, which may have it
            hint = f"hindlog sync pull, or {hint}"
        path = sealed_path(root, manifest.name)
        raise Corrupt(f"{path}: missing, but its manifest exists", hint)
    return mirror


def read_absent_frames(root: Path, manifest: Manifest, numbers: Sequence[int]) -> list[bytes]:
    """Returns frames of a large absent segment, compressed, without fetching its file.

    Empty if the file is to be opened instead: it is small, here or in the cache, or the frames
    that this process fetches are more than half of it. The caller checks each frame.
    """
    wanted = sealed_object(manifest)
    if wanted.size <= FRAMES_ONLY_BYTES or sealed_path(root, manifest.name).exists():
        return []
    mirror = _mirror_with(root, manifest)
    frames = [manifest.frames[number] for number in numbers]
    size = sum(frame.bytes for frame in frames)
    with mirror.totals.lock:
        so_far = mirror.totals.frame_bytes.get(wanted.name, 0) + size
        if so_far * 2 > wanted.size or cached_path(root, wanted.name).exists():
            return []
        mirror.totals.frame_bytes[wanted.name] = so_far
    announce(mirror, 0, size)
    read = partial(mirror.get_range, wanted.name)
    return _explaining(
        mirror, [wanted], lambda: _in_threads(lambda x: read(x.offset, x.bytes), frames)
    )


def link_absent(
    root: Path,
    manifests: Sequence[Manifest],
    folder: Path,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Gives sealed files that are missing here a second name below a folder: `log/<segment>…`.

    Fetches those that are not in the cache, several at a time. Whatever is evicted, the files
    stay readable under these names, until the caller deletes them. Raises like `open_absent`,
    and `CancelledError` soon after `is_cancelled` is true.
    """
    mirrors = [_mirror_with(root, manifest) for manifest in manifests]
    wanted = [sealed_object(manifest) for manifest in manifests]

    def link(file: WantedFile) -> Path:
        if is_cancelled():
            raise CancelledError
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        _use_file(root, mirrors[0], file, partial(_link_or_copy, target))
        return target

    return _explaining(mirrors[0], wanted, lambda: _in_threads(link, wanted)) if wanted else []


def _link_or_copy(target: Path, path: Path) -> None:
    try:
        os.link(path, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, target)


def read_absent_asset(root: Path, sha256: str) -> bytes | None:
    """Returns an asset that is missing here, fetched from the mirror; None if it has none."""
    mirror = find_mirror(root)
    if mirror is None:
        return None
    name = asset_path(Path(), sha256).as_posix()
    size = _explaining(mirror, [], lambda: mirror.size_of(name))
    if size is None:
        return None
    wanted = WantedFile(name, size, sha256)
    return _explaining(mirror, [], lambda: _use_file(root, mirror, wanted, Path.read_bytes))


def _use_file(root: Path, mirror: MirrorReader, wanted: WantedFile, use: Callable[[Path], T]) -> T:
    """Returns the result of `use` for a file in the cache; fetches the file first if needed."""
    path = cached_path(root, wanted.name)
    try:
        return _use_cached(path, wanted, use)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    with lock_cached_file(root, wanted.name):
        try:
            return _use_cached(path, wanted, use)  # another process was first
        except FileNotFoundError:
            check_free_space(REAL, root, wanted.size)
        announce(mirror, 1, wanted.size)
        temporary = partial_path(root, wanted.name)
        mirror.get_file(wanted, temporary)
        result = use(temporary)
        add_to_cache(root, wanted.name, temporary, mirror.cache_bytes)
        return result


def _use_cached(path: Path, wanted: WantedFile, use: Callable[[Path], T]) -> T:
    """Raises `FileNotFoundError` if the file is not in the cache, or not complete."""
    if path.stat().st_size != wanted.size:
        path.unlink(missing_ok=True)
        raise FileNotFoundError(path)
    result = use(path)
    mark_as_used(path)
    return result


def _in_threads(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Returns the results of `work`, in order. After an error, no other work begins."""
    pool = ThreadPoolExecutor(FETCHES)
    try:
        return [future.result() for future in [pool.submit(work, item) for item in items]]
    finally:
        pool.shutdown(cancel_futures=True)


def _needed(wanted: Sequence[WantedFile]) -> tuple[str, str]:
    """Returns how many segments these are, and the option of a pull that fetches them."""
    names = [parse_segment(file.name) for file in wanted]
    segments = sorted(name for name in names if name is not None)
    if not segments:
        return "an asset", ""
    plural = "" if len(segments) == 1 else "s"
    since = min(f"{name.date}T{name.hour}" for name in segments)
    return f"{len(segments)} segment{plural}", f" --since {since}"


def _explaining(mirror: MirrorReader, wanted: Sequence[WantedFile], work: Callable[[], T]) -> T:
    """Returns the result of `work`; its errors say what was needed of the mirror."""
    try:
        return work()
    except Unavailable as error:
        needed, since = _needed(wanted)
        raise Unavailable(
            f"{error.what}; needs {needed} from the mirror {mirror.address}",
            f"when it can be reached: hindlog sync pull{since}",
        ) from error
    except Invalid as error:  # no such bucket, or none is configured
        raise Invalid(
            f"{error.what}; needs {_needed(wanted)[0]} from the mirror {mirror.address}",
            "mirror.url must name the mirror: hindlog config show",
        ) from error
    except NotFound as error:
        what = f"{error.what}; it was committed, and is missing in the mirror now"
        raise Corrupt(what, "hindlog sync check") from error
