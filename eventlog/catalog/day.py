"""The segments of one day folder of the log, as file names and manifests describe them.

A folder is read again only if its timestamps differ from those of the last reading. Two
changes within the resolution of a timestamp cannot be told apart by it, so a folder is kept in
the catalog only if its last change was long ago when it was read.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import attrs
import msgspec

from eventlog.catalog.storage import load, save
from eventlog.clock import SECOND, Clock, now_us, parse_us
from eventlog.errors import Corrupt
from eventlog.files.listing import read_manifest, segment_suffixes
from eventlog.format.manifest import Manifest
from eventlog.format.paths import (
    LOSS,
    MANIFEST,
    OPEN,
    SEALED,
    SegmentName,
    catalog_path,
    log_dir,
    manifest_path,
)

SETTLED_US = 10 * SECOND
"""Age from which on another change of a folder gives another timestamp; see above."""


class FolderStamp(msgspec.Struct, frozen=True, array_like=True):
    """The timestamps of a folder, which change with its list of files."""

    mtime_ns: int
    ctime_ns: int
    """Differs also if another program set `mtime_ns` back, as copying programs do."""

    @property
    def changed_us(self) -> int:
        """Instant of the last change, in microseconds: the later timestamp, as one may be set."""
        return max(self.mtime_ns, self.ctime_ns) // 1000


class SealedFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the manifest of a segment says."""

    first_seq: int
    last_seq: int
    first_observed_at: str
    last_observed_at: str
    rows: int
    raw_bytes: int
    zst_bytes: int

    @property
    def first_us(self) -> int:
        """Instant of the first event, in microseconds."""
        return parse_us(self.first_observed_at)

    @property
    def last_us(self) -> int:
        """Instant of the last event, in microseconds."""
        return parse_us(self.last_observed_at)


class SegmentEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The files that exist of a segment, and what its manifest says."""

    hour: str
    writer: str
    number: int
    is_open: bool
    has_zst: bool
    has_manifest: bool
    is_lost: bool
    """Whether its loss was accepted; then it is no segment any more."""
    facts: SealedFacts | None
    """None without a readable manifest."""


class DayFolder(msgspec.Struct, frozen=True, array_like=True):
    """The segments of a source on one day."""

    source: str
    date: str
    stamp: FolderStamp | None
    """None if there is no such folder."""
    entries: tuple[SegmentEntry, ...]
    """In the order of their names, with those that only have the record of a loss."""

    @property
    def segments(self) -> Iterator[tuple[SegmentName, SegmentEntry]]:
        """The segments that have a file and whose loss was not accepted, by name."""
        for entry in self.entries:
            if not entry.is_lost:
                yield self.name_of(entry), entry

    def name_of(self, entry: SegmentEntry) -> SegmentName:
        """Returns the name of a segment of this day."""
        return SegmentName(self.source, self.date, entry.hour, entry.writer, entry.number)


def folder_stamp(folder: str) -> FolderStamp | None:
    """Returns the timestamps of a folder, or None if it does not exist."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - of thousands of folders: `Path` would take twice as long
    except FileNotFoundError:
        return None
    return FolderStamp(status.st_mtime_ns, status.st_ctime_ns)


@attrs.frozen
class FolderTimes:
    """How the catalog reads the clock and the timestamps of folders."""

    now: Clock = now_us
    stamp: Callable[[str], FolderStamp | None] = folder_stamp


REAL_TIMES = FolderTimes()


def read_day(root: Path, source: str, date: str, times: FolderTimes = REAL_TIMES) -> DayFolder:
    """Returns the segments of a day: from the catalog if it is current, else from the folder.

    Stores in the catalog what it reads from a folder that did not change recently.
    """
    folder = log_dir(root) / source / date
    now = times.now()  # before the timestamps: a change after them has a greater age than this
    stamp = times.stamp(str(folder))
    if stamp is None:
        return DayFolder(source, date, None, ())
    path = catalog_path(root, source, date)
    stored = load(path, DayFolder)
    if stored is not None and (stored.source, stored.date, stored.stamp) == (source, date, stamp):
        return stored
    day = DayFolder(source, date, stamp, tuple(_read_entries(root, folder)))
    if is_settled(day, now):
        save(path, day)
    return day


def is_settled(day: DayFolder, now: int) -> bool:
    """Whether a folder, read at an instant after `now`, need not be read until it changes.

    One with a damaged manifest is always read again: repairing need not change the folder.
    """
    if day.stamp is None or now - day.stamp.changed_us < SETTLED_US:
        return False
    return all(entry.facts or not entry.has_manifest for _, entry in day.segments)


def _read_entries(root: Path, folder: Path) -> Iterator[SegmentEntry]:
    """Yields the segments of a folder, from its list of files and from their manifests."""
    kinds = [suffix[1:] for suffix in (OPEN, SEALED, MANIFEST, LOSS)]
    for name, suffixes in sorted(segment_suffixes(folder).items()):
        if suffixes.intersection(kinds):
            is_open, has_zst, has_manifest, is_lost = (kind in suffixes for kind in kinds)
            facts = _read_facts(root, name) if has_manifest and not is_lost else None
            yield SegmentEntry(
                name.hour, name.writer, name.number, is_open, has_zst, has_manifest, is_lost, facts
            )


def _read_facts(root: Path, name: SegmentName) -> SealedFacts | None:
    with suppress(FileNotFoundError, Corrupt):
        status = manifest_path(root, name).stat()
        return _facts_of_version(root, name, status.st_ino, status.st_mtime_ns, status.st_size)
    return None


@lru_cache(maxsize=1 << 12)  # a folder that changed recently is read several times
def _facts_of_version(root: Path, name: SegmentName, *_version: int) -> SealedFacts:
    """Reads a manifest. `_version`: what differs if the file was replaced."""
    return sealed_facts(read_manifest(root, name))


def sealed_facts(manifest: Manifest) -> SealedFacts:
    """Returns what the catalog contains of a manifest."""
    return SealedFacts(
        manifest.first_seq,
        manifest.last_seq,
        manifest.first_observed_at,
        manifest.last_observed_at,
        manifest.rows,
        manifest.raw.bytes,
        manifest.zst.bytes,
    )
