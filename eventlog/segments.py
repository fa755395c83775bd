"""Segments: what lies in the log, as a listing. Changes nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import orjson

from eventlog import manifest as manifests
from eventlog.errors import Corrupt
from eventlog.manifest import Manifest
from eventlog.paths import (
    MANIFEST,
    OPEN,
    SEALED,
    SegmentName,
    head_path,
    log_dir,
    manifest_path,
    parse_segment,
)

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
    """The segments of a log in the order (source, date, hour, writer, number)."""
    found: dict[SegmentName, set[str]] = {}
    for folder in _folders(root, source):
        for path in folder.iterdir():
            name = parse_segment(f"{folder.parent.name}/{folder.name}/{path.name}")
            if name is not None and (writer is None or name.writer == writer):
                found.setdefault(name, set()).add(path.name.partition(".")[2])
    kinds = (OPEN[1:], SEALED[1:], MANIFEST[1:])
    return [
        Files(name, *(kind in found[name] for kind in kinds))
        for name in sorted(found)
        if found[name].intersection(kinds)
    ]


def _folders(root: Path, source: str | None) -> Iterator[Path]:
    for each in list_sources(root) if source is None else [source]:
        folder = log_dir(root) / each
        if folder.is_dir():
            yield from (day for day in folder.iterdir() if _DATE.fullmatch(day.name))


def list_sources(root: Path) -> list[str]:
    """The sources that have a folder in the log, sorted."""
    log = log_dir(root)
    if not log.is_dir():
        return []
    return sorted(each.name for each in log.iterdir() if each.is_dir())


def list_streams(root: Path) -> list[tuple[str, str]]:
    """Every (source, writer) that the log holds something of, sorted."""
    return sorted({(each.name.source, each.name.writer) for each in list_segments(root)})


def read_manifest(root: Path, name: SegmentName) -> Manifest:
    """The manifest of a sealed segment. Raises `Corrupt`."""
    path = manifest_path(root, name)
    manifest = manifests.from_bytes(path.read_bytes(), str(path))
    if manifest.segment != str(name):
        raise Corrupt(f"{path}: expected the manifest of {name}, found {manifest.segment}")
    return manifest


@attrs.frozen
class Head:
    """How far a stream is durable."""

    segment: str
    """Its open segment; empty where it has none."""
    durable_bytes: int
    last_seq: int


def read_head(root: Path, source: str, writer: str) -> Head | None:
    """What the writer noted after its last fsync. None where nothing usable is noted."""
    try:
        note = orjson.loads(head_path(root, source, writer).read_bytes())
        return Head(str(note["segment"]), int(note["durable_bytes"]), int(note["last_seq"]))
    except (OSError, KeyError, TypeError, ValueError):
        return None
