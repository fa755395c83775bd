"""Which seqs each segment of a stream contains, by its manifest or, if it is open, its lines."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import attrs

from eventlog.errors import Corrupt
from eventlog.files.listing import SegmentFiles, list_segments, read_manifest
from eventlog.format.paths import SegmentName, manifest_path, open_path
from eventlog.read.segment_lines import first_seq

OnCorrupt = Callable[[Corrupt], None]
"""Called with the error of a damaged segment. Reading continues if it returns."""


def raise_corrupt(error: Corrupt) -> None:
    """Stops reading at a damaged segment."""
    raise error


def ignore_corrupt(error: Corrupt) -> None:
    """Skips a damaged segment; `verify` reports it."""


@attrs.frozen
class SeqRange:
    """The seqs that a segment contains. Both ends are included."""

    name: SegmentName
    first_seq: int
    last_seq: int | None
    """None for an open segment, which grows."""
    last_us: int | None = None


def seq_ranges(
    root: Path, source: str, writer: str, on_corrupt: OnCorrupt = raise_corrupt
) -> list[SeqRange]:
    """Returns the segments of a stream, in seq order."""
    ranges: list[SeqRange] = []
    for files in list_segments(root, source, writer):
        try:
            seq_range = _seq_range(root, files)
        except Corrupt as error:
            on_corrupt(error)
        else:
            ranges += [seq_range] if seq_range else []
    return sorted(ranges, key=lambda seq_range: seq_range.first_seq)


def _seq_range(root: Path, files: SegmentFiles) -> SeqRange | None:
    name = files.name
    if not files.is_sealed:
        try:
            with open_path(root, name).open("rb") as file:
                seq = first_seq(file)
            return SeqRange(name, seq, None) if seq is not None else None
        except FileNotFoundError:
            if not manifest_path(root, name).exists():
                return None  # a .zst without manifest: verify reports it
    return _sealed_seq_range(root, name)


@lru_cache(maxsize=1 << 16)  # sealed segments never change
def _sealed_seq_range(root: Path, name: SegmentName) -> SeqRange:
    manifest = read_manifest(root, name)
    return SeqRange(name, manifest.first_seq, manifest.last_seq, manifest.last_us)
