"""Reports: counts of a sync over all its listings."""

import pytest

from fetcher.crawl.report import (
    RECEIVED,
    REFUSED,
    UNANSWERED,
    ListingReport,
    RunReport,
    outcome_of,
)


def test_a_total_is_the_sum_over_all_listings() -> None:
    listings = tuple(ListingReport(listing="x", run="r", pages=number) for number in (1, 2, 3))

    assert RunReport("civitai", "2026-11-21T05", listings).total("pages") == 6
    assert RunReport("civitai", "2026-11-21T05", ()).total("pages") == 0


@pytest.mark.parametrize(
    ("status", "error_class", "outcome"),
    [
        (200, None, RECEIVED),
        (204, None, RECEIVED),
        (404, None, REFUSED),
        (400, "cursor", REFUSED),
        (401, "refused", REFUSED),
        (403, "wall", REFUSED),
        (410, "not_json", REFUSED),
        (429, "too_deep", REFUSED),
        (451, "region", REFUSED),
        (408, "server", UNANSWERED),
        (429, "throttled", UNANSWERED),
        (500, "server", UNANSWERED),
        (500, "poison", UNANSWERED),
        (302, "redirects", UNANSWERED),
        (200, "not_json", UNANSWERED),
        (200, "too_large", UNANSWERED),
        (None, "connect", UNANSWERED),
    ],
)
def test_an_outcome_is_received_refused_or_neither(
    status: int | None, error_class: str | None, outcome: str
) -> None:
    assert outcome_of(status, error_class) == outcome
