"""Notices new streams in a log that is polled, at the cost of a few timestamps.

A writer that begins a stream creates a lock file in the folder of its source, and a stream that
is copied into the log usually has a segment of the newest day. Only the timestamps of these
folders are compared. All others are compared from time to time.
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


@attrs.define
class StreamWatch:
    """The state of the folders at the last complete comparison."""

    root: Path
    times: FolderTimes = REAL_TIMES
    polls: int = 0
    stamps: Mapping[Path, FolderStamp | None] | None = None
    """None: the next poll compares all folders, since these changed recently."""
    days: Sequence[tuple[str, tuple[DaySummary, ...]]] | None = None
    """The days of each source at the last complete comparison."""


def poll_streams(watch: StreamWatch) -> list[tuple[str, str]]:
    """Returns every (source, writer) with a segment in the log, or none if no folder changed.

    Folders that changed recently count as changed.
    """
    watch.polls += 1
    if watch.polls % _COMPLETE_EVERY and _is_unchanged(watch):
        return []
    now = watch.times.now()
    stamps = {folder: watch.times.stamp(folder) for folder in _watched_folders(watch.root)}
    newest = max((stamp.changed_us for stamp in stamps.values() if stamp), default=0)
    watch.stamps = stamps if now - newest >= SETTLED_US else None
    indexes = [*read_indexes(watch.root, watch.times)]
    days = [(index.source, index.days) for index in indexes]
    is_same = days == watch.days and not any(index.unsettled for index in indexes)
    watch.days = days
    return [] if is_same else streams_of(indexes)


def _is_unchanged(watch: StreamWatch) -> bool:
    stamps = watch.stamps
    return stamps is not None and stamps == {f: watch.times.stamp(f) for f in stamps}


def _watched_folders(root: Path) -> list[Path]:
    """Returns the folder of the log, those of the sources, and the newest day of each source."""
    log = log_dir(root)
    sources = list_sources(root)
    newest = [log / source / date for source in sources for date in list_dates(root, source)[-1:]]
    return [log, *(log / source for source in sources), *newest]
