"""What is kept of unchanged views: position and drift, and since when no entity changed."""

from pathlib import Path

import attrs

from projector.kept_answers import keep, recall

_NAME = "summary"
_QUIET = "quiet"


@attrs.frozen
class DriftedPath:
    """A path in the bodies of a type that is new, has another type, or vanished."""

    source: str
    type: str
    path: str
    """JSON Pointer in which `*` is any element of an array."""
    change: str
    """`new`, `retyped` or `vanished`."""
    changed_at: int
    """Instant in microseconds."""
    types_before: tuple[str, ...]
    """JSON types of the values before the change."""
    types: tuple[str, ...]
    """JSON types of the values since the change."""
    segment: str
    """Segment of an event that shows the change."""
    seq: int
    """Seq of that event."""


@attrs.frozen
class ViewsSummary:
    """The position of the views, and their drift since an instant."""

    last_instant: int | None
    """Instant of the last event that the views contain, in microseconds."""
    since: int
    """Instant in microseconds, inclusive."""
    drift: tuple[DriftedPath, ...]
    """Oldest first."""


def known_summary(root: Path, since: int, state: bytes | None) -> ViewsSummary | None:
    """Returns the summary that was kept for this state of the views, if it reaches back to `since`.

    Law: it equals `summarize_views`.
    """
    kept = recall(root, _NAME, state, ViewsSummary)
    if kept is None or kept.since > since:
        return None
    drift = tuple(path for path in kept.drift if path.changed_at >= since)
    return ViewsSummary(kept.last_instant, since, drift)


def keep_summary(root: Path, summary: ViewsSummary, state: bytes | None) -> None:
    """Keeps a summary of this state of the views."""
    keep(root, _NAME, state, summary)


def is_known_quiet(root: Path, since: int, state: bytes | None) -> bool:
    """Returns whether these views are known to have no change at or after an instant (µs)."""
    kept = recall(root, _QUIET, state, int)
    return kept is not None and kept <= since


def keep_quiet(root: Path, since: int, state: bytes | None) -> None:
    """Keeps that these views have no change at or after an instant, in any shape of an entity."""
    keep(root, _QUIET, state, since)
