"""The screen of `status`: one line per fact, at most two lines of notes per source. Pure."""

from typing import Any

from cli.commands.archive.status_of_views import DRIFT_DAYS
from cli.mirror.bucket import format_size
from cli.output.counts import count_of

_LABEL = 9
_FAR_DAYS = 3650
"""Days until the disk is full that are too many to be said."""
_NOTES = 1
"""Number of notes of a source that are shown; JSON has all of them."""


def screen_lines(state: dict[str, Any], width: int, now: int) -> list[str]:
    """Returns the lines of the screen at an instant, each of at most `width` characters."""
    from cli.output.progress.line import cut_off

    lines: list[str] = []
    for source in state["sources"]:
        facts = _source_facts(source, now) if _is_used(source) else [("unused", "not scheduled")]
        lines += [source["source"], *_aligned(facts), ""]
    lines += [f"{name:{_LABEL + 2}}{text}" for name, text in archive_facts(state)]
    return [cut_off(line, width) for line in lines]


def _is_used(source: dict[str, Any]) -> bool:
    """Returns whether a source is scheduled, queued, or in the log."""
    return any(source[name] for name in ("next_run", "queued", "running", "bytes", "last_event"))


def _aligned(facts: list[tuple[str, str]]) -> list[str]:
    return [f"  {name:{_LABEL}}{text}" for name, text in facts]


def _source_facts(source: dict[str, Any], now: int) -> list[tuple[str, str]]:
    """Returns label and text of each line about a source."""
    facts = [("now", _now_text(source))]
    success = _ago(source["last_success"], now) or "no completed run in 7 days"
    following = _ago(source["next_run"], now)
    facts.append(("success", f"{success}, next {following or 'run not scheduled'}"))
    last = f"; last one {source['ago']}" if source["ago"] else ""
    rate = f"{source['events_24h']:,} in 24 h, {source['events_per_hour']:,} an hour{last}"
    facts.append(("events", rate))
    hours = source["hours_without_data_24h"]
    gaps = f", {count_of(hours, 'hour')} without data: hindlog gaps" if hours else ""
    facts.append(("errors", f"{source['errors_24h']} in 24 h{gaps}"))
    segments = f"{source['sealed']:,} sealed, {count_of(source['open'], 'open segment')}"
    facts.append(("log", f"{format_size(source['bytes'])}, {segments}{_unusual(source)}"))
    notes = source["notes_24h"]
    facts += [("note", note) for note in notes[:_NOTES]]
    if len(notes) > _NOTES:
        facts.append(("", f"{count_of(len(notes) - _NOTES, 'more note')}: hindlog status --json"))
    return facts


def _unusual(source: dict[str, Any]) -> str:
    """Returns the counts of segments that are usually 0."""
    names = {
        "absent": "in the mirror only",
        "missing": "missing: hindlog segment list",
        "lost": "accepted as lost",
    }
    return "".join(f", {source[key]:,} {text}" for key, text in names.items() if source[key])


def _ago(time: str | None, now: int) -> str | None:
    from cli.options.times import format_ago, parse_time

    return None if time is None else format_ago(parse_time(time, now), now)


def _now_text(source: dict[str, Any]) -> str:
    service = source["service"]
    parts = ["no fetch run is running"]
    if service is not None:
        parts = [f"fetch run since {service['since'][:16]}Z (process {service['pid']})"]
    if source["running"]:
        parts.append(f"crawls {', '.join(source['running'])}")
    parts += [f"{source['queued']} queued"] if source["queued"] else []
    parts += [
        f"backfill of {listing} at {count:,}" for listing, count in source["backfill"].items()
    ]
    return ", ".join(parts)


def archive_facts(state: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns label and text of each line about the archive as a whole."""
    views, disk = state["views"], state["disk"]
    drift = f"{count_of(len(views['drift']), 'path')} in {DRIFT_DAYS} days"
    if views["drift"]:
        drift += ": hindlog sql 'FROM log.drift ORDER BY changed_at DESC'"
    facts = [("views", views_text(views)), ("drift", drift), ("disk", _disk_text(disk))]
    if state["mirror"] is not None:
        facts.append(("mirror", mirror_text(state["mirror"])))
    return facts


def views_text(views: dict[str, Any]) -> str:
    """Returns up to which instant the views are built, and how far they are behind."""
    if views["position"] is None:
        return "not built yet: hindlog view update"
    if views["behind"] is None:
        return f"current: up to the last event, {views['position']}"
    return f"{views['behind']} behind, up to {views['position']}: hindlog view update"


def _disk_text(disk: dict[str, Any]) -> str:
    text = f"{format_size(disk['free_bytes'])} free"
    if disk["bytes_per_day"] is None:
        return text
    days = disk["days_until_full"]
    full = "" if days is None or days > _FAR_DAYS else f", full in {count_of(days, 'day')}"
    return f"{text}, the log grows by {format_size(disk['bytes_per_day'])} a day{full}"


def mirror_text(mirror: dict[str, Any]) -> str:
    """Returns the state of the mirror as one line."""
    segments = count_of(mirror["segments"], "segment")
    behind = f"{segments}, {mirror['bytes']:,} bytes, since {mirror['behind']}"
    text = behind if mirror["segments"] else "everything sealed is there"
    left_out = f"; left out: {', '.join(mirror['left_out'])}" if mirror["left_out"] else ""
    checked = ""
    if mirror["checked_at"]:
        result = "clean" if mirror["check_is_clean"] else "not clean: hindlog sync check"
        if mirror["missing"]:
            result = f"{mirror['missing']} objects missing: hindlog sync push --again"
        checked = f"; last check {mirror['checked_at'][:10]}, {result}"
    return f"{mirror['url']}: {text}{left_out}{checked}"
