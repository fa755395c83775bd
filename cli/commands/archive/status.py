"""`status`: the state of each source, of the log and of the views."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.commands.archive.status_of_views import DRIFT_DAYS, status_of_views
from cli.options.global_options import archive, config, global_options, stdout_is_terminal
from cli.output.emit import choose_output, emit

if TYPE_CHECKING:
    from eventlog.catalog.index import SourceIndex

_COLUMNS = (
    *("source", "last_run", "last_run_state", "last_event", "ago", "events_per_hour"),
    *("errors_24h", "open", "sealed", "bytes", "next_run"),
)


@click.command(
    epilog="Example: hindlog status --json",
    short_help="The state of each source, the log and the views.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@global_options
def status(as_json: bool) -> None:
    """Prints the state of each source, of the log and of the views.

    For each source: the last run, the last event, events, errors and notes of the last 24 hours,
    the size of its log and the next run. For the views: the instant up to which they are built.
    """
    import orjson

    from eventlog.clock import now_us

    state = collect_status(archive(), now_us())
    if as_json:
        sys.stdout.write(orjson.dumps(state).decode() + "\n")
        return
    rows = [tuple(source.get(name) for name in _COLUMNS) for source in state["sources"]]
    emit(_COLUMNS, rows, choose_output(None, False, None))
    if stdout_is_terminal():
        sys.stdout.write("\n")
    for name, title, text in _summary_lines(state):
        sys.stdout.write(f"{title}: {text}\n" if stdout_is_terminal() else f"{name}\t{text}\n")


def _summary_lines(state: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns name, title and text of each line below the table of sources."""
    views = state["views"]
    position = (
        "not built yet: hindlog view update"
        if views["position"] is None
        else f"{views['position']}, {views['lag']}"
    )
    drift = f"{len(views['drift'])} in {DRIFT_DAYS} days"
    if views["drift"]:
        drift += ": hindlog sql 'FROM log.drift ORDER BY changed_at DESC'"
    lines = [("views", "views up to", position), ("drift", "new, retyped or vanished paths", drift)]
    lines += [
        ("note", "note of the last 24 hours", f"{source['source']} {note}")
        for source in state["sources"]
        for note in source["notes_24h"]
    ]
    if state["mirror"] is not None:
        lines.append(("mirror", "mirror", _mirror_text(state["mirror"])))
    absent, missing, lost = (
        sum(source[name] for source in state["sources"]) for name in ("absent", "missing", "lost")
    )
    if absent:
        lines.append(("absent", "segments in the mirror only", str(absent)))
    if missing or lost:
        counts = f"{missing} missing, {lost} accepted as lost: hindlog segment list"
        lines.append(("segments", "segments", counts))
    return lines


def collect_status(root: Path, now: int) -> dict[str, Any]:
    """Returns the state of an archive at an instant, as the JSON object of `status --json`."""
    from eventlog.catalog.index import read_index
    from eventlog.catalog.lookup import writers_of
    from eventlog.files.listing import list_sources

    settings = config(root).source
    indexes = (read_index(root, name) for name in sorted({*settings, *list_sources(root)}))
    sources = [
        _source_state(root, index, settings.get(index.source), now)
        for index in indexes
        if index.source in settings or writers_of(index)
    ]
    return {
        "archive": str(root),
        "sources": sources,
        "mirror": _mirror_state(root, now),
        "views": status_of_views(root, now),
    }


def _mirror_state(root: Path, now: int) -> dict[str, Any] | None:
    """Returns how far the mirror is behind, as far as this folder knows; None without a mirror."""
    from cli.options.times import format_ago

    url = config(root).mirror.url
    if url is None:
        return None
    from eventlog.mirror.plan.lag import mirror_lag

    lag = mirror_lag(root, url.rstrip("/"))
    return {
        "url": url,
        "segments": lag.segments,
        "bytes": lag.size,
        "behind": None if lag.oldest_us is None else format_ago(lag.oldest_us, now),
        "left_out": ["/".join(stream.key) for stream in lag.stopped],
        "pushed_at": lag.pushed_at,
        "checked_at": lag.check.at if lag.check else None,
        "check_is_clean": lag.check.is_clean if lag.check else None,
        "missing": len(lag.check.missing) if lag.check else None,
    }


