"""Finds gaps in the coverage: hours without a segment, missing seqs, incomplete runs.

Only live streams count: imported events do not show when the source was observed. An hour
is covered if any live writer of its source wrote a segment in it, even if it contains only a
heartbeat. Changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import msgspec

from eventlog.catalog.index import read_indexes
from eventlog.clock import HOUR, hour_start, parse_us
from eventlog.errors import Corrupt
from eventlog.files.lost_segments import read_losses, skip_lost
from eventlog.files.stream_lock import is_locked
from eventlog.files.writer_ids import COMMAND, IMPORT, role_of
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED, RUN
from eventlog.format.paths import SegmentName
from eventlog.read.event_filter import Select, compile_select
from eventlog.read.reader import read_events, segment_records
from eventlog.read.seq_ranges import SeqRange, ignore_corrupt, segment_seqs, seq_ranges

HOURS = "hours"
SEQS = "seqs"
COMPLETE_STATES = frozenset({"completed", "cleaned"})
_RUNNING_STATES = frozenset({"created", "progressed", "retried"})
_RESPONSES = frozenset({PAGE, PAGE_FAILED, ANOMALY})
"""Kinds of the events that a run leaves once it was started."""


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


class _Run(msgspec.Struct, frozen=True):
    """The members of a `run` event that are needed here."""

    observed_at: str
    run: str = ""
    state: str = ""
    listing: str | None = None
    partial: bool = False
    why: str | None = None


class _Response(msgspec.Struct, frozen=True):
    """The members of an event of a request that show which run sent it, and when."""

    observed_at: str
    run: str = ""


class _Page(msgspec.Struct, frozen=True):
    """The member of a `page` event that shows whether it was imported."""

    imported: Any = msgspec.field(default=None, name="import")


_RUN = msgspec.json.Decoder(_Run)
_PAGE = msgspec.json.Decoder(_Page)
_RESPONSE = msgspec.json.Decoder(_Response)


def find_gaps(root: Path, now: int, since: int | None = None) -> list[Gap]:
    """Returns the gaps from `since` to the current hour, exclusive, by source and time."""
    streams: dict[str, dict[str, list[SegmentName]]] = {}
    for index in read_indexes(root):
        for day in index.days:
            for name, entry in index.day(day.date).segments:
                by_writer = streams.setdefault(index.source, {})
                by_writer.setdefault(entry.writer, []).append(name)
    gaps: list[Gap] = []
    for source, writers in streams.items():
        live = {w: names for w, names in writers.items() if _is_live(root, w, names)}
        crawling = [names for w, names in live.items() if role_of(root, w) != COMMAND]
        gaps += _hours(source, (name for names in crawling for name in names), now)
        for writer in live:
            gaps += _seqs(root, source, writer)
        gaps += _runs(root, source, frozenset(live), since)
    selected = [gap for gap in gaps if since is None or gap.until > since]
    return sorted(selected, key=lambda gap: (gap.source, gap.since, gap.until, gap.what))


def _is_live(root: Path, writer: str, names: list[SegmentName]) -> bool:
    """Whether a stream is live: by its role or, if unknown, by its first page."""
    role = role_of(root, writer)
    if role is not None:
        return role != IMPORT
    wanted = compile_select(Select(kinds=frozenset({PAGE})))
    try:
        page = next(segment_records(root, min(names), wanted), None)
    except Corrupt:
        return True
    return page is None or _PAGE.decode(page.line).imported is None


def _hours(source: str, names: Iterable[SegmentName], now: int) -> Iterator[Gap]:
    """Yields the uncovered ranges of hours, from the first segment on."""
    hours = sorted({name.starts_at for name in names})
    for before, after in pairwise([*hours, max([hour_start(now), *hours[-1:]])]):
        if after > before + HOUR:
            count = (after - before) // HOUR - 1
            what = f"{count} hour{'s' if count > 1 else ''} without segment or heartbeat"
            yield Gap(source, HOURS, before + HOUR, after, what)


def _seqs(root: Path, source: str, writer: str) -> Iterator[Gap]:
    """Yields the ranges of seqs that no segment contains, and damaged segments."""
    damages: list[Corrupt] = []
    expected, end = 1, None
    before: SeqRange | None = None
    losses = read_losses(root, source, writer)
    for segment in seq_ranges(root, source, writer, damages.append):
        begin = segment.name.starts_at
        if before is not None and before.last_seq is None:  # rolled, but not sealed yet
            now = segment_seqs(root, before.name)
            expected = now.last_seq + 1 if now else before.first_seq
        if segment.first_seq > expected:
            missing = f"seq {expected} to {segment.first_seq - 1}"
            reason = f"writer {writer}: {missing} missing before {segment.name}"
            if skip_lost(losses, expected) == segment.first_seq:
                last = max(
                    x.accepted_at for x in losses if expected <= x.last_seq < segment.first_seq
                )
                reason += f", recorded as lost on {last[:16]}Z"
            yield Gap(source, SEQS, begin if end is None else end, begin, reason)
        before, expected, end = segment, (segment.last_seq or 0) + 1, segment.last_us
    for damage in damages:
        yield Gap(source, SEQS, 0, 0, damage.what)


def _runs(root: Path, source: str, writers: frozenset[str], since: int | None) -> Iterator[Gap]:
    """Yields runs that did not end, or ended in another state than completed.

    Considers all writers together, since one may queue a run and another may process it.
    """
    began: dict[str, str] = {}
    last: dict[str, _Run] = {}
    select = Select(since=since, sources=frozenset({source}), kinds=frozenset({RUN}))
    for record in read_events(root, select, on_corrupt=ignore_corrupt):
        if record.writer in writers:
            event = _RUN.decode(record.line)
            began.setdefault(event.run, event.observed_at)
            last[event.run] = event
    waiting = {run: event for run, event in last.items() if event.state in _RUNNING_STATES}
    is_written = any(is_locked(root, source, writer) for writer in writers)
    started = frozenset() if is_written else _started_runs(root, source, waiting)
    for run, event in last.items():
        is_complete = event.state in COMPLETE_STATES and not event.partial
        if is_complete or (run in waiting and is_written):
            continue
        state = "partial" if event.partial else event.state
        if run in waiting:
            state = "never ended" if run in started else "queued, not started"
        named = " ".join(part for part in (event.listing, state) if part)
        reason = f"{named}: {event.why}" if event.why else named
        since_us, until_us = parse_us(began[run]), parse_us(event.observed_at)
        yield Gap(source, RUN, since_us, until_us + 1, reason, run)


def _started_runs(root: Path, source: str, waiting: Mapping[str, _Run]) -> frozenset[str]:
    """Returns those runs that got a response, or gave a page up, after they were queued.

    `waiting`: the last `run` event of each, which queued it.
    """
    if not waiting:
        return frozenset()
    started: set[str] = set()
    first = min(parse_us(event.observed_at) for event in waiting.values())
    select = Select(since=first, sources=frozenset({source}), kinds=_RESPONSES)
    for record in read_events(root, select, on_corrupt=ignore_corrupt):
        response = _RESPONSE.decode(record.line)
        event = waiting.get(response.run)
        if event is not None and response.observed_at >= event.observed_at:
            started.add(response.run)
            if len(started) == len(waiting):
                break
    return frozenset(started)
