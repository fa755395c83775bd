"""Manifests: the truth about sealed segments. Pure.

A manifest is the commit point of sealing: without it a `.zst` does not exist. It
holds what a reader checks (sizes, checksums, rows) and what lets it skip (times,
kinds, types, frames), and the SHA-256 of the stream's previous manifest, so that a
removed or replaced segment is evident.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import cattrs
import orjson

from eventlog.clock import parse_us
from eventlog.errors import Corrupt
from eventlog.paths import SegmentName, parse_segment
from eventlog.prefix import Census

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


_CONVERTER = cattrs.Converter(forbid_extra_keys=False)


def to_bytes(manifest: Manifest) -> bytes:
    """The file of a manifest: one JSON object and a line feed. Inverse of `from_bytes`."""
    return orjson.dumps(_CONVERTER.unstructure(manifest), option=orjson.OPT_APPEND_NEWLINE)


def from_bytes(data: bytes, where: str) -> Manifest:
    """The manifest in a file named `where`. Raises `Corrupt`."""
    try:
        found: Any = orjson.loads(data)
        manifest = _CONVERTER.structure(found, Manifest)
    except (orjson.JSONDecodeError, cattrs.BaseValidationError, TypeError, ValueError) as error:
        raise Corrupt(f"{where}: no manifest: {error}", "hindlog verify") from error
    if manifest.format != FORMAT:
        raise Corrupt(f"{where}: expected format {FORMAT}, found {manifest.format}")
    problem = inconsistency(manifest)
    if problem:
        raise Corrupt(f"{where}: {problem}", "hindlog verify")
    return manifest


def summarize(
    name: SegmentName,
    frames: Sequence[tuple[int, int, Census]],
    raw_sha256: str,
    zst_sha256: str,
    previous: str | None,
) -> Manifest:
    """The manifest of a segment, from (compressed bytes, raw bytes, census) of its frames.

    A pure function of the segment's content and the manifest before: so a verifier
    makes it again and compares every byte. Raises `Corrupt` if the frames do not fit.
    """
    held = [census for _, _, census in frames]
    offsets = [sum(size for size, _, _ in frames[:n]) for n in range(len(frames))]
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
            for offset, (size, raw_size, each) in zip(offsets, frames, strict=True)
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
    if manifest.rows != manifest.last_seq - manifest.first_seq + 1:
        return f"{manifest.rows} rows from seq {manifest.first_seq} to {manifest.last_seq}"
    if manifest.rows != sum(frame.rows for frame in frames):
        return f"{manifest.rows} rows, but {sum(f.rows for f in frames)} in its frames"
    if manifest.raw.bytes != sum(frame.raw_bytes for frame in frames):
        return f"{manifest.raw.bytes} raw bytes, but {sum(f.raw_bytes for f in frames)} in frames"
    offset = 0
    for number, frame in enumerate(frames):
        if frame.offset != offset:
            return f"frame {number} at {frame.offset}, expected {offset}"
        offset += frame.bytes
    if offset != manifest.zst.bytes:
        return f"{manifest.zst.bytes} compressed bytes, but {offset} in its frames"
    return None


def digest(data: bytes) -> str:
    """SHA-256, as it stands in manifests: 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
