"""Manifests: the truth about sealed segments. Pure.

A manifest is the commit point of sealing: without it a `.zst` does not exist. It
holds what a reader checks (sizes, checksums, rows) and what lets it skip (times,
kinds, types, frames), and the SHA-256 of the stream's previous manifest, so that a
removed or replaced segment is evident.
"""

import hashlib
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

FORMAT = 1


@attrs.frozen
class Content:
    """Size and checksum of a file."""

    bytes: int
    sha256: str


@attrs.frozen
class Frame:
    """One frame of a sealed segment."""

    offset: int
    """Where it begins in the `.zst`."""
    bytes: int
    raw_bytes: int
    rows: int
    kinds: Mapping[str, int]
    types: Mapping[str, int]


@attrs.frozen
class Manifest:
    """What a sealed segment holds."""

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
    """SHA-256 of the stream's previous manifest; None for its first."""

    @property
    def name(self) -> SegmentName:
        """Which segment this is about."""
        name = parse_segment(self.segment)
        if name is None:
            raise Corrupt(f"a manifest names {self.segment!r}, which is no segment")
        return name

    @property
    def first_us(self) -> int:
        """First instant observed, in microseconds."""
        return parse_us(self.first_observed_at)

    @property
    def last_us(self) -> int:
        """Last instant observed, in microseconds."""
        return parse_us(self.last_observed_at)


_DECODER: msgspec.json.Decoder[Manifest] = msgspec.json.Decoder(Manifest)
_SEQS = re.compile(rb'"first_seq":(\d+),"last_seq":(\d+),')


def to_bytes(manifest: Manifest) -> bytes:
    """The file of a manifest: one JSON object and a line feed. Inverse of `from_bytes`."""
    return msgspec.json.encode(attrs.asdict(manifest)) + b"\n"


def from_bytes(data: bytes, where: str) -> Manifest:
    """The manifest in a file named `where`. Raises `Corrupt`."""
    try:
        manifest = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(f"{where}: no manifest: {error}", "hindlog verify") from error
    if manifest.format != FORMAT:
        raise Corrupt(f"{where}: expected format {FORMAT}, found {manifest.format}")
    problem = inconsistency(manifest)
    if problem:
        raise Corrupt(f"{where}: {problem}", "hindlog verify")
    return manifest


def seqs_in(head: bytes) -> tuple[int, int] | None:
    """First and last seq from the first 300 bytes of a manifest, at the cost of a glance."""
    found = _SEQS.search(head)
    return (int(found[1]), int(found[2])) if found else None


def summarize(
    name: SegmentName,
    frames: Sequence[tuple[int, int, BlockStats]],
    raw_sha256: str,
    zst_sha256: str,
    previous: str | None,
) -> Manifest:
    """The manifest of a segment, from (compressed bytes, raw bytes, census) of its frames.

    A pure function of the segment's content and the manifest before: so a verifier
    makes it again and compares every byte. Raises `Corrupt` if the frames do not fit.
    """
    held = [census for _, _, census in frames]
    offsets = accumulate((size for size, _, _ in frames), initial=0)
    manifest = Manifest(
        format=FORMAT,
        segment=str(name),
        rows=sum(each.rows for each in held),
        first_seq=held[0].first_seq,
        last_seq=held[-1].last_seq,
        first_observed_at=held[0].first_observed_at,
        last_observed_at=held[-1].last_observed_at,
        raw=Content(sum(size for _, size, _ in frames), raw_sha256),
        zst=Content(sum(size for size, _, _ in frames), zst_sha256),
        longest_line_bytes=max(each.longest_line_bytes for each in held),
        kinds=_total(each.kinds for each in held),
        types=_total(each.types for each in held),
        frames=tuple(
            Frame(offset, size, raw_size, each.rows, each.kinds, each.types)
            for offset, (size, raw_size, each) in zip(offsets, frames, strict=False)
        ),
        previous=previous,
    )
    problem = inconsistency(manifest)
    if problem:
        raise Corrupt(f"{name}: {problem}", "hindlog verify")
    return manifest


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return {name: total[name] for name in sorted(total)}


def inconsistency(manifest: Manifest) -> str | None:
    """What a manifest says that cannot be, or None."""
    frames = manifest.frames
    totals = (
        ("rows", manifest.rows, sum(frame.rows for frame in frames)),
        ("raw bytes", manifest.raw.bytes, sum(frame.raw_bytes for frame in frames)),
        ("compressed bytes", manifest.zst.bytes, sum(frame.bytes for frame in frames)),
        ("kinds", manifest.kinds, _total(frame.kinds for frame in frames)),
        ("types", manifest.types, _total(frame.types for frame in frames)),
    )
    for what, told, summed in totals:
        if told != summed:
            return f"{what}: {told}, but {summed} in its frames"
    if not 1 <= manifest.first_seq <= manifest.last_seq:
        return f"seqs from {manifest.first_seq} to {manifest.last_seq}"
    if manifest.rows != manifest.last_seq - manifest.first_seq + 1:
        return f"{manifest.rows} rows from seq {manifest.first_seq} to {manifest.last_seq}"
    if parse_segment(manifest.segment) is None:
        return f"{manifest.segment!r} is no segment"
    return _odd_times(manifest) or _odd_offsets(frames)


def _odd_times(manifest: Manifest) -> str | None:
    first, last = manifest.first_observed_at, manifest.last_observed_at
    try:
        ordered = parse_us(first) <= parse_us(last)
    except ValueError:
        ordered = False
    return None if ordered else f"observed from {first!r} to {last!r}"


def _odd_offsets(frames: Sequence[Frame]) -> str | None:
    offset = 0
    for number, frame in enumerate(frames):
        if frame.offset != offset:
            return f"frame {number} at {frame.offset}, expected {offset}"
        offset += frame.bytes
    return None


def digest(data: bytes) -> str:
    """SHA-256, as it stands in manifests: 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(path: Path) -> str:
    """The same of a file, however large: it is not held in memory."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
