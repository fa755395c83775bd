"""Manifests: the authoritative descriptions of sealed segments. Pure.

A manifest is the commit point of sealing: readers ignore a `.zst` without one. It contains
what a reader checks (sizes, checksums, rows), what allows it to skip data (times, kinds,
types, frames), and the SHA-256 of the stream's previous manifest, which makes a removed or
replaced segment evident.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import attrs
import msgspec

from eventlog.clock import parse_us
from eventlog.errors import Corrupt
from eventlog.format.block_stats import BlockStats
from eventlog.format.paths import SegmentName, parse_segment

MANIFEST_FORMAT = 1
_SMALL_BYTES = 64 * 1024


@attrs.frozen
class Content:
    """Size and checksum of a file."""

    bytes: int
    sha256: str


@attrs.frozen
class Frame:
    """One frame of a sealed segment."""

    offset: int
    """Offset in the `.zst`."""
    bytes: int
    raw_bytes: int
    rows: int
    kinds: Mapping[str, int]
    types: Mapping[str, int]


@attrs.frozen
class Manifest:
    """Description of a sealed segment."""

    format: int
    segment: str
    rows: int
    first_seq: int
    last_seq: int
    first_observed_at: str
    last_observed_at: str
    raw: Content
    zst: Content
    longest_line_bytes: int
    kinds: Mapping[str, int]
    types: Mapping[str, int]
    frames: tuple[Frame, ...]
    previous: str | None
    """SHA-256 of the stream's previous manifest; None for the first one."""
    assets: tuple[str, ...] | None = None
    """SHA-256 of every asset that the lines name, sorted; None in manifests of earlier versions."""

    @property
    def name(self) -> SegmentName:
        """Name of the segment. Raises `Corrupt` if `segment` is no name."""
        name = parse_segment(self.segment)
        if name is None:
            raise Corrupt(f"a manifest: expected the name of a segment, found {self.segment!r}")
        return name

    @property
    def first_us(self) -> int:
        """Instant of the first event, in microseconds."""
        return parse_us(self.first_observed_at)

    @property
    def last_us(self) -> int:
        """Instant of the last event, in microseconds."""
        return parse_us(self.last_observed_at)


_DECODER: msgspec.json.Decoder[Manifest] = msgspec.json.Decoder(Manifest)
_SEQS = re.compile(rb'"first_seq":(\d+),"last_seq":(\d+),')


def encode_manifest(manifest: Manifest) -> bytes:
    """Encodes a manifest: one JSON object and a line feed. Inverse of `parse_manifest`."""
    members = attrs.asdict(manifest)
    if manifest.assets is None:
        del members["assets"]
    return msgspec.json.encode(members) + b"\n"


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Decodes a manifest. `where`: its file, for error messages. Raises `Corrupt`."""
    try:
        manifest = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(f"{where}: expected a manifest: {error}", "hindlog verify") from error
    if manifest.format != MANIFEST_FORMAT:
        raise Corrupt(f"{where}: expected format {MANIFEST_FORMAT}, found {manifest.format}")
    problem = inconsistency(manifest)
    if problem:
        raise Corrupt(f"{where}: {problem}", "hindlog verify")
    return manifest


def seqs_in(head: bytes) -> tuple[int, int] | None:
    """Returns first and last seq from the first 300 bytes of a manifest, without decoding it."""
    match = _SEQS.search(head)
    return (int(match[1]), int(match[2])) if match else None


def summarize(
    name: SegmentName,
    frames: Sequence[tuple[int, int, BlockStats]],
    raw_sha256: str,
    zst_sha256: str,
    previous: str | None,
) -> Manifest:
    """Returns the manifest of a segment, from (compressed bytes, raw bytes, statistics) per frame.

    Depends only on the content of the segment and on the previous manifest. A verifier can
    therefore compute it again and compare every byte. Raises `Corrupt` if the frames are
    inconsistent.
    """
    stats = [frame_stats for _, _, frame_stats in frames]
    offsets = accumulate((size for size, _, _ in frames), initial=0)
    manifest = Manifest(
        format=MANIFEST_FORMAT,
        segment=str(name),
        rows=sum(frame_stats.rows for frame_stats in stats),
        first_seq=stats[0].first_seq,
        last_seq=stats[-1].last_seq,
        first_observed_at=stats[0].first_observed_at,
        last_observed_at=stats[-1].last_observed_at,
        raw=Content(sum(size for _, size, _ in frames), raw_sha256),
        zst=Content(sum(size for size, _, _ in frames), zst_sha256),
        longest_line_bytes=max(frame_stats.longest_line_bytes for frame_stats in stats),
        kinds=_total(frame_stats.kinds for frame_stats in stats),
        types=_total(frame_stats.types for frame_stats in stats),
        frames=tuple(
            Frame(offset, size, raw_size, frame_stats.rows, frame_stats.kinds, frame_stats.types)
            for offset, (size, raw_size, frame_stats) in zip(offsets, frames, strict=False)
        ),
        previous=previous,
        assets=tuple(sorted({name for frame_stats in stats for name in frame_stats.assets})),
    )
    problem = inconsistency(manifest)
    if problem:
        raise Corrupt(f"{name}: {problem}", "hindlog verify")
    return manifest


def without_assets(manifest: Manifest) -> Manifest:
    """Returns a manifest as versions wrote it that did not note the assets."""
    return attrs.evolve(manifest, assets=None)


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for frame_counts in counts:
        total.update(frame_counts)
    return {name: total[name] for name in sorted(total)}


def inconsistency(manifest: Manifest) -> str | None:
    """Returns a description of the first contradiction in a manifest, or None."""
    frames = manifest.frames
    totals = (
        ("rows", manifest.rows, sum(frame.rows for frame in frames)),
        ("raw bytes", manifest.raw.bytes, sum(frame.raw_bytes for frame in frames)),
        ("compressed bytes", manifest.zst.bytes, sum(frame.bytes for frame in frames)),
        ("kinds", manifest.kinds, _total(frame.kinds for frame in frames)),
        ("types", manifest.types, _total(frame.types for frame in frames)),
    )
    for quantity, declared, summed in totals:
        if declared != summed:
            return f"{quantity}: expected {summed} as in its frames, found {declared}"
    if not 1 <= manifest.first_seq <= manifest.last_seq:
        return f"seqs from {manifest.first_seq} to {manifest.last_seq}"
    if manifest.rows != manifest.last_seq - manifest.first_seq + 1:
        return f"{manifest.rows} rows from seq {manifest.first_seq} to {manifest.last_seq}"
    if parse_segment(manifest.segment) is None:
        return f"{manifest.segment!r} is no name of a segment"
    return _times_problem(manifest) or _offsets_problem(frames)


def _times_problem(manifest: Manifest) -> str | None:
    first, last = manifest.first_observed_at, manifest.last_observed_at
    try:
        ordered = parse_us(first) <= parse_us(last)
    except ValueError:
        ordered = False
    return None if ordered else f"observed from {first!r} to {last!r}"


def _offsets_problem(frames: Sequence[Frame]) -> str | None:
    offset = 0
    for number, frame in enumerate(frames):
        if frame.offset != offset:
            return f"frame {number}: expected at byte {offset}, found at {frame.offset}"
        offset += frame.bytes
    return None


def digest(data: bytes) -> str:
    """Returns the SHA-256 as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(path: Path) -> str:
    """Returns the SHA-256 of a file as 64 hex digits, without loading a large file into memory."""
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size <= _SMALL_BYTES:
            return digest(file.read())  # `file_digest` makes a buffer of 256 KiB
        return hashlib.file_digest(file, "sha256").hexdigest()
