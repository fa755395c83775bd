"""Reports how many days are being read because the catalog has no current entry of them.

Every reader of the log may have to read many days, so the function that reports them is not passed
through all of these: it applies to what runs inside `reporting_days`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DaysRead = Callable[[str, int, int], None]
"""Called after each day, with the source, the number of days read, and of those to read."""


def _say_nothing(source: str, done: int, total: int) -> None:
    pass


_REPORT: ContextVar[DaysRead] = ContextVar("report", default=_say_nothing)


@contextmanager
def reporting_days(report: DaysRead) -> Iterator[None]:
    """Calls `report` for the days that are read inside the context."""
    token = _REPORT.set(report)
    try:
        yield
    finally:
        _REPORT.reset(token)


def report_day(source: str, done: int, total: int) -> None:
    """Reports that `done` of `total` days of a source have been read."""
    _REPORT.get()(source, done, total)
