"""Reports: counts of a sync over all its listings."""

from fetcher.crawl.report import ListingReport, RunReport


def test_a_total_is_the_sum_over_all_listings() -> None:
    listings = tuple(ListingReport(listing="x", run="r", pages=number) for number in (1, 2, 3))

    assert RunReport("civitai", "2026-11-21T05", listings).total("pages") == 6
    assert RunReport("civitai", "2026-11-21T05", ()).total("pages") == 0
