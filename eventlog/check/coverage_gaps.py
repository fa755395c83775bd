"""Finds gaps in the coverage: hours without a segment, missing seqs, incomplete runs.

Only live streams count: imported events do not show when the source was observed. An hour
is covered if any live writer of its source wrote a segment in it, even if it contains only a
heartbeat. Changes nothing but the catalog.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import msgspec

from eventlog.catalog.day import REAL_TIMES, FolderTimes
from eventlog.catalog.index import SourceIndex, read_indexes
from eventlog.catalog.lookup import writers_of
from eventlog.check.run_gaps import incomplete_runs
from eventlog.check.seq_coverage import MissingSeqs, missing_seqs
from eventlog.clock import HOUR, hour_start, parse_us
from eventlog.errors import Corrupt
from eventlog.files.writer_ids import COMMAND, IMPORT, roles_by_writer
from eventlog.format.event import PAGE
from eventlog.format.paths import SegmentName
from eventlog.read.event_filter import Select, compile_select
from eventlog.read.reader import segment_records

HOURS = "hours"
SEQS = "seqs"
RUN = "run"


@attrs.frozen
class Gap:
    """Something that is missing or partial."""

    source: str
    what: str
    """`hours`, `seqs` or `run`."""
    since: int
    until: int
    """Half-open, in microseconds."""
    reason: str
    run: str | None = None


class _Page(msgspec.Struct, frozen=True):
    """The member of a `page` event that shows whether it was imported."""

    imported: Any = msgspec.field(default=None, name="import")


_PAGE = msgspec.json.Decoder(_Page)
_PAGES = compile_select(Select(kinds=frozenset({PAGE})))


def find_gaps(
    root: Path, now: int, since: int | None = None, times: FolderTimes = REAL_TIMES
) -> list[Gap]:
    """Returns the gaps up to the current hour, exclusive, by source and time.

    `since` omits those that end at or before that instant; the others are complete.
    """
    roles = roles_by_writer(root)
    gaps: list[Gap] = []
    for index in read_indexes(root, times):
        live = {w for w in writers_of(index) if _is_live(index, w, roles.get(w))}
        gaps += _hours(index, {w for w in live if roles.get(w) != COMMAND}, now)
        for writer in sorted(live):
            gaps += _seqs(index, writer)
        gaps += _runs(index, live)
    selected = [gap for gap in gaps if since is None or gap.until > since]
    return sorted(
        selected, key=lambda gap: (gap.source, gap.since, gap.until, gap.what, gap.run or "")
    )


def _is_live(index: SourceIndex, writer: str, role: str | None) -> bool:
    """Whether a stream is live: by its role or, if unknown, by its first page."""
    if role is not None:
        return role != IMPORT
    first = _first_segment(index, writer)
    if first is None:
        return True
    try:
        page = next(segment_records(index.root, first, _PAGES), None)
    except Corrupt:
        return True
    return page is None or _PAGE.decode(page.line).imported is None


def _first_segment(index: SourceIndex, writer: str) -> SegmentName | None:
    """Returns the first segment of a stream by name; None if it was removed meanwhile."""
    for day in index.days:
        if any(summary.writer == writer and summary.hours for summary in day.writers):
            segments = index.day(day.date).segments
            return next((name for name, entry in segments if entry.writer == writer), None)
    return None


def _hours(index: SourceIndex, writers: Collection[str], now: int) -> Iterator[Gap]:
    """Yields the uncovered ranges of hours, from the first segment on."""
    covered = list(_covered(index, writers))
    current = hour_start(now)
    for (_, since), (until, _) in pairwise([*covered, (current, current)]):
        if until > since:
            count = (until - since) // HOUR
            what = f"{count} hour{'s' if count > 1 else ''} without segment or heartbeat"
            yield Gap(index.source, HOURS, since, until, what)


def _covered(index: SourceIndex, writers: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yields the ranges of hours of each day in which one of the writers has a segment."""
    for day in index.days:
        hours = 0
        for summary in day.writers:
            hours |= summary.hours if summary.writer in writers else 0
        if hours:
            start = parse_us(f"{day.date}T00:00:00Z")
            for first, last in _ranges_of_bits(hours):
                yield start + first * HOUR, start + last * HOUR


@lru_cache(maxsize=256)  # most days have the same hours
def _ranges_of_bits(bits: int) -> tuple[tuple[int, int], ...]:
    """Returns the half-open ranges of bits that are set."""
    edges = bits ^ bits << 1
    numbers = [number for number in range(bits.bit_length() + 1) if edges >> number & 1]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _seqs(index: SourceIndex, writer: str) -> Iterator[Gap]:
    """Yields the ranges of seqs that no segment contains, and damaged segments."""
    damages: list[Corrupt] = []
    for missing in missing_seqs(index, writer, damages.append):
        until = missing.following.starts_at
        yield Gap(index.source, SEQS, missing.since, until, _reason(writer, missing))
    for damage in damages:
        yield Gap(index.source, SEQS, 0, 0, damage.what)


def _reason(writer: str, missing: MissingSeqs) -> str:
    seqs = f"seq {missing.first_seq} to {missing.last_seq}"
    reason = f"writer {writer}: {seqs} missing before {missing.following}"
    if missing.lost_at is not None:
        reason += f", recorded as lost on {missing.lost_at[:16]}Z"
    return reason


def _runs(index: SourceIndex, writers: Collection[str]) -> Iterator[Gap]:
    """Yields runs that did not end, or ended in another state than completed."""
    for incomplete in incomplete_runs(index, writers):
        last = incomplete.run.last
        since, until = parse_us(incomplete.run.began), parse_us(last.observed_at) + 1
        yield Gap(index.source, RUN, since, until, incomplete.reason, last.run)
