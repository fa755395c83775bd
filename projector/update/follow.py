"""Keeps the views up to date while the log grows."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from projector.definition import Definition
from projector.folders import views_dir
from projector.parts.build import Report, silent
from projector.update.update import UpdateReport, update

INTERVAL_S = 0.5
"""Seconds between two checks whether the log has grown."""


def follow_log(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    stopped: Callable[[], bool] = lambda: False,
    jobs: int = 1,
    report: Report = silent,
    definitions: Sequence[Definition] | None = None,
    on_update: Callable[[UpdateReport], None] = lambda _: None,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Updates the views whenever the log has grown, until `stopped` returns True.

    `on_update` is called with the report of each update. Parts that failed are in the report and
    are built again by the next update. Errors of the archive itself are raised.
    """
    last: object = None
    while not stopped():
        current = _signature(root)
        if current != last:
            on_update(update(root, views, jobs=jobs, report=report, definitions=definitions))
            last = current
        wait(INTERVAL_S)


def _signature(root: Path) -> object:
    """Returns a value that changes with the log: time stamps of heads and of day folders."""
    views_dir(root)  # raises an error if the folder is no archive
    heads = sorted((root / "state" / "heads").glob("*/*.json"))
    days = sorted((root / "log").glob("*/*"))
    return [(path.name, _stamp(path)) for path in (*heads, *days)]


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