def _mirror_text(mirror: dict[str, Any]) -> str:
    """Returns the state of the mirror as one line."""
    behind = f"{mirror['segments']} segments, {mirror['bytes']:,} bytes, since {mirror['behind']}"
    text = behind if mirror["segments"] else "every sealed segment is in it"
    left_out = f"; left out: {', '.join(mirror['left_out'])}" if mirror["left_out"] else ""
    checked = ""
    if mirror["checked_at"]:
        result = "clean" if mirror["check_is_clean"] else "not clean: hindlog sync check"
        if mirror["missing"]:
            result = f"{mirror['missing']} objects missing: hindlog sync push --again"
        checked = f"; last check {mirror['checked_at'][:10]}, {result}"
    return f"{mirror['url']}: {text}{left_out}{checked}"


def _source_state(root: Path, index: "SourceIndex", settings: Any, now: int) -> dict[str, Any]:
    """Returns the state of one source."""
    from cli.options.times import format_ago, format_time
    from eventlog.catalog.lookup import count_absent, count_segments
    from eventlog.clock import DAY
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events
    from fetcher.service.schedule import next_slot

    name, totals, absent = index.source, count_segments(index), count_absent(index)
    last = next(iter(read_events(root, Select(sources=frozenset({name})), backwards=True)), None)
    at = last.position.observed_at if last else None
    events = _event_count(root, name, now - DAY)
    due = next_slot(settings.schedule, now) if settings and settings.enabled else None
    return {
        "source": name,
        "last_event": None if at is None else format_time(at),
        "ago": None if at is None else format_ago(at, now),
        **_last_run(root, name),
        "events_24h": events,
        "events_per_hour": round(events / 24, 1),
        "errors_24h": _error_count(root, name, now - DAY),
        "notes_24h": _run_notes(root, name, now - DAY),
        "open": totals.open,
        "sealed": totals.sealed,
        "absent": absent,
        "missing": totals.missing - absent,
        "lost": totals.lost,
        "bytes": totals.zst_bytes + _unsealed_bytes(root, index),
        "next_run": None if due is None else format_time(due),
    }


def _last_run(root: Path, source: str) -> dict[str, str | None]:
    """Returns the instant of the latest `run` event, and the run with its state then."""
    from cli.options.times import format_time
    from eventlog.format.event import RUN
    from eventlog.format.event_codec import decode
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events

    select = Select(sources=frozenset({source}), kinds=frozenset({RUN}))
    for record in read_events(root, select, backwards=True):
        line = decode(record.line)
        at = format_time(record.position.observed_at)
        return {"last_run": at, "last_run_state": f"{line.run}: {_state(record.line)}"}
    return {"last_run": None, "last_run_state": None}


_MAX_NOTES = 5
"""Notes per source; the latest come first."""


def _run_notes(root: Path, source: str, since: int) -> list[str]:
    """Returns what runs reported: why one is not complete, or that a list became empty.

    If a segment cannot be read, the last note says so; the others are those after it.
    """
    import orjson

    from eventlog.errors import Corrupt
    from eventlog.format.event import RUN
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events

    select = Select(since=since, sources=frozenset({source}), kinds=frozenset({RUN}))
    notes: dict[str, None] = {}
    try:
        for record in read_events(root, select, backwards=True):
            members = orjson.loads(record.line)
            if members.get("why"):
                notes[f"{members.get('listing') or members['run']}: {members['why']}"] = None
            if len(notes) == _MAX_NOTES:
                break
    except Corrupt as error:
        notes[f"earlier notes cannot be read: {error.what}"] = None
    return list(notes)


def _state(line: bytes) -> str:
    import orjson

    return str(orjson.loads(line).get("state"))


def _error_count(root: Path, source: str, since: int) -> int:
    """Returns the number of pages given up and of responses that could not be split."""
    from eventlog.format.event import ANOMALY, PAGE_FAILED
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events

    kinds = frozenset({PAGE_FAILED, ANOMALY})
    select = Select(since=since, sources=frozenset({source}), kinds=kinds)
    return sum(1 for _ in read_events(root, select))


def _event_count(root: Path, source: str, since: int) -> int:
    """Returns the number of events in the segments of the hours from `since` on."""
    from eventlog.catalog.lookup import days_between
    from eventlog.files.listing import read_manifest
    from eventlog.read.segment_lines import segment_blocks

    count = 0
    for folders in days_between(root, [source], since):
        for name, entry in (segment for folder in folders for segment in folder.segments):
            if name.starts_at < since:
                continue
            if entry.has_manifest:
                count += (entry.facts or read_manifest(root, name)).rows
            else:
                count += sum(block.count(b"\n") for block in segment_blocks(root, name))
    return count


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


COMMANDS = (status,)
