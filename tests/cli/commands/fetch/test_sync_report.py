"""The exit code of a sync, and the line of a listing."""

import pytest

from cli.commands.fetch.sync_report import count_responses, listing_line, sync_exit_code
from fetcher.crawl.report import RECEIVED, REFUSED, UNANSWERED, ListingReport, Progress


def report(state: str, *outcomes: str) -> ListingReport:
    """Returns the report of a listing in this state, whose requests had these outcomes."""
    return ListingReport(listing="models", run="r", state=state, outcomes=frozenset(outcomes))


DONE = report("completed", RECEIVED)
PARTIAL = report("partial", RECEIVED, UNANSWERED)
DENIED = report("failed", REFUSED)
BUSY = report("failed", UNANSWERED)


@pytest.mark.parametrize(
    ("listings", "code"),
    [
        ((), 0),
        ((DONE,), 0),
        ((DONE, DONE), 0),
        ((report("completed", REFUSED),), 0),
        ((PARTIAL,), 3),
        ((report("failed", RECEIVED, REFUSED),), 3),
        ((DONE, DENIED), 3),
        ((DONE, BUSY), 3),
        ((DENIED,), 5),
        ((DENIED, report("failed")), 5),
        ((report("partial", REFUSED),), 5),
        ((DENIED, BUSY), 7),
        ((BUSY,), 7),
        ((report("partial", UNANSWERED),), 7),
        ((report("started"),), 7),
        ((report("failed"),), 7),
    ],
)
def test_the_exit_code_of_a_sync_follows_from_the_results_of_its_listings(
    listings: tuple[ListingReport, ...], code: int
) -> None:
    assert sync_exit_code(listings) == code


def test_the_line_of_a_listing_contains_its_counts_and_problems() -> None:
    plain = ListingReport(
        listing="models", run="r", state="completed", pages=2, entities=9, stored=4, unchanged=5
    )
    bad = ListingReport(
        listing="", run="r7", state="partial", anomalies=1, failures=2, splitters_lost=1, why="w"
    )

    assert listing_line("civitai", plain) == (
        "civitai models: completed, 2 responses, 9 entities; with embedded ones 4 new or "
        "changed, 5 unchanged"
    )
    assert listing_line("civitai", bad) == (
        "civitai r7: partial, 0 responses, 0 entities; with embedded ones 0 new or changed, "
        "0 unchanged; 1 anomalies; gave up 2 requests; a splitter process ended unexpectedly; "
        "its pages were split without it; w"
    )


def test_the_progress_counts_the_responses_of_all_listings() -> None:
    models = ListingReport(listing="models", run="r", state="completed", pages=3)
    endpoints = ListingReport(listing="endpoints", run="s", pages=12)
    images = ListingReport(listing="images", run="t", pages=1234)
    known = [Progress("openrouter", models), Progress("openrouter", endpoints, 450)]

    assert count_responses(known) == (15, 453)
    assert count_responses([*known, Progress("civitai", images)]) == (1249, None)
    assert count_responses([]) == (0, 0)
