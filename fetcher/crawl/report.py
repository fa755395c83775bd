"""Reports: what a sync says while it runs, and at its end."""

from collections.abc import Callable

import attrs


@attrs.frozen(kw_only=True)
class ListingReport:
    """What came of one listing."""

    listing: str
    run: str
    state: str = "started"
    """`completed`, `partial`, `failed`, or `started` while it runs."""
    pages: int = 0
    entities: int = 0
    stored: int = 0
    unchanged: int = 0
    anomalies: int = 0
    failures: int = 0
    """Requests given up."""
    splitters_lost: int = 0
    """Processes that took its pages apart and ended before it did: done without them."""
    why: str | None = None
    """Why it is partial or failed."""


@attrs.frozen
class Progress:
    """Where a sync stands."""

    source: str
    listing: ListingReport
    expected: int | None = None
    """Requests there will be, where that is known."""


@attrs.frozen
class RunReport:
    """What came of a sync."""

    source: str
    epoch: str
    listings: tuple[ListingReport, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every listing came to its end."""
        return all(each.state == "completed" for each in self.listings)

    def total(self, name: str) -> int:
        """The sum of one count over all listings."""
        return sum(int(getattr(each, name)) for each in self.listings)


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Says nothing."""
