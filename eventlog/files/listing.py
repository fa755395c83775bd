"""Lists the segments and streams of a log. Changes nothing."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog.clock import SECOND, now_us
from eventlog.errors import Corrupt
from eventlog.format import manifest as manifests
from eventlog.format.manifest import Manifest
from eventlog.format.paths import (
    LOSS,
    MANIFEST,
    OPEN,
    SEALED,
    SegmentName,
    is_source,
    is_writer,
    log_dir,
    manifest_path,
    parse_segment,
)

_SEALING_US = 10 * SECOND
"""Duration after a change of a folder in which a segment may be being sealed: the folder is listed
twice; see `_file_names`."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@attrs.frozen
class SegmentFiles:
    """The files that exist of a segment."""

    name: SegmentName
    is_open: bool
    has_zst: bool
    has_manifest: bool

    @property
    def is_sealed(self) -> bool:
        """Whether the segment is sealed: its manifest exists."""
        return self.has_manifest


def list_segments(
    root: Path, source: str | None = None, writer: str | None = None
) -> list[SegmentFiles]:
    """Returns the segments of a log, ordered by (source, date, hour, writer, number).

    Segments whose loss was accepted are omitted, even if some of their files still exist.
    """
    suffixes = _suffixes(root, source, writer)
    kinds = (OPEN[1:], SEALED[1:], MANIFEST[1:])
    return [
        SegmentFiles(name, *(kind in suffixes[name] for kind in kinds))
        for name in sorted(suffixes)
        if suffixes[name].intersection(kinds) and LOSS[1:] not in suffixes[name]
    ]


def list_losses(
    root: Path, source: str | None = None, writer: str | None = None
) -> list[SegmentName]:
    """Returns the names under which a loss is recorded, in the order of `list_segments`."""
    names = (
        parse_segment(f"{folder.parent.name}/{folder.name}/{path.name}")
        for folder in _folders(root, source)
        for path in folder.glob(f"*{LOSS}")  # few files: the others are not parsed
    )
    return sorted(name for name in names if name and writer in (None, name.writer))


def _suffixes(root: Path, source: str | None, writer: str | None) -> dict[SegmentName, set[str]]:
    suffixes: dict[SegmentName, set[str]] = {}
    for folder in _folders(root, source):
        suffixes |= segment_suffixes(folder, writer)
    return suffixes


def segment_suffixes(folder: Path, writer: str | None = None) -> dict[SegmentName, set[str]]:
    """Returns the segments of a day folder, each with the suffixes of its files, without dot.

    `writer`: only those of this writer.
    """
    by_name: dict[str, set[str]] = {}
    for file in _file_names(folder):
        name, _, suffix = file.partition(".")
        if writer is None or f"-{writer}-" in name:  # most are of others: they are not parsed
            by_name.setdefault(name, set()).add(suffix)
    day = f"{folder.parent.name}/{folder.name}"
    parsed = ((parse_segment(f"{day}/{name}"), suffixes) for name, suffixes in by_name.items())
    return {name: suffixes for name, suffixes in parsed if name is not None}


def _file_names(folder: Path) -> set[str]:
    """Returns the names of the files in a folder.

    A directory listing is no snapshot: while a segment is being sealed, it may contain neither
    the open file, which is removed, nor the sealed one, which is created. A second listing
    contains the sealed one. It is needed only if the folder changed recently.
    """
    names = {path.name for path in folder.iterdir()}
    if now_us() - folder.stat().st_mtime_ns // 1000 < _SEALING_US:
        names.update(path.name for path in folder.iterdir())
    return names


def _folders(root: Path, source: str | None) -> Iterator[Path]:
    for name in list_sources(root) if source is None else [source]:
        yield from (log_dir(root) / name / date for date in list_dates(root, name))


def list_dates(root: Path, source: str) -> list[str]:
    """Returns the names of a source's day folders, sorted."""
    try:
        with os.scandir(log_dir(root) / source) as entries:
            return sorted(entry.name for entry in entries if _DATE.fullmatch(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def list_sources(root: Path) -> list[str]:
    """Returns the sources that have a folder in the log, sorted. Other folders are omitted."""
    return [name for name in list_folders(root) if is_source(name)]


def list_folders(root: Path) -> list[str]:
    """Returns all folders of the log, sorted: those of sources, and foreign ones."""
    log = log_dir(root)
    if not log.is_dir():
        return []
    return sorted(folder.name for folder in log.iterdir() if folder.is_dir())


def list_streams(root: Path) -> list[tuple[str, str]]:
    """Returns every (source, writer) with a segment in the log, sorted."""
    return sorted({(files.name.source, files.name.writer) for files in list_segments(root)})


def known_streams(root: Path) -> list[tuple[str, str]]:
    """Returns all streams, also those with only a loss, a head or a lock file, sorted."""
    losses = ((name.source, name.writer) for name in list_losses(root))
    return sorted({*list_streams(root), *losses, *noted_streams(root)})


def noted_streams(root: Path) -> set[tuple[str, str]]:
    """Returns the streams that have a head or a lock file, without listing their segments."""
    heads = ((path.parent.name, path.stem) for path in (root / "state" / "heads").glob("*/*.json"))
    locks = ((path.parent.name, path.name[1:-5]) for path in log_dir(root).glob("*/.*.lock"))
    return {key for key in (*heads, *locks) if is_source(key[0]) and is_writer(key[1])}


def read_manifest(root: Path, name: SegmentName) -> Manifest:
    """Returns the manifest of a sealed segment. Raises `Corrupt` or `FileNotFoundError`."""
    path = manifest_path(root, name)
    manifest = manifests.parse_manifest(path.read_bytes(), str(path))
    if manifest.segment != str(name):
        raise Corrupt(f"{path}: expected the manifest of {name}, found {manifest.segment}")
    return manifest
