"""Seqs that no segment of a stream contains, found with the index of its source.

A day without a gap counts as one range of seqs. Only days beside a gap, and days with a segment
whose seqs are not in the index, are read in detail.
"""

from collections.abc import Collection, Iterator, Mapping

import attrs

from eventlog.catalog.index import SourceIndex, WriterDay
from eventlog.check.seq_gaps import SeqGap, find_seq_gaps
from eventlog.errors import Corrupt
from eventlog.files.lost_segments import Loss, read_loss, skip_lost
from eventlog.format.paths import SegmentName
from eventlog.read.seq_ranges import KnownSeqs, OnCorrupt, day_ranges, segment_seqs


@attrs.frozen
class MissingSeqs:
    """Seqs that no segment contains. Both ends are included."""

    first_seq: int
    last_seq: int
    following: SegmentName
    """The segment with the next seq."""
    since: int
    """Instant of the event before them; the start of `following` if that is not known."""
    lost_at: str | None
    """Instant at which their loss was accepted; None unless all of them are lost."""


@attrs.frozen
class _Segment:
    """A segment that was read in detail."""

    seqs: KnownSeqs
    last_us: int | None
    """Instant of its last event, if it is sealed."""


def missing_seqs(index: SourceIndex, writer: str, on_corrupt: OnCorrupt) -> Iterator[MissingSeqs]:
    """Yields the seqs that no segment of a stream contains, in their order.

    Seqs after its last segment are not missing. `on_corrupt` is called for each segment whose
    seqs cannot be read.
    """
    days = _days_of_stream(index, writer)
    detail: dict[str, list[_Segment]] = {}
    dates = {date for date, day in days.items() if day.unknown or not day.is_contiguous}
    while True:
        for date in sorted(dates):
            detail[date] = list(_segments_of_day(index, date, writer, on_corrupt))
        gaps = list(find_seq_gaps(_known_seqs(index.source, days, detail)))
        dates = _dates_beside(gaps) - detail.keys()
        if not dates:
            break
    ends = {segment.seqs.name: segment.last_us for day in detail.values() for segment in day}
    losses = _accepted_losses(index, writer) if gaps else []
    for gap in gaps:
        if gap.after is not None:
            starts_at = gap.after.name.starts_at
            before_us = ends[gap.before.name] if gap.before else None
            yield MissingSeqs(
                gap.first_seq,
                gap.last_seq,
                gap.after.name,
                starts_at if before_us is None else before_us,
                _lost_at(losses, gap),
            )


def _days_of_stream(index: SourceIndex, writer: str) -> Mapping[str, WriterDay]:
    """Returns the days on which a stream has a segment, by date."""
    return {
        day.date: summary
        for day in index.days
        for summary in day.writers
        if summary.writer == writer and (summary.unknown or summary.last_seq)
    }


def _segments_of_day(
    index: SourceIndex, date: str, writer: str, on_corrupt: OnCorrupt
) -> Iterator[_Segment]:
    for seq_range in day_ranges(index.root, index.day(date), writer, on_corrupt):
        name, first, last = seq_range.name, seq_range.first_seq, seq_range.last_seq
        if last is not None:
            yield _Segment(KnownSeqs(name, first, last), seq_range.last_us)
            continue
        try:
            seqs = segment_seqs(index.root, name)  # an open one: counts its lines
        except Corrupt as error:
            on_corrupt(error)
        else:
            yield _Segment(seqs or KnownSeqs(name, first, first - 1), None)


def _known_seqs(
    source: str, days: Mapping[str, WriterDay], detail: Mapping[str, Collection[_Segment]]
) -> Iterator[KnownSeqs]:
    """Yields the seqs of each segment, or of a complete day under a name that stands for it."""
    for date, day in days.items():
        if date in detail:
            yield from (segment.seqs for segment in detail[date])
        else:
            name = SegmentName(source, date, "00", day.writer, 0)
            yield KnownSeqs(name, day.first_seq, day.last_seq)


def _dates_beside(gaps: Collection[SeqGap]) -> set[str]:
    return {seqs.name.date for gap in gaps for seqs in (gap.before, gap.after) if seqs}


def _accepted_losses(index: SourceIndex, writer: str) -> list[Loss]:
    """Returns the accepted losses of a stream, in seq order. Raises `Corrupt`."""
    dates = [
        day.date
        for day in index.days
        if any(summary.writer == writer and summary.lost for summary in day.writers)
    ]
    folders = map(index.day, dates)
    losses = [
        read_loss(index.root, folder.name_of(entry))
        for folder in folders
        for entry in folder.entries
        if entry.is_lost and entry.writer == writer
    ]
    return sorted(losses, key=lambda loss: loss.first_seq)


def _lost_at(losses: Collection[Loss], gap: SeqGap) -> str | None:
    """Returns the last instant at which a loss in a gap was accepted, if all of it is lost."""
    if skip_lost([*losses], gap.first_seq) <= gap.last_seq:
        return None
    return max(
        loss.accepted_at
        for loss in losses
        if loss.first_seq <= gap.last_seq and gap.first_seq <= loss.last_seq
    )
