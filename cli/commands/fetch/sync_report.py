"""The result of a sync for the user: its exit code, and a line for each listing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fetcher.crawl.report import ListingReport


_REFUSED = ("refused", "region")
"""Error classes for which upstream refuses permanently."""


_TEMPORARY = ("connect", "timeout", "broken", "throttled", "server", "wall", "not_json")
"""Error classes that may be gone when the sync is run again later."""


def sync_exit_code(listings: "tuple[ListingReport, ...]") -> int:
    """Returns the exit code of a sync.

    0: every listing is complete. 3: some pages were fetched. 5 or 7: no page was fetched,
    because upstream refused (5) or because of a temporary error (7).
    """
    if all(listing.state == "completed" for listing in listings):
        return 0
    if any(listing.pages for listing in listings):
        return 3
    classes = {listing.why.partition(":")[0] for listing in listings if listing.why}
    if classes & set(_REFUSED):
        return 5
    return 7 if classes & set(_TEMPORARY) else 3


def listing_line(source: str, report: "ListingReport") -> str:
    """Returns state, counts and problems of one listing as a line for the user."""
    summary = (
        f"{source} {report.listing or report.run}: {report.state}, {report.pages} responses, "
        f"{report.entities} entities ({report.stored} new or changed, "
        f"{report.unchanged} unchanged)"
    )
    problems = [f"{report.anomalies} anomalies"] if report.anomalies else []
    problems += [f"{report.failures} requests given up"] if report.failures else []
    if report.splitters_lost:
        problems.append("a splitter process ended unexpectedly; its pages were split without it")
    problems += [report.why] if report.why else []
    return "; ".join((summary, *problems))
