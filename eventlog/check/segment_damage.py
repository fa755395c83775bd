"""Finds the damage in one segment, with its place. Changes nothing.

A manifest depends only on the content of its segment and on the previous manifest. It is
therefore computed again from the segment, and compared byte for byte.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from eventlog.errors import Corrupt, NotFound
from eventlog.files.absent.mirror import mirror_has
from eventlog.files.assets import read_asset
from eventlog.files.heads import Head
from eventlog.format import manifest as manifests
from eventlog.format.block_stats import BlockStats, block_stats
from eventlog.format.frames import compress, decompress
from eventlog.format.manifest import Manifest
from eventlog.format.named_assets import named_assets
from eventlog.format.paths import SegmentName, asset_path, manifest_path, open_path, sealed_path
from eventlog.format.valid_lines import first_seq, has_later_event, valid_prefix
from eventlog.read.segment_lines import open_sealed, read_frame, segment_blocks

AbsentTest = Callable[[Manifest], bool]
"""Whether the mirror has the file of a segment."""


@attrs.frozen
class Damage:
    """One defect and its place."""

    place: str
    """Segment or file, relative to the log."""
    what: str
    """The expected and the actual value, as text for users."""
    frame: int | None = None
    line: int | None = None
    """Number of the line in the segment, from 1."""
    byte: int | None = None
    """Offset in the file (of a `.zst`: in the compressed file)."""

    def __str__(self) -> str:
        at = [
            f"{name} {value}"
            for name, value in (("frame", self.frame), ("line", self.line), ("byte", self.byte))
            if value is not None
        ]
        return f"{self.place}{''.join(f', {part}' for part in at)}: {self.what}"


@attrs.define
class _Content:
    """The content of a sealed segment."""

    frames: list[tuple[int, int, BlockStats]] = attrs.field(factory=list)
    damages: list[Damage] = attrs.field(factory=list)
    assets: set[str] = attrs.field(factory=set)
    raw: "hashlib._Hash" = attrs.field(factory=hashlib.sha256)
    packed: "hashlib._Hash" = attrs.field(factory=hashlib.sha256)


def absent_in_mirror(root: Path) -> AbsentTest:
    """Returns the test whether the mirror of an archive, as readers use it, has a segment."""
    return lambda x: mirror_has(root, x.name.source, x.name.writer, x.last_seq)


def sealed_damage(
    root: Path,
    manifest: Manifest,
    is_absent: AbsentTest | None = None,
) -> list[Damage]:
    """Reads a sealed segment and its assets completely; returns their damage.

    If the mirror has the segment, it has the assets that it names: a missing one is absent, which
    is no damage. `is_absent` decides; without it, the mirror that readers use.
    """
    is_absent = is_absent or absent_in_mirror(root)
    place = f"{manifest.segment}.ndjson.zst"
    damages, assets = _content_damage(root, manifest)
    missing = {name for name in assets if not asset_path(root, name).exists()}
    if missing and is_absent(manifest):
        assets -= missing
    return damages + asset_damage(root, place, assets)


def content_damage(root: Path, manifest: Manifest) -> list[Damage]:
    """Reads a sealed segment completely, but not its assets; returns its damage."""
    return _content_damage(root, manifest)[0]


def segment_asset_damage(root: Path, name: SegmentName) -> list[Damage]:
    """Returns the damage of the assets of an intact segment, open or sealed."""
    blocks = segment_blocks(root, name)
    assets = {asset for block in blocks for asset in named_assets(block)}
    return asset_damage(root, str(name), assets)


def _content_damage(root: Path, manifest: Manifest) -> tuple[list[Damage], set[str]]:
    """Returns the damage of a sealed segment, and the names of its assets."""
    path = sealed_path(root, manifest.name)
    place = f"{manifest.segment}.ndjson.zst"
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return [], set()  # `verify` has already reported it
    if size != manifest.zst.bytes:
        message = f"expected {manifest.zst.bytes} bytes, found {size}"
        at = min(size, manifest.zst.bytes)
        ends = (x.offset + x.bytes for x in manifest.frames)
        frame = next((n for n, end in enumerate(ends) if end > at), None)
        return [Damage(place, message, frame=frame, byte=at)], set()
    content = _read_sealed(path, place, manifest)
    return content.damages or _compare(root, manifest, content), content.assets


def _read_sealed(path: Path, place: str, manifest: Manifest) -> _Content:
    content = _Content()
    line = 1
    with path.open("rb") as file:
        for number, frame in enumerate(manifest.frames):
            data = file.read(frame.bytes)
            content.packed.update(data)
            try:
                block = decompress(data, frame.raw_bytes)
                stats = block_stats(block, manifest.name.source, manifest.name.writer, "in it")
            except Corrupt as error:
                content.damages.append(Damage(place, error.what, number, line, frame.offset))
            else:
                content.raw.update(block)
                content.assets |= stats.assets
                content.frames.append((len(data), len(block), stats))
            line += frame.rows
    return content


def _compare(root: Path, manifest: Manifest, content: _Content) -> list[Damage]:
    """Compares the manifest with one computed again from the content."""
    where = f"{manifest.segment}.manifest.json"
    raw, packed = content.raw.hexdigest(), content.packed.hexdigest()
    if packed != manifest.zst.sha256:
        message = f"expected SHA-256 {manifest.zst.sha256[:16]}…, found {packed[:16]}…"
        frame = _otherwise_packed(root, manifest)
        if frame is None:
            return [
                Damage(where, f"the SHA-256 of its segment: {message}, but the segment is intact")
            ]
        place, byte = f"{manifest.segment}.ndjson.zst", manifest.frames[frame].offset
        return [Damage(place, f"{message}; its lines are intact", frame=frame, byte=byte)]
    if raw != manifest.raw.sha256:
        message = (
            f"the SHA-256 of its lines: expected {manifest.raw.sha256[:16]}…, found {raw[:16]}…"
        )
        return [Damage(where, message)]
    try:
        again = manifests.summarize(manifest.name, content.frames, raw, packed, manifest.previous)
    except Corrupt as error:
        return [Damage(where, error.what)]
    if manifest.assets is None:
        again = manifests.without_assets(again)
    if manifests.encode_manifest(again) != manifest_path(root, manifest.name).read_bytes():
        names = [field.name for field in attrs.fields(Manifest)]
        differing = [n for n in names if getattr(again, n) != getattr(manifest, n)]
        message = f"does not agree with its segment: {', '.join(differing) or 'spelling'}"
        return [Damage(where, message)]
    return []


def _otherwise_packed(root: Path, manifest: Manifest) -> int | None:
    """Returns the first frame that differs from its lines compressed again, or None."""
    with open_sealed(root, manifest) as file:
        for number, frame in enumerate(manifest.frames):
            block = read_frame(root, file, manifest, number)
            file.seek(frame.offset)
            if compress(block) != file.read(frame.bytes):
                return number
    return None


def asset_damage(root: Path, place: str, names: set[str]) -> list[Damage]:
    """Returns the damage of assets that events refer to: missing ones and changed ones."""
    damages = []
    for name in sorted(names):
        try:
            read_asset(root, name)
        except (Corrupt, NotFound) as error:
            damages.append(Damage(place, error.what))
    return damages


def open_damage(root: Path, name: SegmentName, head: Head | None) -> tuple[int, int, list[Damage]]:
    """Returns rows and bytes of an open segment, and the damage in its durable part.

    `head` must have been read before the segment was listed. A torn tail is no damage, unless
    complete lines follow it.
    """
    try:
        file = open_path(root, name).open("rb")
    except FileNotFoundError:
        return 0, 0, []  # sealed meanwhile
    place = f"{name}.ndjson"
    with file:
        size = os.fstat(file.fileno()).st_size  # ignores what is appended from now on
        first = first_seq(file)
        prefix = valid_prefix(file, name, (first or 1) - 1)
        file.seek(prefix.size)
        tail = file.read(max(0, size - prefix.size))
        file.seek(0)
        damages = asset_damage(root, place, set(_assets(file, prefix.size)))
    line, byte = prefix.rows + 1, prefix.size
    durable = head.durable_bytes if head and head.segment == str(name) else 0
    if durable > prefix.size:
        seq = prefix.last_seq + 1
        message = f"durable up to byte {durable}, but this is not the event with seq {seq}"
        damages.append(Damage(place, message, line=line, byte=byte))
    elif not durable and has_later_event(tail, name, prefix.last_seq):
        damages.append(Damage(place, "complete events follow this byte", line=line, byte=byte))
    return prefix.rows, prefix.size, damages


def _assets(lines: Iterator[bytes], size: int) -> Iterator[str]:
    for line in lines:
        size -= len(line)
        if size < 0:
            return
        yield from named_assets(line)
