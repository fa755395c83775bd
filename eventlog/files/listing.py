"""Segments: what lies in the log, as a listing. Changes nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog.clock import SECOND, now_us
from eventlog.errors import Corrupt
from eventlog.format import manifest as manifests
from eventlog.format.manifest import Manifest
from eventlog.format.paths import (
    LOST,
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

_SETTLED_US = 10 * SECOND
"""A folder that did not change for so long does not change while it is listed, or shows it."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@attrs.frozen
class Files:
    """Which files of a segment are there."""

    name: SegmentName
    is_open: bool
    has_zst: bool
    has_manifest: bool

    @property
    def is_sealed(self) -> bool:
        """Whether the sealed pair counts: its manifest is there."""
        return self.has_manifest


def list_segments(root: Path, source: str | None = None, writer: str | None = None) -> list[Files]:
    """The segments of a log in the order (source, date, hour, writer, number).

    Without those whose loss was accepted, also where something is left of them.
    """
    found = _suffixes(root, source, writer)
    kinds = (OPEN[1:], SEALED[1:], MANIFEST[1:])
    return [
        Files(name, *(kind in found[name] for kind in kinds))
        for name in sorted(found)
        if found[name].intersection(kinds) and LOST[1:] not in found[name]
    ]


def list_lost(
    root: Path, source: str | None = None, writer: str | None = None
) -> list[SegmentName]:
    """The names under which a loss is recorded, in the same order."""
    names = (
        parse_segment(f"{folder.parent.name}/{folder.name}/{path.name}")
        for folder in _folders(root, source)
        for path in folder.glob(f"*{LOST}")  # hardly any: the others are not looked at
    )
    return sorted(name for name in names if name and writer in (None, name.writer))


def _suffixes(root: Path, source: str | None, writer: str | None) -> dict[SegmentName, set[str]]:
    found: dict[SegmentName, set[str]] = {}
    for folder in _folders(root, source):
        for file in _files(folder):
            name = parse_segment(f"{folder.parent.name}/{folder.name}/{file}")
            if name is not None and (writer is None or name.writer == writer):
                found.setdefault(name, set()).add(file.partition(".")[2])
    return found


def _files(folder: Path) -> set[str]:
    """The names in a folder.

    A listing is no snapshot: of a segment that is being sealed it may miss the old name,
    which goes, and the new one, which comes. A second one that begins after the first
    has the new one; it is needed only where something changed just now.
    """
    found = {path.name for path in folder.iterdir()}
    if now_us() - folder.stat().st_mtime_ns // 1000 < _SETTLED_US:
        found.update(path.name for path in folder.iterdir())
    return found


def _folders(root: Path, source: str | None) -> Iterator[Path]:
    for each in list_sources(root) if source is None else [source]:
        folder = log_dir(root) / each
        if folder.is_dir():
            yield from (day for day in folder.iterdir() if _DATE.fullmatch(day.name))


def list_sources(root: Path) -> list[str]:
    """The sources that have a folder in the log, sorted. Other folders are left out."""
    return [name for name in list_folders(root) if is_source(name)]


def list_folders(root: Path) -> list[str]:
    """All folders of the log, sorted: sources, and what somebody else put there."""
    log = log_dir(root)
    if not log.is_dir():
        return []
    return sorted(each.name for each in log.iterdir() if each.is_dir())


def list_streams(root: Path) -> list[tuple[str, str]]:
    """Every (source, writer) that the log holds something of, sorted."""
    return sorted({(each.name.source, each.name.writer) for each in list_segments(root)})


def known_streams(root: Path) -> list[tuple[str, str]]:
    """As `list_streams`, with those of which only a loss, a head or a lock is left."""
    losses = ((name.source, name.writer) for name in list_lost(root))
    heads = ((path.parent.name, path.stem) for path in (root / "state" / "heads").glob("*/*.json"))
    locks = ((path.parent.name, path.name[1:-5]) for path in log_dir(root).glob("*/.*.lock"))
    found = {*list_streams(root), *losses, *heads, *locks}
    return sorted(key for key in found if is_source(key[0]) and is_writer(key[1]))


def read_manifest(root: Path, name: SegmentName) -> Manifest:
    """The manifest of a sealed segment. Raises `Corrupt`."""
    path = manifest_path(root, name)
    manifest = manifests.from_bytes(path.read_bytes(), str(path))
    if manifest.segment != str(name):
        raise Corrupt(f"{path}: expected the manifest of {name}, found {manifest.segment}")
    return manifest
