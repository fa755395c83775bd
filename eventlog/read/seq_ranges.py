"""The seqs that each segment contains, by its manifest or, if it is open, by its lines."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, DayFolder, FolderTimes, SegmentEntry
from eventlog.catalog.index import SourceIndex, read_index
from eventlog.catalog.lookup import MAX_SEQ, days_with_seqs
from eventlog.errors import Corrupt
from eventlog.files.listing import read_manifest
from eventlog.format import valid_lines
from eventlog.format.paths import SegmentName, manifest_path, open_path

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
    return list(iterate_seq_ranges(root, source, writer, on_corrupt=on_corrupt))


def iterate_seq_ranges(
    root: Path,
    source: str,
    writer: str,
    first_seq: int = 0,
    last_seq: int = MAX_SEQ,
    *,
    on_corrupt: OnCorrupt = raise_corrupt,
    backwards: bool = False,
    times: FolderTimes = REAL_TIMES,
    index: SourceIndex | None = None,
) -> Iterator[SeqRange]:
    """Yields the segments of a stream that may contain seqs of a range, in seq order or reverse.

    Open segments that begin in the range or before it are among them, since they grow. Each day
    is read when its segments are next. `index`: the index of the source, unless it is to be read.
    """
    index = index or read_index(root, source, times)
    days = days_with_seqs(index, writer, first_seq, last_seq)
    days.sort(key=lambda day: day.last_seq if backwards else day.first_seq, reverse=backwards)
    ready: list[SeqRange] = []
    for day, following in zip(days, [*days[1:], None], strict=False):
        ready += (
            seq_range
            for seq_range in day_ranges(root, index.day(day.date), writer, on_corrupt)
            if seq_range.first_seq <= last_seq
            and (seq_range.last_seq is None or first_seq <= seq_range.last_seq)
        )
        ready.sort(key=lambda seq_range: (seq_range.first_seq, seq_range.name))
        if following is None:
            count = len(ready)
        elif backwards:
            count = sum(seq_range.first_seq > following.last_seq for seq_range in ready)
        else:
            count = sum(seq_range.first_seq < following.first_seq for seq_range in ready)
        for _ in range(count):
            yield ready.pop(-1 if backwards else 0)


def day_ranges(
    root: Path, day: DayFolder, writer: str, on_corrupt: OnCorrupt = raise_corrupt
) -> Iterator[SeqRange]:
    """Yields the segments of a stream on one day, in the order of their names."""
    for name, entry in day.segments:
        if entry.writer == writer:
            try:
                seq_range = _seq_range(root, name, entry)
            except Corrupt as error:
                on_corrupt(error)
            else:
                if seq_range is not None:
                    yield seq_range


def _seq_range(root: Path, name: SegmentName, entry: SegmentEntry) -> SeqRange | None:
    facts = entry.facts
    if facts is not None:
        return SeqRange(name, facts.first_seq, facts.last_seq, facts.last_us)
    if not entry.has_manifest:
        try:
            with open_path(root, name).open("rb") as file:
                seq = valid_lines.first_seq(file)
            return SeqRange(name, seq, None) if seq is not None else None
        except FileNotFoundError:
            if not manifest_path(root, name).exists():
                return None  # a .zst without manifest: verify reports it
    manifest = read_manifest(root, name)  # sealed meanwhile, or damaged
    return SeqRange(name, manifest.first_seq, manifest.last_seq, manifest.last_us)


def segment_seqs(root: Path, name: SegmentName) -> KnownSeqs | None:
    """Returns the seqs that a segment contains now; None if it contains none or does not exist.

    Unlike `seq_ranges`, reads an open segment to its end, and reads every manifest again, since
    checks must notice changed files. Raises `Corrupt`.
    """
    if not manifest_path(root, name).exists():
        with suppress(FileNotFoundError), open_path(root, name).open("rb") as file:
            first = valid_lines.first_seq(file)
            if first is None:
                return None
            rows = sum(line.endswith(b"\n") for line in file)
            return KnownSeqs(name, first, first + rows - 1, is_open=True)
    with suppress(FileNotFoundError):
        manifest = read_manifest(root, name)
        return KnownSeqs(name, manifest.first_seq, manifest.last_seq)
    return None
