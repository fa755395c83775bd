"""Forecasts: requests per listing, from the last crawl or from what the source declares."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.forecast.estimate import (
    FROM_LOG,
    GUESS,
    NO_END,
    ListingForecast,
    PastCrawl,
    SyncForecast,
    forecast_listings,
    past_key,
)
from fetcher.source import Listing
from fetcher.sources import SOURCES

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]
MODELS = CIVITAI.listing("models")


def one(listing: Listing, last: PastCrawl | None = None, **bounds: int | None) -> ListingForecast:
    """The forecast of one listing of Civitai."""
    past = {} if last is None else {past_key(listing): last}
    (forecast,) = forecast_listings(CIVITAI, [listing], past, **bounds)
    return forecast


def test_a_listing_without_known_end_takes_the_pages_up_to_its_bound() -> None:
    forecast = one(MODELS, first_walk=20_000)

    assert (forecast.requests, forecast.basis, forecast.bound) == (200, NO_END, 20_000)
    assert one(MODELS).requests is None
    assert one(MODELS, first_walk=20_000, limit=250).requests == 3


def test_a_declared_number_of_entities_is_a_guess() -> None:
    forecast = one(attrs.evolve(MODELS, typical_entities=950), first_walk=20_000)

    assert (forecast.requests, forecast.basis, forecast.bound) == (10, GUESS, None)


@pytest.mark.parametrize(
    ("last", "requests", "basis"),
    [
        (PastCrawl(7, 650), 7, FROM_LOG),
        (PastCrawl(100, 9_000, is_whole=False), 112, NO_END),
        (PastCrawl(200, 20_000), 100, FROM_LOG),
        (PastCrawl(1, 0), 1, FROM_LOG),
    ],
)
def test_the_last_crawl_counts_more_than_the_declaration(
    last: PastCrawl, requests: int, basis: str
) -> None:
    forecast = one(attrs.evolve(MODELS, typical_entities=1), last, first_walk=10_000)

    assert (forecast.requests, forecast.basis) == (requests, basis)


def test_follow_up_requests_are_counted_per_entity_of_what_they_follow() -> None:
    forecasts = forecast_listings(
        OPENROUTER,
        [listing for listing in OPENROUTER.listings if listing.by_default],
        {past_key(OPENROUTER.listing("models-all")): PastCrawl(1, 1000)},
    )

    requests = {forecast.listing: forecast.requests for forecast in forecasts}
    assert (requests["models"], requests["endpoints"], requests["stats"]) == (1, 900, 505)


def test_the_first_sync_of_openrouter_is_about_930_requests_and_a_quarter_of_an_hour() -> None:
    """As counted on a sync of August 2026: lists, 422 models, 507 rows of the catalog."""
    listings = [listing for listing in OPENROUTER.listings if listing.by_default]
    forecasts = forecast_listings(OPENROUTER, listings, {}, first_walk=20_000)
    sync = SyncForecast(source="openrouter", listings=forecasts, per_minute=60)

    assert abs(sync.requests - 934) < 0.05 * 934
    assert round(sync.minutes) == 16


@given(
    st.integers(1, 500),
    st.integers(1, 50_000),
    st.integers(1, 30_000),
    st.booleans(),
)
def test_a_smaller_bound_never_takes_more_requests(
    requests: int, entities: int, bound: int, is_whole: bool
) -> None:
    last = PastCrawl(requests, max(entities, requests), is_whole)

    few, many = (one(MODELS, last, first_walk=each).requests or 0 for each in (bound, bound + 100))

    assert 1 <= few <= many
