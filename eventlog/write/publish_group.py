"""Publishes a group of sealed segments that an import prepared, also after a crash.

    log/<source>/.<writer>.group/   <date>_<segment>.ndjson.zst, <date>_<segment>.manifest.json
                                    record.json: names and manifests, in the order of the chain

All prepared files are durable before the record, which is the commit point: without a record,
the folder is deleted; with one, every segment is published, however often that is interrupted.
Segments get their names in the order of the chain; the names of a day become durable together,
or those of all days with one sync of the file system. A prepared file is removed only after its
name is durable, and after the record.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import attrs
import msgspec

from eventlog.errors import Corrupt
from eventlog.files.disk import Disk
from eventlog.files.listing import list_sources
from eventlog.files.publish import replace_durably
from eventlog.format import manifest as manifests
from eventlog.format.paths import (
    MANIFEST,
    SEALED,
    SegmentName,
    group_dir,
    log_dir,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
)

_RECORD = "record.json"
_RECORD_FORMAT = 1


@attrs.frozen
class PreparedSegment:
    """A sealed segment of a group, and the SHA-256 of its two files."""

    name: SegmentName
    manifest_sha256: str
    zst_sha256: str


class _Record(msgspec.Struct):
    """Content of the record of a group."""

    format: int
    segments: list[tuple[str, str, str]]
    """Name, SHA-256 of the manifest and of the `.zst`, in the order of the chain."""


def prepared_path(folder: Path, name: SegmentName, suffix: str) -> Path:
    """Returns the path of a file that is prepared in the folder of a group."""
    return folder / f"{str(name).partition('/')[2].replace('/', '_')}{suffix}"


def write_record(folder: Path, segments: Sequence[PreparedSegment], disk: Disk) -> None:
    """Commits a group whose files are durable; durable on return."""
    listed = [(str(each.name), each.manifest_sha256, each.zst_sha256) for each in segments]
    data = msgspec.json.encode(_Record(_RECORD_FORMAT, listed)) + b"\n"
    replace_durably(disk, folder / _RECORD, data)


def list_groups(root: Path) -> list[tuple[str, str]]:
    """Returns every (source, writer) that has a folder of a group, sorted."""
    return sorted(
        (source, folder.name[1:-6])
        for source in list_sources(root)
        for folder in (log_dir(root) / source).glob(".????????.group")
    )


def finish_group(
    root: Path, source: str, writer: str, disk: Disk, handle: int | None = None
) -> None:
    """Publishes the group of a stream if it was committed, and removes its prepared files.

    `handle`: of a folder, to sync its file system once; None: each day folder is synced.
    Idempotent. Raises `Corrupt` if a file is missing, or a name is taken by other bytes.
    """
    folder = group_dir(root, source, writer)
    if not folder.is_dir():
        return
    record = folder / _RECORD
    if record.exists():
        _publish(root, folder, _read_record(record), disk, handle)
        disk.unlink(record)
        disk.sync_dir(folder)
    for path in folder.iterdir():
        disk.unlink(path)


def _read_record(path: Path) -> list[PreparedSegment]:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt(f"{path}: expected the record of a group: {error}") from error
    names = [parse_segment(name) for name, _, _ in record.segments]
    if record.format != _RECORD_FORMAT or None in names:
        raise Corrupt(f"{path}: expected a record of format {_RECORD_FORMAT}")
    return [
        PreparedSegment(name, manifest, zst)
        for name, (_, manifest, zst) in zip(names, record.segments, strict=True)
        if name is not None
    ]


def _publish(
    root: Path,
    folder: Path,
    segments: Sequence[PreparedSegment],
    disk: Disk,
    handle: int | None,
) -> None:
    """Publishes the segments of a group; durable on return."""
    days = [
        (sealed_path(root, day[0].name).parent, day)
        for _, segments_of_day in groupby(segments, key=lambda segment: segment.name.date)
        for day in [tuple(segments_of_day)]
    ]
    for target, _ in days:
        target.mkdir(exist_ok=True)
    if handle is None:
        disk.sync_dir(folder.parent)  # a killed process may have created the day folders
    for target, day in days:
        for segment in day:
            _publish_segment(root, folder, segment, disk)
        if handle is None:
            disk.sync_dir(target)
    if handle is not None and not disk.sync_file_system(handle):
        for target in dict.fromkeys(target for target, _ in days):
            disk.sync_dir(target)
        disk.sync_dir(folder.parent)


def _publish_segment(root: Path, folder: Path, segment: PreparedSegment, disk: Disk) -> None:
    """Gives both files of a segment their names.

    Meanwhile there is an empty open file: for a reader that sees the `.zst` without its
    manifest, the segment is open and contains nothing yet.
    """
    name = segment.name
    opened = open_path(root, name)
    disk.close(disk.open_append(opened))
    zst, manifest = sealed_path(root, name), manifest_path(root, name)
    _link(prepared_path(folder, name, SEALED), zst, segment.zst_sha256, disk)
    _link(prepared_path(folder, name, MANIFEST), manifest, segment.manifest_sha256, disk)
    disk.unlink(opened)


def _link(prepared: Path, target: Path, sha256: str, disk: Disk) -> None:
    """Links a file to its name; a file of that name must have the same bytes."""
    try:
        disk.link(prepared, target)
    except (FileExistsError, FileNotFoundError) as error:
        is_complete = target.exists() and manifests.digest_of(target) == sha256
        if not is_complete:
            raise Corrupt(
                f"{target}: expected the file with SHA-256 {sha256[:16]}… of a group in "
                f"{prepared.parent}, found {'another' if target.exists() else 'none'}",
                "hindlog verify",
            ) from error
