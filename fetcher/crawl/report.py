"""Reports of a sync: its progress while it runs, and its result."""

from collections.abc import Callable

import attrs

RECEIVED, REFUSED, UNANSWERED = "received", "refused", "unanswered"
"""Kinds of outcomes of requests: a successful response, a refusal (4xx), anything else."""
_TEMPORARY = frozenset({"throttled", "server"})
"""Error classes of the statuses 408, 425 and 429, which are no refusals."""


def outcome_of(status: int | None, error_class: str | None = None) -> str:
    """Returns the kind of outcome of a request, by its last status and its error class."""
    if status is None or error_class in _TEMPORARY:
        return UNANSWERED
    if error_class is None and 200 <= status < 300:
        return RECEIVED
    return REFUSED if 400 <= status < 500 else UNANSWERED


@attrs.frozen(kw_only=True)
class ListingReport:
    """Progress or result of one run of a listing."""

    listing: str
    run: str
    state: str = "started"
    """`started` while the run is in progress; then `completed`, `partial`, `failed`, `paused`
    or `cancelled`.
    """
    pages: int = 0
    entities: int = 0
    """Entities of the listing itself, without those embedded in them."""
    stored: int = 0
    unchanged: int = 0
    anomalies: int = 0
    doubtful: int = 0
    """Pages that contain something that could not be named, or contradict themselves."""
    failures: int = 0
    """Requests that were given up."""
    outcomes: frozenset[str] = frozenset()
    """Kinds of outcomes that requests had in this process: `received`, `refused` and
    `unanswered`.
    """
    is_host_down: bool = False
    """Whether a request was given up during an outage."""
    splitters_lost: int = 0
    """Splitter processes that ended unexpectedly; their pages were split in this process."""
    why: str | None = None
    """Reason why the run is not completed, which entities were skipped, or what is unusual."""


@attrs.frozen
class Progress:
    """Progress of one listing of a sync."""

    source: str
    listing: ListingReport
    expected: int | None = None
    """Total number of requests, if it is known."""


@attrs.frozen
class RunReport:
    """Result of a sync."""

    source: str
    epoch: str
    listings: tuple[ListingReport, ...]

    def total(self, name: str) -> int:
        """Returns the sum of one count, such as `pages`, over all listings."""
        return sum(int(getattr(listing, name)) for listing in self.listings)


OnProgress = Callable[[Progress], None]
"""Called after every page, and when a run ends."""


def ignore_progress(progress: Progress) -> None:
    """Does nothing."""
