"""What a mirror costs a month, from the catalog of segments and the ledger, without a request.

    segments of the last 30 days ──> what a month adds
    all segments, all assets     ──> what is stored

The totals are in the index of each source; only the days of the last 30 are read.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, DayFolder, FolderTimes
from eventlog.catalog.index import DaySummary, SourceIndex, read_indexes
from eventlog.clock import DAY, format_us, parse_us
from eventlog.mirror.bucket.names import ASSETS
from eventlog.mirror.bucket.record import MAX_LINKS
from eventlog.mirror.cost.prices import Usage
from eventlog.mirror.cost.traffic import (
    Traffic,
    described_bytes,
    traffic_of_check,
    traffic_of_link,
    traffic_of_object,
    traffic_of_records,
)
from eventlog.mirror.local.ledger import Ledger

DAYS = 30
"""Length of a month."""


@attrs.frozen
class MonthlyCost:
    """What the mirror of an archive takes in a month, once everything sealed is in it."""

    days: float
    """Length of the past from which the month is estimated, at most 30."""
    segments: int
    """Segments and losses that a month adds."""
    added: Traffic
    """What a month puts, if each hour is pushed on its own."""
    stored_objects: int
    stored_bytes: int
    check: Traffic
    """Of one check."""

    @property
    def usage(self) -> Usage:
        """What is billed."""
        return Usage(self.stored_bytes, self.added.writes, self.added.reads)


@attrs.define
class _Sums:
    """What was counted so far."""

    links: int = 0
    """Of the recent hours, like the following two."""
    recent: Traffic = attrs.field(factory=Traffic)
    hours: set[int] = attrs.field(factory=set)
    """Their beginnings: each has a record."""
    stored: Traffic = attrs.field(factory=Traffic)
    first_date: str = "9999"


def monthly_cost(
    root: Path, ledger: Ledger | None, now: int, times: FolderTimes = REAL_TIMES
) -> MonthlyCost:
    """Returns what the mirror takes in a month. `ledger`: of its bucket."""
    since = now - DAYS * DAY
    sums = _Sums()
    for index in read_indexes(root, times):
        for summary in index.days:
            _add_day(sums, index, summary, since)
    for size, changed in _assets(root):
        asset = traffic_of_object(size)
        sums.stored += asset
        sums.recent += asset if changed >= since else Traffic()
    days = DAYS * 1.0
    if sums.first_date > format_us(since)[:10]:
        start = parse_us(f"{min(sums.first_date, format_us(now)[:10])}T00:00:00.000000Z")
        days = max(1.0, (now - start) / DAY)
    first_push = -(-sums.stored.objects // (2 * MAX_LINKS))
    records = [head.next for head in ledger.pushers.values()] if ledger else [first_push]
    own = ledger.own.next if ledger else 0
    pushes = len(sums.hours)
    pushed = sums.recent + traffic_of_records(own, own + pushes) + Traffic(reads=2 * pushes)
    return MonthlyCost(
        days=days,
        segments=round(sums.links * DAYS / days),
        added=pushed.per_month(days),
        stored_objects=sums.stored.objects + sum(records),
        stored_bytes=sums.stored.size,
        check=traffic_of_check(sums.stored.objects, records),
    )


def _add_day(sums: _Sums, index: SourceIndex, summary: DaySummary, since: int) -> None:
    """Adds the segments of a day. Reads the day itself if it is recent or lacks sealed files."""
    sums.first_date = min(sums.first_date, summary.date)
    segments = sum(writer.sealed for writer in summary.writers)
    losses = sum(writer.lost for writer in summary.writers)
    size = sum(writer.zst_bytes for writer in summary.writers)
    is_recent = summary.date >= format_us(since)[:10]
    if is_recent or any(writer.missing for writer in summary.writers):
        day = index.day(summary.date)
        sizes = [x.facts.zst_bytes for _, x in day.segments if x.facts and x.has_manifest]
        segments, size = len(sizes), sum(sizes)
        if is_recent:
            _add_recent(sums, day, since)
    described = described_bytes(segments + losses, size)
    sums.stored += Traffic(2 * segments + losses, size + described)


def _add_recent(sums: _Sums, day: DayFolder, since: int) -> None:
    """Adds the segments of a day that are not older than an instant."""
    for entry in day.entries:
        starts_at = day.name_of(entry).starts_at
        if starts_at < since or not (entry.is_lost or entry.facts):
            continue
        sums.links += 1
        sums.recent += traffic_of_link(
            entry.facts.zst_bytes if entry.facts and not entry.is_lost else 0
        )
        sums.hours.add(starts_at)


def _assets(root: Path) -> Iterator[tuple[int, int]]:
    """Yields size and instant of the last change of each asset."""
    for folder, _, names in os.walk(root / ASSETS):
        for name in names:
            if not name.startswith("."):  # temporary
                status = Path(folder, name).stat()
                yield status.st_size, status.st_mtime_ns // 1000
