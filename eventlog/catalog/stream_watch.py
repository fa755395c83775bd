"""Notices new streams in a log that is polled, at the cost of a few timestamps.

A writer that begins a stream creates a lock file in the folder of its source, and a stream that
is copied into the log usually has a segment of the newest day. Only the timestamps of these
folders are compared. All others are compared from time to time.

Two changes within the resolution of a timestamp leave the same one. Therefore all folders are
compared more often while the last change was recent.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, SETTLED_US, FolderStamp, FolderTimes
from eventlog.catalog.index import DaySummary, read_indexes
from eventlog.catalog.lookup import streams_of
from eventlog.files.listing import list_dates, list_sources
from eventlog.format.paths import log_dir

_COMPLETE_EVERY = 50
"""Number of polls after which the timestamps of all folders are compared."""
_RECENT_EVERY = 25
"""The same number while one of the watched folders has changed recently."""


@attrs.define
class StreamWatch:
    """The state of the folders at the last complete comparison."""

    root: Path
    times: FolderTimes = REAL_TIMES
    polls: int = 0
    stamps: Mapping[str, FolderStamp | None] | None = None
    """The timestamps of the watched folders; None before the first poll."""
    is_settled: bool = False
    """Whether they were old then, so that every later change gives other ones."""
    days: Sequence[tuple[str, tuple[DaySummary, ...]]] | None = None
    """The days of each source at the last complete comparison."""


def poll_streams(watch: StreamWatch) -> list[tuple[str, str]]:
    """Returns every (source, writer) with a segment in the log, or none if no folder changed.

    Folders that changed recently count as changed whenever all are compared.
    """
    watch.polls += 1
    every = _COMPLETE_EVERY if watch.is_settled else _RECENT_EVERY
    if watch.polls % every and _is_unchanged(watch):
        return []
    now = watch.times.now()
    stamps = {folder: watch.times.stamp(folder) for folder in _watched_folders(watch.root)}
    newest = max((stamp.changed_us for stamp in stamps.values() if stamp), default=0)
    watch.stamps, watch.is_settled = stamps, now - newest >= SETTLED_US
    indexes = [*read_indexes(watch.root, watch.times)]
    days = [(index.source, index.days) for index in indexes]
    is_same = days == watch.days and not any(index.unsettled for index in indexes)
    watch.days = days
    return [] if is_same else streams_of(indexes)


def _is_unchanged(watch: StreamWatch) -> bool:
    stamps = watch.stamps
    return stamps is not None and stamps == {f: watch.times.stamp(f) for f in stamps}


def _watched_folders(root: Path) -> list[str]:
    """Returns the folder of the log, those of the sources, and the newest day of each source."""
    log = str(log_dir(root))
    sources = list_sources(root)
    newest = [f"{log}/{name}/{date}" for name in sources for date in list_dates(root, name)[-1:]]
    return [log, *(f"{log}/{name}" for name in sources), *newest]
