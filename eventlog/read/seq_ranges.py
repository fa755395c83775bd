"""The seqs that each segment contains, by its manifest or, if it is open, by its lines."""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import attrs

from eventlog.errors import Corrupt
from eventlog.files.listing import SegmentFiles, list_segments, read_manifest
from eventlog.format.paths import SegmentName, manifest_path, open_path
from eventlog.format.valid_lines import first_seq

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


@attrs.frozen
class KnownSeqs:
    """Seqs that one segment contains, or whose loss was accepted under its name."""

    name: SegmentName
    first_seq: int
    last_seq: int
    """Included. Of an open segment, the seq of its last complete line when it was read."""
    is_open: bool = False


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


def segment_seqs(root: Path, name: SegmentName) -> KnownSeqs | None:
    """Returns the seqs that a segment contains now; None if it contains none or does not exist.

    Unlike `seq_ranges`, reads an open segment to its end, and reads every manifest again, since
    checks must notice changed files. Raises `Corrupt`.
    """
    if not manifest_path(root, name).exists():
        with suppress(FileNotFoundError), open_path(root, name).open("rb") as file:
            first = first_seq(file)
            if first is None:
                return None
            rows = sum(line.endswith(b"\n") for line in file)
            return KnownSeqs(name, first, first + rows - 1, is_open=True)
    with suppress(FileNotFoundError):
        manifest = read_manifest(root, name)
        return KnownSeqs(name, manifest.first_seq, manifest.last_seq)
    return None
