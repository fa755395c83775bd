"""Index of a source: per day and writer, the lowest and highest seq, hours, and what to count.

With the index, a question about seqs, hours or totals needs the details of few days. The index
is about 200 bytes a day. Whenever it is read, the timestamps of all day folders are compared.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache, reduce
from itertools import accumulate
from operator import attrgetter, or_
from pathlib import Path

import attrs
import msgspec

from eventlog.catalog.day import (
    REAL_TIMES,
    DayFolder,
    FolderStamp,
    FolderTimes,
    SealedFacts,
    SegmentEntry,
    is_settled,
    read_day,
)
from eventlog.catalog.progress import report_day
from eventlog.catalog.storage import load, save
from eventlog.files.listing import list_dates, list_sources
from eventlog.format.paths import catalog_path, log_dir


class WriterDay(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The segments of one writer on one day."""

    writer: str
    first_seq: int
    """Lowest seq in a segment with a readable manifest; 0 if there is none."""
    last_seq: int
    """Highest seq; likewise."""
    unknown: int
    """Number of segments without a readable manifest, whose seqs are not known."""
    open: int
    """Number of segments without manifest that have an open file."""
    sealed: int
    """Number of segments with manifest and sealed file."""
    missing: int
    """Number of segments with a manifest and no sealed file, or a sealed file and no manifest."""
    lost: int
    """Number of accepted losses."""
    rows: int
    raw_bytes: int
    zst_bytes: int
    """Of the sealed files that exist."""
    hours: int
    """Bit h is set if there is a segment of hour h."""
    is_contiguous: bool
    """Whether no seq between `first_seq` and `last_seq` is missing."""


class DaySummary(msgspec.Struct, frozen=True, array_like=True):
    """The segments of one day, by writer."""

    date: str
    stamp: FolderStamp
    writers: tuple[WriterDay, ...]


class StoredIndex(msgspec.Struct, frozen=True, array_like=True):
    """The days of a source that did not change recently when they were read."""

    source: str
    days: tuple[DaySummary, ...]


@attrs.frozen
class SourceIndex:
    """The days of a source, all of them current when the index was read."""

    root: Path
    source: str
    days: tuple[DaySummary, ...]
    """In the order of their dates."""
    unsettled: Mapping[str, DayFolder]
    """The segments of those days that are not in the catalog, by date."""
    times: FolderTimes

    def day(self, date: str) -> DayFolder:
        """Returns the segments of a day."""
        if date in self.unsettled:
            return self.unsettled[date]
        return read_day(self.root, self.source, date, self.times)


def read_index(root: Path, source: str, times: FolderTimes = REAL_TIMES) -> SourceIndex:
    """Returns the index of a source; reads folders that changed, and stores their summaries."""
    path = catalog_path(root, source, "index")
    stored = _load_index(path, source)
    summaries: dict[str, DaySummary] = {}
    changed: dict[str, int] = {}
    folder = log_dir(root) / source
    for date in list_dates(root, source):
        now = times.now()
        summary = stored.get(date)
        if summary is None or summary.stamp != times.stamp(f"{folder}/{date}"):
            changed[date] = now
        else:
            summaries[date] = summary
    settled = dict(summaries)
    unsettled: dict[str, DayFolder] = {}
    for done, (date, now) in enumerate(changed.items(), 1):
        day = read_day(root, source, date, times)
        report_day(source, done, len(changed))
        if day.stamp is None:
            continue  # removed meanwhile
        summaries[date] = summarize_day(day, day.stamp)
        if is_settled(day, now):
            settled[date] = summaries[date]
        else:
            unsettled[date] = day
    if settled != stored:
        save(path, StoredIndex(source, _by_date(settled)))
    return SourceIndex(root, source, _by_date(summaries), unsettled, times)


def _by_date(summaries: Mapping[str, DaySummary]) -> tuple[DaySummary, ...]:
    return tuple(summaries[date] for date in sorted(summaries))


def read_indexes(root: Path, times: FolderTimes = REAL_TIMES) -> Iterator[SourceIndex]:
    """Yields the index of each source of the log, by name."""
    for source in list_sources(root):
        yield read_index(root, source, times)


def _load_index(path: Path, source: str) -> Mapping[str, DaySummary]:
    """Returns the stored summaries by date; none if the file is unusable."""
    try:
        status = path.stat()
    except OSError:
        return {}
    return _index_of_version(path, source, status.st_ino, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=32)  # for a process that asks often
def _index_of_version(path: Path, source: str, *_version: int) -> Mapping[str, DaySummary]:
    """Reads an index file. `_version`: what differs if the file was replaced."""
    stored = load(path, StoredIndex)
    if stored is None or stored.source != source:
        return {}
    return {summary.date: summary for summary in stored.days}


def summarize_day(day: DayFolder, stamp: FolderStamp) -> DaySummary:
    """Returns the summary of a day whose folder has these timestamps."""
    by_writer: dict[str, list[SegmentEntry]] = {}
    for entry in day.entries:
        by_writer.setdefault(entry.writer, []).append(entry)
    writers = (_summarize_writer(writer, by_writer[writer]) for writer in sorted(by_writer))
    return DaySummary(day.date, stamp, tuple(writers))


def _summarize_writer(writer: str, entries: list[SegmentEntry]) -> WriterDay:
    segments = [entry for entry in entries if not entry.is_lost]
    known = [entry.facts for entry in segments if entry.facts]
    sealed = [entry for entry in segments if entry.has_manifest and entry.has_zst]
    unsealed = sum(entry.is_open and not entry.has_manifest for entry in segments)
    return WriterDay(
        writer=writer,
        first_seq=min((facts.first_seq for facts in known), default=0),
        last_seq=max((facts.last_seq for facts in known), default=0),
        unknown=len(segments) - len(known),
        open=unsealed,
        sealed=len(sealed),
        missing=len(segments) - len(sealed) - unsealed,
        lost=len(entries) - len(segments),
        rows=sum(facts.rows for facts in known),
        raw_bytes=sum(facts.raw_bytes for facts in known),
        zst_bytes=sum(_zst_bytes(entry.facts) for entry in sealed),
        hours=reduce(or_, (1 << int(entry.hour) for entry in segments), 0),
        is_contiguous=_is_contiguous(known),
    )


def _is_contiguous(segments: list[SealedFacts]) -> bool:
    ordered = sorted(segments, key=attrgetter("first_seq"))
    ends = accumulate((facts.last_seq for facts in ordered), max)
    return all(facts.first_seq <= end + 1 for end, facts in zip(ends, ordered[1:], strict=False))


def _zst_bytes(facts: SealedFacts | None) -> int:
    return facts.zst_bytes if facts else 0
