"""Forecast of a sync: how many requests each listing takes, before any is sent. Pure.

last complete crawl of a listing, else what its source declares
    ├─ pagination            entities / entities per page, up to the bound of a sync
    ├─ follow-up requests    per entity of the listings that they follow
    └─ probes                as many as last time
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil

import attrs

from fetcher.source import Listing, Params, Source

FROM_LOG = "last crawl"
GUESS = "guess"
NO_END = "no known end"


@attrs.frozen
class PastCrawl:
    """The last complete crawl of the same requests."""

    requests: int
    entities: int
    is_whole: bool = True
    """Whether the listing ended, and not the crawl at its bound."""


@attrs.frozen(kw_only=True)
class ListingForecast:
    """What one listing takes in one sync."""

    listing: str
    requests: int | None
    """None: nothing is known."""
    entities: int | None
    basis: str
    """`last crawl`; `guess` of the source; `no known end`: the bound alone ends it."""
    bound: int | None = None
    """Number of entities at which the sync leaves the listing, if it gets there."""


@attrs.frozen(kw_only=True)
class SyncForecast:
    """What a sync of one source takes."""

    source: str
    listings: tuple[ListingForecast, ...]
    per_minute: int
    """Requests per minute, as configured."""

    @property
    def requests(self) -> int:
        """Number of requests of all listings for which it is known."""
        return sum(listing.requests or 0 for listing in self.listings)

    @property
    def minutes(self) -> float:
        """Duration at the configured rate."""
        return self.requests / self.per_minute


def forecast_listings(
    source: Source,
    listings: Iterable[Listing],
    past: Mapping[tuple[str, str | None], PastCrawl],
    *,
    limit: int | None = None,
    first_walk: int | None = None,
) -> tuple[ListingForecast, ...]:
    """Returns a forecast for each run of a sync, given in its order.

    `past` has the last crawls by `past_key`. `limit` and `first_walk`: bounds of the sync, in
    entities per listing.
    """
    forecasts: list[ListingForecast] = []
    for listing in listings:
        last = past.get(past_key(listing))
        if not listing.has_derived_requests:
            forecast = _pagination(source, listing, last, limit, first_walk)
        elif last is not None:
            requests = last.requests if limit is None else min(limit, last.requests)
            forecast = _forecast(listing, requests, last.entities, FROM_LOG)
        elif listing.probe is not None:
            forecast = _forecast(listing, 0, 0, GUESS)  # nothing is missing yet
        else:
            forecast = _follow_ups(listing, forecasts, limit)
        forecasts.append(forecast)
    return tuple(forecasts)


def past_key(listing: Listing) -> tuple[str, str | None]:
    """Returns what two crawls of the same requests have in common: name and parameters."""
    return listing.name, None if listing.has_derived_requests else params_key(listing.params)


def params_key(params: Params) -> str:
    """Returns parameters as one text, independent of their order."""
    return repr(sorted(params.items()))


def _forecast(
    listing: Listing,
    requests: int | None,
    entities: int | None,
    basis: str,
    bound: int | None = None,
) -> ListingForecast:
    return ListingForecast(
        listing=listing.name, requests=requests, entities=entities, basis=basis, bound=bound
    )


def _pagination(
    source: Source,
    listing: Listing,
    last: PastCrawl | None,
    limit: int | None,
    first_walk: int | None,
) -> ListingForecast:
    endpoint = source.endpoint(listing.path)
    is_bounded = endpoint.scope(listing.params) is None
    bound = limit or (first_walk if is_bounded else None)
    total = listing.typical_entities if last is None else last.entities if last.is_whole else None
    basis = NO_END if total is None else GUESS if last is None else FROM_LOG
    counts = [count for count in (total, bound) if count is not None]
    size = _page_size(listing, endpoint.size_param, last)
    if not counts:
        return _forecast(listing, None, None, basis)
    entities = min(counts)
    requests = 1 if size is None else max(1, ceil(entities / size))
    if last is not None and last.is_whole and entities == last.entities:
        requests = last.requests
    is_cut = bound is not None and (total is None or total > bound)
    return _forecast(listing, requests, entities, basis, bound if is_cut else None)


def _page_size(listing: Listing, size_param: str | None, last: PastCrawl | None) -> float | None:
    """Returns the entities per page; None if everything is on one page."""
    if last is not None and last.entities:
        return last.entities / last.requests
    text = listing.params.get(size_param or "limit", "")
    return int(text) if text.isdigit() and int(text) else None


def _follow_ups(
    listing: Listing, before: Sequence[ListingForecast], limit: int | None
) -> ListingForecast:
    """Listings that are followed overlap, so that the greatest number counts."""
    counts = [
        follow.requests_per_entity * (forecast.entities or 0)
        for follow in listing.follow_ups
        for forecast in before
        if forecast.listing == follow.listing
    ]
    requests = ceil(max(counts, default=0))
    requests = requests if limit is None else min(limit, requests)
    return _forecast(listing, requests, requests, GUESS)
