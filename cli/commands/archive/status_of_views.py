"""What `status` says of the views. Unchanged views are not queried, and DuckDB is not imported."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from projector.query.views_summary import ViewsSummary

DRIFT_DAYS = 7
"""Number of past days whose schema drift is counted."""


def status_of_views(root: Path, now: int, last_event: str | None = None) -> dict[str, Any]:
    """Returns position, lag and recent schema drift of the views; the position may be None.

    `last_event`: instant of the last event of the log. `behind` is the time from the position to
    it, None if there are no events after the position.
    """
    import attrs

    from cli.options.times import format_ago, format_time, parse_time

    summary = _views_summary(root, now)
    if summary is None:
        return {"position": None, "lag": None, "behind": None, "drift": []}
    at = summary.last_instant
    drift = [
        {**attrs.asdict(change), "changed_at": format_time(change.changed_at)}
        for change in summary.drift
    ]
    return {
        "position": None if at is None else format_time(at),
        "lag": None if at is None else format_ago(at, now),
        "behind": behind_text(at, None if last_event is None else parse_time(last_event, now)),
        "drift": drift,
    }


def behind_text(position: int | None, last_event: int | None) -> str | None:
    """Returns the time from the position of the views to the last event; None if none is later."""
    from cli.output.progress.line import duration_text
    from eventlog.clock import SECOND

    if position is None or last_event is None or last_event // SECOND <= position // SECOND:
        return None
    return duration_text((last_event - position) / SECOND)


def _views_summary(root: Path, now: int) -> "ViewsSummary | None":
    """Returns the summary of the views, without a query if they are unchanged."""
    from eventlog.clock import DAY
    from eventlog.errors import NotFound
    from projector.folders import find_views_file
    from projector.kept_answers import views_state
    from projector.query.views_summary import keep_summary, known_summary

    try:
        find_views_file(root.resolve() / "views")
    except NotFound:
        return None
    since = now - DRIFT_DAYS * DAY
    state = views_state(root)
    summary = known_summary(root, since, state)
    if summary is None:
        from projector.query.drift import summarize_views

        summary = summarize_views(root, since)
        keep_summary(root, summary, state)
    return summary
