"""`status`: how each source, the log and the views stand."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options.global_options import archive, config, global_options, stdout_is_terminal
from cli.output.emit import choose_output, emit

if TYPE_CHECKING:
    from eventlog.files.listing import SegmentFiles

DRIFT_DAYS = 7


@click.command(
    epilog="Example: hindlog status --json",
    short_help="How each source, the log and the views stand.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@global_options
def status(as_json: bool) -> None:
    """How each source, the log and the views stand."""
    import orjson

    from eventlog.clock import now_us

    root = archive()
    found = collect_status(root, now_us())
    if as_json:
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
        return
    to = choose_output(None, False, None)
    columns = (
        *("source", "last_run", "last_run_state", "last_event", "ago", "events_per_hour"),
        *("errors_24h", "open", "sealed", "bytes", "next_run"),
    )
    rows = [tuple(each.get(name) for name in columns) for each in found["sources"]]
    emit(columns, rows, to)
    if stdout_is_terminal():
        sys.stdout.write("\n")
    told = found["views"]
    lag = (
        "not made yet: hindlog view update"
        if told["position"] is None
        else f"{told['position']}, {told['lag']}"
    )
    drift = f"{len(told['drift'])} in {DRIFT_DAYS} days"
    if told["drift"]:
        drift += ": hindlog sql 'FROM log.drift ORDER BY changed_at DESC'"
    lines = [("views", "views up to", lag), ("drift", "new, retyped or vanished paths", drift)]
    gone = [sum(each[name] for each in found["sources"]) for name in ("missing", "lost")]
    if any(gone):
        what = f"{gone[0]} missing, {gone[1]} given up: hindlog segment list"
        lines.append(("segments", "segments", what))
    for name, title, what in lines:
        sys.stdout.write(f"{title}: {what}\n" if stdout_is_terminal() else f"{name}\t{what}\n")


def collect_status(root: Path, now: int) -> dict[str, Any]:
    """What `status` tells, as a value."""
    from eventlog.files.listing import list_segments

    files = list_segments(root)
    settings = config(root).source
    names = sorted({*settings, *(each.name.source for each in files)})
    sources = [
        _source(root, name, [f for f in files if f.name.source == name], settings.get(name), now)
        for name in names
    ]
    return {"archive": str(root), "sources": sources, "views": _views(root, now)}


def _source(
    root: Path, name: str, files: "list[SegmentFiles]", settings: Any, now: int
) -> dict[str, Any]:
    from cli.options.times import format_ago, format_time
    from eventlog.clock import DAY
    from eventlog.files.listing import list_losses
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events
    from fetcher.service.schedule import next_slot

    last = next(iter(read_events(root, Select(sources=frozenset({name})), backwards=True)), None)
    at = last.position.observed_at if last else None
    recent = [each for each in files if each.name.starts_at >= now - DAY]
    events = sum(_rows(root, each) for each in recent)
    due = next_slot(settings.schedule, now) if settings and settings.enabled else None
    return {
        "source": name,
        "last_event": None if at is None else format_time(at),
        "ago": None if at is None else format_ago(at, now),
        **_last_run(root, name),
        "events_24h": events,
        "events_per_hour": round(events / 24, 1),
        "errors_24h": _errors(root, name, now - DAY),
        "open": sum(each.is_open and not each.is_sealed for each in files),
        "sealed": sum(each.is_sealed and each.has_zst for each in files),
        "missing": sum(not (each.has_zst if each.is_sealed else each.is_open) for each in files),
        "lost": len(list_losses(root, name)),
        "bytes": sum(_size(root, each) for each in files),
        "next_run": None if due is None else format_time(due),
    }


def _last_run(root: Path, source: str) -> dict[str, str | None]:
    """The latest word of any run: when, and how it stands."""
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


def _state(line: bytes) -> str:
    import orjson

    return str(orjson.loads(line).get("state"))


def _errors(root: Path, source: str, since: int) -> int:
    """Pages given up, and answers that could not be taken apart."""
    from eventlog.format.event import ANOMALY, PAGE_FAILED
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import read_events

    kinds = frozenset({PAGE_FAILED, ANOMALY})
    select = Select(since=since, sources=frozenset({source}), kinds=kinds)
    return sum(1 for _ in read_events(root, select))


def _rows(root: Path, files: "SegmentFiles") -> int:
    from eventlog.files.listing import read_manifest
    from eventlog.read.segment_lines import segment_blocks

    if files.is_sealed:
        return read_manifest(root, files.name).rows
    return sum(block.count(b"\n") for block in segment_blocks(root, files.name))


def _size(root: Path, files: "SegmentFiles") -> int:
    from eventlog.format.paths import open_path, sealed_path

    path = sealed_path(root, files.name) if files.is_sealed else open_path(root, files.name)
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _views(root: Path, now: int) -> dict[str, Any]:
    import attrs

    from cli.options.times import format_ago, format_time
    from eventlog.clock import DAY
    from eventlog.errors import NotFound
    from projector.query.drift import drift_since
    from projector.query.open_views import open_views
    from projector.query.view_info import last_instant

    try:
        connection = open_views(root)
    except NotFound:
        return {"position": None, "lag": None, "drift": []}
    try:
        at = last_instant(connection)
    finally:
        connection.close()
    drift = [
        {**attrs.asdict(each), "changed_at": format_time(each.changed_at)}
        for each in drift_since(root, now - DRIFT_DAYS * DAY)
    ]
    return {
        "position": None if at is None else format_time(at),
        "lag": None if at is None else format_ago(at, now),
        "drift": drift,
    }


COMMANDS = (status,)
