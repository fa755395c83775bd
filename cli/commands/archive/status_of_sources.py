"""What `status` says of one source: what runs, what waits, what was seen, what its log takes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventlog.catalog.index import SourceIndex
    from fetcher.state.task import Task

_MAX_NOTES = 5
"""Notes per source; the latest come first."""
_GROWTH_DAYS = 7
"""Past days whose growth is averaged."""
_SUCCESS_DAYS = 7
"""Past days in which the last successful run is looked for."""


def source_state(root: Path, index: "SourceIndex", settings: Any, now: int) -> dict[str, Any]:
    """Returns the state of one source. Averages are over the time for which there are events."""
    from cli.options.times import format_ago, format_time
    from eventlog.catalog.lookup import count_absent, count_segments
    from eventlog.clock import DAY
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events
    from fetcher.service.schedule import next_slot

    name, totals, absent = index.source, count_segments(index), count_absent(index)
    last = next(iter(read_events(root, Select(sources=frozenset({name})), backwards=True)), None)
    at = last.position.observed_at if last else None
    events, hours = _count_events(root, name, now)
    due = next_slot(settings.schedule, now) if settings and settings.enabled else None
    return {
        "source": name,
        "last_event": None if at is None else format_time(at),
        "ago": None if at is None else format_ago(at, now),
        **run_facts(root, name, now),
        **_queue_state(root, name, now),
        "events_24h": events,
        "events_per_hour": round(events / hours, 1) if hours else 0.0,
        "errors_24h": _error_count(root, name, now - DAY),
        "hours_without_data_24h": _hours_without_data(index, now),
        "open": totals.open,
        "sealed": totals.sealed,
        "absent": absent,
        "missing": totals.missing - absent,
        "lost": totals.lost,
        "bytes": totals.zst_bytes + _unsealed_bytes(root, index),
        "bytes_per_day": bytes_per_day(index, now),
        "next_run": None if due is None else format_time(due),
    }


def bytes_per_day(index: "SourceIndex", now: int) -> int | None:
    """Returns by how much the sealed files grew on the last days, a day; None if they did not.

    Only whole days count, from the first day of the log on; without one, today.
    """
    from eventlog.clock import DAY, format_us

    today, start = (format_us(at)[:10] for at in (now, now - _GROWTH_DAYS * DAY))
    sizes = {day.date: sum(writer.zst_bytes for writer in day.writers) for day in index.days}
    if not any(size for date, size in sizes.items() if date >= start):
        return None
    first = max(start, min(sizes))
    whole = [size for date, size in sizes.items() if first <= date < today]
    if not whole:
        return sizes.get(today)
    days = round((_midnight(today) - _midnight(first)) / DAY)
    return sum(whole) // max(1, days)


def _midnight(date: str) -> int:
    from eventlog.clock import parse_us

    return parse_us(f"{date}T00:00:00.000000Z")


def _queue_state(root: Path, source: str, now: int) -> dict[str, Any]:
    """Returns what is being crawled, how many runs wait, and which listings have a backfill.

    Without the index of the queue nothing was crawled here, and the log is not read for it.
    """
    service = service_of(root, source)
    tasks = _unfinished_tasks(root, source, now)
    from fetcher.state.priority import is_backfill
    from fetcher.state.task import RUNNING

    waiting = [task for task in tasks if task.state != RUNNING]
    return {
        "service": service,
        "running": [task.listing or task.run for task in tasks if task.state == RUNNING],
        "queued": sum(not is_backfill(task) for task in waiting),
        "backfill": {
            task.listing or task.run: task.entities_before + task.entities
            for task in tasks
            if is_backfill(task)
        },
    }


def _unfinished_tasks(root: Path, source: str, now: int) -> "list[Task]":
    index = root / "state" / "queue" / f"{source}.sqlite"
    if not os.access(index, os.W_OK):  # it would be made from the whole log
        return []
    from fetcher.state.run_queue import close_queue, list_tasks, open_queue
    from fetcher.state.task import PENDING, RUNNING

    queue = open_queue(root, source)
    try:
        return list_tasks(queue, now, (PENDING, RUNNING))
    finally:
        close_queue(queue)


def service_of(root: Path, source: str) -> dict[str, Any] | None:
    """Returns the process that crawls a source, from the lock of its stream; None if none does."""
    from eventlog.files.stream_lock import lock_holder
    from eventlog.files.writer_ids import FETCH, roles_by_writer

    writers = [writer for writer, role in roles_by_writer(root).items() if role == FETCH]
    holders = (lock_holder(root, source, writer) for writer in writers)
    return next((holder for holder in holders if holder is not None), None)


def run_facts(root: Path, source: str, now: int) -> dict[str, Any]:
    """Returns the latest `run` event, when a run was completed last, and the notes of a day.

    Notes are why a run is not complete, or that a list became empty. If a segment cannot be read,
    the last note says so; the others are those after it. The events are read once, backwards.
    """
    import orjson

    from cli.options.times import format_time
    from eventlog.clock import DAY
    from eventlog.errors import Corrupt
    from eventlog.format.event import RUN
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events

    facts: dict[str, Any] = {"last_run": None, "last_run_state": None, "last_success": None}
    notes: dict[str, None] = {}
    select = Select(sources=frozenset({source}), kinds=frozenset({RUN}))
    try:
        for record in read_events(root, select, backwards=True):
            at, members = record.position.observed_at, orjson.loads(record.line)
            if facts["last_run"] is None:
                state = f"{members.get('run')}: {members.get('state')}"
                facts |= {"last_run": format_time(at), "last_run_state": state}
            if members.get("state") == "completed" and facts["last_success"] is None:
                facts["last_success"] = format_time(at)
            if members.get("why") and at >= now - DAY and len(notes) < _MAX_NOTES:
                notes[f"{members.get('listing') or members['run']}: {members['why']}"] = None
            is_done = facts["last_success"] or at < now - _SUCCESS_DAYS * DAY
            if is_done and (at < now - DAY or len(notes) == _MAX_NOTES):
                break
    except Corrupt as error:
        notes[f"earlier notes cannot be read: {error.what}"] = None
    return {**facts, "notes_24h": list(notes)}


def _error_count(root: Path, source: str, since: int) -> int:
    """Returns the number of pages given up and of responses that could not be split."""
    from eventlog.format.event import ANOMALY, PAGE_FAILED
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events

    kinds = frozenset({PAGE_FAILED, ANOMALY})
    select = Select(since=since, sources=frozenset({source}), kinds=kinds)
    return sum(1 for _ in read_events(root, select))


def _count_events(root: Path, source: str, now: int) -> tuple[int, float]:
    """Returns the number of events in the segments of the last 24 hours, and the hours from the
    first of these segments on: at most 24, at least a minute; 0 without a segment."""
    from eventlog.catalog.lookup import days_between
    from eventlog.clock import DAY, HOUR, MINUTE
    from eventlog.files.listing import read_manifest
    from eventlog.read.segment_lines import segment_blocks

    count, begins = 0, list[int]()
    for folders in days_between(root, [source], now - DAY):
        for name, entry in (segment for folder in folders for segment in folder.segments):
            if name.starts_at < now - DAY:
                continue
            begins.append(entry.facts.first_us if entry.facts else name.starts_at)
            if entry.has_manifest:
                count += (entry.facts or read_manifest(root, name)).rows
            else:
                count += sum(block.count(b"\n") for block in segment_blocks(root, name))
    if not begins:
        return 0, 0.0
    return count, min(max(now - min(begins), MINUTE), DAY) / HOUR


def _hours_without_data(index: "SourceIndex", now: int) -> int:
    """Returns how many of the last 24 whole hours have no segment, from the first one on."""
    from eventlog.clock import HOUR, format_us

    bits: dict[str, int] = {}
    for day in index.days:
        for writer in day.writers:
            bits[day.date] = bits.get(day.date, 0) | writer.hours
    hours = [format_us(now - (now % HOUR) - HOUR * count)[:13] for count in range(24, 0, -1)]
    filled = [bool(bits.get(hour[:10], 0) >> int(hour[11:]) & 1) for hour in hours]
    has_earlier = any(date < hours[0][:10] and value for date, value in bits.items())
    first = 0 if has_earlier else next((n for n, is_filled in enumerate(filled) if is_filled), 24)
    return filled[first:].count(False)


def _unsealed_bytes(root: Path, index: "SourceIndex") -> int:
    """Returns the size on disk of the segments without a readable manifest."""
    from eventlog.format.paths import open_path, sealed_path

    size = 0
    for day in index.days:
        if any(summary.unknown for summary in day.writers):
            for name, entry in index.day(day.date).segments:
                path = sealed_path(root, name) if entry.has_manifest else open_path(root, name)
                if entry.facts is None and path.exists():
                    size += path.stat().st_size
    return size
