"""Following: views that keep up with the log while it is written."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from projector.folders import views_dir
from projector.parts.build import Report, silent
from projector.update.update import UpdateReport, update

INTERVAL_S = 0.5
"""Between two looks at the log."""


def follow(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    stopped: Callable[[], bool],
    jobs: int = 1,
    report: Report = silent,
    done: Callable[[UpdateReport], None] = lambda _: None,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Update whenever the log has grown, until `stopped` says so.

    `done` gets what each update did. What goes wrong with one part is in its report and
    is tried again with the next; errors of the archive itself are raised.
    """
    seen: object = None
    while not stopped():
        now = _signature(root)
        if now != seen:
            done(update(root, views, jobs=jobs, report=report))
            seen = now
        wait(INTERVAL_S)


def _signature(root: Path) -> object:
    """Something that changes when the log does: the heads of writers, and the day folders."""
    views_dir(root)  # refuses what is no archive
    heads = sorted((root / "state" / "heads").glob("*/*.json"))
    days = sorted((root / "log").glob("*/*"))
    return [(path.name, _stamp(path)) for path in (*heads, *days)]


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
