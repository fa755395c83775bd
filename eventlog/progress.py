"""How long work reports how far it is: a function that is passed down, and that the program shows.

The packages below the program do not know what it shows, or where.
"""

from collections import Counter
from collections.abc import Callable, Mapping

ReportProgress = Callable[[str, int, int | None], None]
"""Takes what is counted (`segments read`), the number so far, and the number of all of them: None
if that is not known. It may be called often, and in any thread."""

ReportOne = Callable[[str], None]
"""Reports that one more was done of what it takes, a key of the totals."""


def no_progress(_what: str, _done: int, _total: int | None) -> None:
    """Ignores the progress."""


def count_steps(report: ReportProgress, totals: Mapping[str, int]) -> ReportOne:
    """Returns a function that counts what is done, up to its total if that is known."""
    counts = Counter[str]()

    def report_one(unit: str) -> None:
        counts[unit] += 1
        total = totals.get(unit)
        report(unit, counts[unit] if total is None else min(counts[unit], total), total)

    return report_one
