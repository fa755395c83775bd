"""Keeps the views up to date while the log grows.

    poll      twice a second: the timestamps of heads, and of the newest day folders
    look      if one of them differs, and from time to time: the state of the log
    update    if it is another one than the last update read

A log to which nothing is added therefore costs a few system calls.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from eventlog.catalog.file_watch import FileWatch, may_have_changed
from eventlog.catalog.stream_watch import StreamWatch, poll_streams
from eventlog.progress import ReportProgress, no_progress
from projector.cluster.engine import LOCAL, Engine
from projector.definition import Definition
from projector.folders import views_dir
from projector.update.last_update import NO_LOG, read_log_state, same_segments
from projector.update.update import UpdateReport, update

INTERVAL_S = 0.5
"""Seconds between two polls."""


def follow_log(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    stopped: Callable[[], bool] = lambda: False,
    jobs: int = 1,
    report: ReportProgress = no_progress,
    definitions: Sequence[Definition] | None = None,
    on_update: Callable[[UpdateReport], None] = lambda _: None,
    wait: Callable[[float], None] = time.sleep,
    engine: Engine = LOCAL,
) -> None:
    """Updates the views, and again whenever the log has grown, until `stopped` returns True.

    `on_update` is called with the report of each update. Parts that failed are in the report and
    are built again by the next update. Errors of the archive itself are raised.
    """
    watch = LogWatch(StreamWatch(root))
    log = None
    while not stopped():
        views_dir(root)  # raises an error if the folder is no archive
        if log_may_have_changed(watch) or log is None:
            state = read_log_state(root, log or NO_LOG)
            if log is None or not same_segments(state, log):
                on_update(
                    update(
                        root,
                        views,
                        jobs=jobs,
                        report=report,
                        definitions=definitions,
                        engine=engine,
                    )
                )
            log = state
        wait(INTERVAL_S)


@attrs.define
class LogWatch:
    """The timestamps of a log at the last poll."""

    streams: StreamWatch
    heads: dict[Path, FileWatch] = attrs.field(factory=dict)


def log_may_have_changed(watch: LogWatch) -> bool:
    """Returns whether the log may differ from what it was at the last call.

    A change of an old day folder alone is noticed after up to 50 calls.
    """
    known, days = watch.heads, watch.streams.days
    paths = (watch.streams.root / "state" / "heads").glob("*/*.json")
    watch.heads = {path: known.get(path) or FileWatch(path) for path in paths}
    changed = [path for path, head in watch.heads.items() if may_have_changed(head)]
    poll_streams(watch.streams)
    return bool(changed or known.keys() - watch.heads or watch.streams.days != days)
