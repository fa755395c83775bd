"""`status`: the state of each source, of the log and of the views, on one screen."""

import sys
from pathlib import Path
from typing import Any

import click

from cli.commands.archive.status_of_sources import source_state
from cli.commands.archive.status_of_views import status_of_views
from cli.commands.archive.status_screen import archive_facts, screen_lines
from cli.options.global_options import archive, config, global_options, stdout_is_terminal
from cli.output.emit import choose_output, emit, output_options

_COLUMNS = (
    *("source", "last_run", "last_run_state", "last_event", "ago", "events_per_hour"),
    *("errors_24h", "open", "sealed", "bytes", "next_run", "last_success", "queued"),
    *("hours_without_data_24h", "bytes_per_day"),
)
_REFRESH_S = 2.0


@click.command(
    epilog="Example: hindlog status --watch",
    short_help="The state of each source, the log and the views.",
)
@click.option("--watch", is_flag=True, help="Update the screen every two seconds until Ctrl-C.")
@output_options
@global_options
def status(watch: bool, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Prints the state of each source, of the log and of the views.

    For each source: what runs now and what is queued, the last completed run and the next one,
    events, errors and notes of the last 24 hours, the size of its log. For the archive: how far
    the views are behind the log, schema drift, free space and growth, the mirror. Averages are
    over the time for which there are events. JSON is one object; other formats have one row per
    source.
    """
    from eventlog.clock import now_us

    root = archive()
    if watch:
        _watch(root, fmt, as_json, output)
        return
    is_chosen = bool(fmt or as_json or output)
    to = choose_output(fmt, as_json, output)
    now = now_us()
    state = collect_status(root, now)
    if to.format == "json" and to.path is None:
        import orjson

        sys.stdout.write(orjson.dumps(state).decode() + "\n")
        return
    if stdout_is_terminal() and not is_chosen:
        sys.stdout.write("\n".join(screen_lines(state, _width(), now)) + "\n")
        return
    emit(_COLUMNS, [tuple(source[name] for name in _COLUMNS) for source in state["sources"]], to)
    if not is_chosen:
        for name, text in (*archive_facts(state), *_notes(state)):
            sys.stdout.write(f"{name}\t{text}\n")


def _watch(root: Path, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Draws the screen again and again, on a terminal. A signal ends it, with its exit code."""
    import time

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from eventlog.clock import now_us

    if fmt or as_json or output:
        raise click.UsageError("--watch draws a screen: it excludes --format, --json and --output")
    if not stdout_is_terminal():
        raise click.UsageError("--watch needs a terminal; without one: hindlog status --json")
    console = Console(file=sys.stdout)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            now = now_us()
            lines = screen_lines(collect_status(root, now), console.width, now)
            live.update(Text("\n".join(lines), no_wrap=True), refresh=True)
            time.sleep(_REFRESH_S)


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _notes(state: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("note", f"{source['source']} {note}")
        for source in state["sources"]
        for note in source["notes_24h"]
    ]


def collect_status(root: Path, now: int) -> dict[str, Any]:
    """Returns the state of an archive at an instant, as the JSON object of `status --json`."""
    from eventlog.catalog.index import read_index
    from eventlog.catalog.lookup import writers_of
    from eventlog.files.listing import list_sources

    loaded = config(root)
    settings = loaded.source
    indexes = (read_index(root, name) for name in sorted({*settings, *list_sources(root)}))
    sources = [
        source_state(root, index, settings.get(index.source), now)
        for index in indexes
        if index.source in settings or writers_of(index)
    ]
    last_event = max((source["last_event"] or "" for source in sources), default="")
    return {
        "archive": str(root),
        "sources": sources,
        "mirror": _mirror_state(root, loaded.mirror.url, now),
        "views": status_of_views(root, now, last_event or None),
        "disk": disk_state(root, [source["bytes_per_day"] for source in sources]),
    }


def disk_state(root: Path, growth: list[int | None]) -> dict[str, int | None]:
    """Returns free space, growth a day (None if it is not known), and the days until it is full."""
    import shutil

    from eventlog.files.disk import RESERVE_BYTES

    free = shutil.disk_usage(root).free
    known = [size for size in growth if size is not None]
    a_day = sum(known) if known else None
    days = max(0, free - RESERVE_BYTES) // a_day if a_day else None
    return {"free_bytes": free, "bytes_per_day": a_day, "days_until_full": days}


def _mirror_state(root: Path, url: str | None, now: int) -> dict[str, Any] | None:
    """Returns how far the mirror is behind, as far as this folder knows; None without a mirror."""
    if url is None:
        return None
    from cli.options.times import format_ago
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


COMMANDS = (status,)
