"""Verify: read everything and check it against manifests, checksums and chains.

A manifest is a pure function of its segment's content and the manifest before; so it
is made again from what was read, and compared byte for byte. Changes nothing.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import attrs

from eventlog import manifest as manifests
from eventlog.errors import Corrupt
from eventlog.frames import decompress
from eventlog.manifest import Manifest
from eventlog.paths import (
    SegmentName,
    log_dir,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
)
from eventlog.prefix import Census, census, prefix
from eventlog.recover import whole_line
from eventlog.segments import Files, list_segments, list_sources, read_head, read_manifest
from eventlog.select import Select, wants_segment
from eventlog.writers import is_held


@attrs.frozen
class Damage:
    """One thing that is wrong, and where."""

    place: str
    """Segment or file, relative to the log."""
    what: str
    """What was expected, what was found."""
    frame: int | None = None
    line: int | None = None
    """Line of the segment, from 1."""
    byte: int | None = None
    """Offset in the file, compressed where it is compressed."""

    def __str__(self) -> str:
        at = [
            f"{name} {value}"
            for name, value in (("frame", self.frame), ("line", self.line), ("byte", self.byte))
            if value is not None
        ]
        return f"{self.place}{''.join(f', {each}' for each in at)}: {self.what}"


@attrs.frozen
class Checked:
    """What was read."""

    segments: int
    rows: int
    raw_bytes: int
    damages: tuple[Damage, ...]


def verify(root: Path, select: Select | None = None, sample: float = 1.0) -> Checked:
    """Check the log. `sample`: which share of the sealed segments is read in full.

    Names, manifests and chains are always all checked.
    """
    wanted = [
        each for each in list_segments(root) if select is None or wants_segment(select, each.name)
    ]
    damages = list(_foreign_files(root))
    rows = raw_bytes = 0
    streams: dict[tuple[str, str], list[Files]] = {}
    for each in wanted:
        streams.setdefault((each.name.source, each.name.writer), []).append(each)
    for files in streams.values():
        known, found = _check_names(root, files)
        damages += found
        damages += _check_chain(root, known, files, partial=select is not None)
        for number, manifest in enumerate(known):
            if int(number * sample) != int((number + 1) * sample):
                damages += _check_sealed(root, manifest)
            rows, raw_bytes = rows + manifest.rows, raw_bytes + manifest.raw.bytes
        for each in files:
            if not each.is_sealed and each.is_open:
                lines, size, found = _check_open(root, each.name)
                damages += found
                rows, raw_bytes = rows + lines, raw_bytes + size
    return Checked(len(wanted), rows, raw_bytes, tuple(damages))


def _foreign_files(root: Path) -> Iterator[Damage]:
    """Files in the log that are none of ours."""
    log = log_dir(root)
    for source in list_sources(root):
        for path in sorted((log / source).rglob("*")):
            name = path.relative_to(log).as_posix()
            ours = path.is_dir() or path.name.startswith(".") or parse_segment(name) is not None
            if not ours:
                yield Damage(name, "a file that is no segment")


def _check_names(root: Path, files: list[Files]) -> tuple[list[Manifest], list[Damage]]:
    known: list[Manifest] = []
    damages: list[Damage] = []
    for each in files:
        if each.has_zst and not each.has_manifest and not each.is_open:
            damages.append(Damage(f"{each.name}.ndjson.zst", "sealed, but its manifest is missing"))
        if not each.has_manifest:
            continue
        if not each.has_zst:
            where = f"{each.name}.manifest.json"
            damages.append(Damage(where, f"{each.name}.ndjson.zst is missing"))
        try:
            known.append(read_manifest(root, each.name))
        except Corrupt as error:
            damages.append(Damage(f"{each.name}.manifest.json", error.what))
    return sorted(known, key=lambda manifest: manifest.first_seq), damages


def _check_chain(
    root: Path, known: list[Manifest], files: list[Files], *, partial: bool
) -> Iterator[Damage]:
    """Each manifest names the one before; seqs go on without holes or repeats."""
    if known and not partial and (known[0].previous is not None or known[0].first_seq != 1):
        what = f"begins with seq {known[0].first_seq}: the segments before it are missing"
        yield Damage(known[0].segment, what)
    for before, after in pairwise(known):
        if after.first_seq != before.last_seq + 1:
            yield Damage(
                after.segment,
                f"expected seq {before.last_seq + 1} (after {before.segment}), "
                f"found {after.first_seq}",
            )
        expected = manifests.digest(manifest_path(root, before.name).read_bytes())
        if after.previous != expected:
            yield Damage(
                f"{before.segment}.manifest.json",
                f"{after.segment} names a previous manifest {str(after.previous)[:16]}…, "
                f"this one is {expected[:16]}…",
            )
    yield from _check_open_follows(root, known, files)


def _check_open_follows(root: Path, known: list[Manifest], files: list[Files]) -> Iterator[Damage]:
    """The open segments go on where the sealed ones end."""
    expected = known[-1].last_seq + 1 if known else None
    for name in [each.name for each in files if each.is_open and not each.is_sealed]:
        try:
            with open_path(root, name).open("rb") as file:
                line = file.readline()
            first = prefix(line).seq if line.endswith(b"\n") else None
        except (FileNotFoundError, Corrupt):
            continue
        if first is not None and expected is not None and first > expected:
            what = f"expected seq {expected}, found {first}: a sealed segment is missing"
            yield Damage(str(name), what, line=1)
        rows = sum(1 for _ in open_path(root, name).open("rb")) if first else 0
        expected = first + rows if first else expected


def _check_sealed(root: Path, manifest: Manifest) -> list[Damage]:
    path = sealed_path(root, manifest.name)
    place = f"{manifest.segment}.ndjson.zst"
    if not path.exists():
        return []  # said already
    size = path.stat().st_size
    damages: list[Damage] = []
    if size != manifest.zst.bytes:
        what = f"expected {manifest.zst.bytes} bytes, found {size}"
        damages.append(Damage(place, what, byte=min(size, manifest.zst.bytes)))
    raw, packed = hashlib.sha256(), hashlib.sha256()
    held: list[tuple[int, int, Census]] = []
    line = 1
    with path.open("rb") as file:
        for number, frame in enumerate(manifest.frames):
            data = file.read(frame.bytes)
            packed.update(data)
            try:
                block = decompress(data, frame.raw_bytes)
                found = census(block, manifest.name.source, manifest.name.writer, "")
            except Corrupt as error:
                what = error.what.removeprefix(": ")
                damages.append(Damage(place, what, number, line, frame.offset))
            else:
                raw.update(block)
                held.append((len(data), len(block), found))
            line += frame.rows
        packed.update(file.read())
    if damages:
        return damages
    return _compare(root, manifest, held, raw.hexdigest(), packed.hexdigest())


def _compare(
    root: Path, manifest: Manifest, held: list[tuple[int, int, Census]], raw: str, packed: str
) -> list[Damage]:
    """The manifest made again from what was read, against the one that lies there."""
    place = f"{manifest.segment}.ndjson.zst"
    if raw != manifest.raw.sha256:
        return [
            Damage(place, f"expected raw SHA-256 {manifest.raw.sha256[:16]}…, found {raw[:16]}…")
        ]
    if packed != manifest.zst.sha256:
        what = f"expected SHA-256 {manifest.zst.sha256[:16]}…, found {packed[:16]}…"
        return [Damage(place, f"{what}; its lines are unharmed")]
    again = manifests.summarize(manifest.name, held, raw, packed, manifest.previous)
    path = manifest_path(root, manifest.name)
    if manifests.to_bytes(again) != path.read_bytes():
        differing = [
            field.name
            for field in attrs.fields(Manifest)
            if getattr(again, field.name) != getattr(manifest, field.name)
        ]
        what = f"does not agree with its segment: {', '.join(differing) or 'spelling'}"
        return [Damage(f"{manifest.segment}.manifest.json", what)]
    return []


def _check_open(root: Path, name: SegmentName) -> tuple[int, int, list[Damage]]:
    """The durable lines of an open segment. An unfinished tail behind them is no damage."""
    head = read_head(root, name.source, name.writer)
    durable = head.durable_bytes if head and head.segment == str(name) else None
    held = is_held(root, name.source, name.writer)
    rows = size = 0
    seq: int | None = None
    try:
        file = open_path(root, name).open("rb")
    except FileNotFoundError:
        return 0, 0, []  # sealed meanwhile
    with file:
        for line in file:
            if seq is None and line.endswith(b"\n"):
                try:
                    seq = prefix(line).seq - 1
                except Corrupt:
                    seq = 0
            if whole_line(line, name, (seq or 0) + 1) is None:
                break
            rows, size, seq = rows + 1, size + len(line), (seq or 0) + 1
        rest = file.read(1)
    place = f"{name}.ndjson"
    total = open_path(root, name).stat().st_size if open_path(root, name).exists() else size
    if durable is not None and size < durable:
        what = f"durable up to byte {durable}, but this is not the event with seq {(seq or 0) + 1}"
        return rows, size, [Damage(place, what, line=rows + 1, byte=size)]
    if durable is None and not held and rest and total > size:
        what = "whole lines, or none, were expected behind this byte"
        return rows, size, [Damage(place, what, line=rows + 1, byte=size)]
    return rows, size, []
