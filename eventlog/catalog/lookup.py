"""Answers questions about segments from the catalog: by seq, by time, totals, streams."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, DayFolder, FolderTimes, SegmentEntry, read_day
from eventlog.catalog.index import SourceIndex, WriterDay, read_index, read_indexes
from eventlog.clock import format_us
from eventlog.files.absent.mirror import mirror_has
from eventlog.files.listing import list_dates, list_sources
from eventlog.format.paths import SegmentName

MAX_SEQ = 1 << 63
"""Greater than every seq."""


@attrs.frozen
class DaySeqs:
    """The seqs that the segments of a stream on one day may contain. Both ends are included."""

    date: str
    first_seq: int
    last_seq: int


@attrs.frozen
class SourceTotals:
    """Numbers of segments of a source, and the size of its sealed files."""

    open: int
    sealed: int
    missing: int
    lost: int
    rows: int
    """Of the segments that have a readable manifest."""
    zst_bytes: int


def days_with_seqs(
    index: SourceIndex, writer: str, first_seq: int = 0, last_seq: int = MAX_SEQ
) -> list[DaySeqs]:
    """Returns the days on which a stream may have segments with seqs of a range, by date.

    A segment without a readable manifest, for example an open one, may contain every seq.
    """
    return [
        seqs
        for day in index.days
        for seqs in _seqs_of_day(day.date, day.writers, writer)
        if first_seq <= seqs.last_seq and seqs.first_seq <= last_seq
    ]


def _seqs_of_day(date: str, writers: Collection[WriterDay], writer: str) -> Iterator[DaySeqs]:
    for summary in writers:
        if summary.writer == writer:
            if summary.unknown:
                yield DaySeqs(date, 0, MAX_SEQ)
            elif summary.last_seq:
                yield DaySeqs(date, summary.first_seq, summary.last_seq)


def days_between(
    root: Path,
    sources: Collection[str] = (),
    since: int | None = None,
    until: int | None = None,
    *,
    backwards: bool = False,
    times: FolderTimes = REAL_TIMES,
) -> Iterator[list[DayFolder]]:
    """Yields for each day that overlaps a range of time the segments of each source.

    The list of days is that of the beginning; a day is read when the caller asks for it. `since`
    is inclusive, `until` exclusive. Without `sources`, all sources of the log.
    """
    by_date: dict[str, list[str]] = {}
    first = "" if since is None else format_us(since)
    end = "~" if until is None else format_us(until)
    for source in sorted(sources) or list_sources(root):
        for date in list_dates(root, source):
            if f"{date}T24" > first and f"{date}T00:00:00.000000Z" < end:
                by_date.setdefault(date, []).append(source)
    for date in sorted(by_date, reverse=backwards):
        yield [read_day(root, source, date, times) for source in by_date[date]]


def count_segments(index: SourceIndex) -> SourceTotals:
    """Returns the totals of a source."""
    summaries = [summary for day in index.days for summary in day.writers]
    return SourceTotals(
        *(
            sum(getattr(summary, field.name) for summary in summaries)
            for field in attrs.fields(SourceTotals)
        )
    )


def count_absent(index: SourceIndex, writer: str | None = None) -> int:
    """Returns how many of the `missing` segments of a source have their file in the mirror.

    `writer`: only those of this writer.
    """
    return sum(
        _absent_of_writer(index, day.date, summary)
        for day in index.days
        for summary in day.writers
        if summary.missing and writer in (None, summary.writer)
    )


def _absent_of_writer(index: SourceIndex, date: str, summary: WriterDay) -> int:
    has_manifests = summary.unknown == summary.open
    if has_manifests and mirror_has(index.root, index.source, summary.writer, summary.last_seq):
        return summary.missing
    return sum(
        is_absent(index.root, name, entry)
        for name, entry in index.day(date).segments
        if entry.writer == summary.writer
    )


def is_absent(root: Path, name: SegmentName, entry: SegmentEntry) -> bool:
    """Whether the manifest of a segment is here, and its file is in the mirror only."""
    return (
        entry.facts is not None
        and not entry.has_zst
        and mirror_has(root, name.source, name.writer, entry.facts.last_seq)
    )


def writers_of(index: SourceIndex) -> set[str]:
    """Returns the writers that have a segment in a source."""
    return {
        summary.writer
        for day in index.days
        for summary in day.writers
        if summary.open or summary.sealed or summary.missing
    }


def find_streams(root: Path, times: FolderTimes = REAL_TIMES) -> list[tuple[str, str]]:
    """Returns every (source, writer) with a segment in the log, sorted.

    Equals `list_streams`, which reads the log itself.
    """
    return streams_of(read_indexes(root, times))


def streams_of(indexes: Iterable[SourceIndex]) -> list[tuple[str, str]]:
    """Returns every (source, writer) with a segment in one of these sources."""
    return [(index.source, writer) for index in indexes for writer in sorted(writers_of(index))]


def find_open_segments(
    root: Path, source: str, writer: str, times: FolderTimes = REAL_TIMES
) -> list[SegmentName]:
    """Returns the segments of a stream that are not sealed, by name."""
    index = read_index(root, source, times)
    return [
        name
        for day in index.days
        if any(summary.writer == writer and summary.open for summary in day.writers)
        for name, entry in index.day(day.date).segments
        if entry.writer == writer and entry.is_open and not entry.has_manifest
    ]
