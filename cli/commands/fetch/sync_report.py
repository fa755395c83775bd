"""The result of a sync for the user: its exit code, and a line for each listing."""

from typing import TYPE_CHECKING

from cli.output.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fetcher.crawl.report import ListingReport, Progress
    from fetcher.net.outage import OutageChange


def sync_exit_code(listings: "Sequence[ListingReport]") -> int:
    """Returns the exit code of a sync of one or more sources.

    0: every listing is complete. 3: something was received. 5: every request was refused. 7:
    nothing was received, for another reason.
    """
    if all(listing.state == "completed" for listing in listings):
        return 0
    outcomes = {outcome for listing in listings for outcome in listing.outcomes}
    if "received" in outcomes:
        return 3
    return 5 if outcomes == {"refused"} else 7


def count_responses(latest: "Iterable[Progress]") -> tuple[int, int | None]:
    """Returns the responses of all listings, and those to come with them; None if unknown."""
    done, total, is_known = 0, 0, True
    for update in latest:
        pages = update.listing.pages
        done += pages
        if update.listing.state != "started":
            total += pages
        elif update.expected is None:
            is_known = False
        else:
            total += max(pages, update.expected)
    return done, total if is_known else None


def listing_lines(source: str, listings: "Sequence[ListingReport]") -> list[str]:
    """Returns a line for each listing; one for all that failed because the host is down."""
    down = [report for report in listings if report.is_host_down and report.state == "failed"]
    lines = [listing_line(source, report) for report in listings if report not in down]
    if len(down) == 1:
        lines.append(listing_line(source, down[0]))
    elif down:
        names = ", ".join(report.listing or report.run for report in down)
        lines.append(f"{source}: {len(down)} listings failed, the host is down: {names}")
    return lines


def outage_line(change: "OutageChange", variable: str) -> str:
    """Returns the beginning or the end of an outage as a line for the user.

    `variable`: the one that sets the address.
    """
    from urllib.parse import urlsplit

    host = urlsplit(change.base_url).netloc.rpartition("@")[2]
    if change.reason is None:
        return f"{change.source}: {host} answers again, after {_duration(change.duration_us)}"
    return f"{change.source}: {host} does not answer ({change.reason}); {variable} sets the address"


def _duration(us: int) -> str:
    seconds = round(us / 1_000_000)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def listing_line(source: str, report: "ListingReport") -> str:
    """Returns state, counts and problems of one listing as a line for the user."""
    responses = count_of(report.pages, "response")
    entities = count_of(report.entities, "entity", "entities")
    summary = (
        f"{source} {report.listing or report.run}: {report.state}, {responses}, {entities}; "
        f"with embedded ones {report.stored} new or changed, {report.unchanged} unchanged"
    )
    problems = [f"{report.anomalies} anomalies"] if report.anomalies else []
    problems += [f"gave up {count_of(report.failures, 'request')}"] if report.failures else []
    if report.splitters_lost:
        problems.append("a splitter process ended unexpectedly; its pages were split without it")
    problems += [report.why] if report.why else []
    return "; ".join((summary, *problems))
