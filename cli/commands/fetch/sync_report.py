"""How a sync ended: its exit code, and a line for each listing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fetcher.crawl.report import ListingReport


_REFUSED = ("refused", "region")


_TEMPORARY = ("connect", "timeout", "broken", "throttled", "server", "wall", "not_json")


def sync_exit_code(listings: "tuple[ListingReport, ...]") -> int:
    """The exit code of a sync: 0 complete, 3 in part; 5 or 7 where nothing came at all."""
    if all(each.state == "completed" for each in listings):
        return 0
    if any(each.pages for each in listings):
        return 3
    classes = {(each.why or "").partition(":")[0] for each in listings if each.why}
    if classes & set(_REFUSED):
        return 5
    return 7 if classes & set(_TEMPORARY) else 3


def listing_line(source: str, found: "ListingReport") -> str:
    """How one listing stands."""
    told = (
        f"{source} {found.listing or found.run}: {found.state}, {found.pages} responses, "
        f"{found.entities} entities ({found.stored} new or changed, {found.unchanged} unchanged)"
    )
    more = [f"{found.anomalies} anomalies"] if found.anomalies else []
    more += [f"{found.failures} given up"] if found.failures else []
    if found.splitters_lost:
        more.append("a process that takes pages apart ended early, and was done without")
    more += [found.why] if found.why else []
    return "; ".join((told, *more))
