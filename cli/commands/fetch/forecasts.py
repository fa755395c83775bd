"""What a sync takes, for the user: before it begins, and per listing."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.fetch.sources import LOCAL_RATE, bounds_of, requests_per_minute

if TYPE_CHECKING:
    from cli.config.settings import Config
    from fetcher.forecast.estimate import ListingForecast, SyncForecast
    from fetcher.source import Listing
    from fetcher.state.task import Task


def planned_listings(settings: "Config", name: str) -> "tuple[Listing, ...]":
    """Returns a listing for each run of a sync of a source."""
    from fetcher.service.sync import plan_listings
    from fetcher.sources import SOURCES

    return plan_listings(SOURCES[name], bounds_of(settings, name, None))


def forecast_sync(
    settings: "Config",
    name: str,
    listings: "tuple[Listing, ...]",
    tasks: "list[Task]",
    limit: int | None = None,
) -> "SyncForecast":
    """Returns the forecast of these listings of a source. `tasks`: its queue."""
    from fetcher.forecast.estimate import SyncForecast, forecast_listings
    from fetcher.forecast.past_crawls import past_crawls
    from fetcher.sources import SOURCES

    source = settings.source[name]
    forecasts = forecast_listings(
        SOURCES[name],
        listings,
        past_crawls(SOURCES[name], source.base_url, tasks),
        limit=limit,
        first_walk=source.first_walk,
    )
    rate = requests_per_minute(source)
    return SyncForecast(source=name, listings=forecasts, per_minute=rate)


def queue_of(root: Path, name: str) -> "list[Task]":
    """Returns the runs of a source; none if it has no log yet, without writing anything."""
    from eventlog.clock import now_us
    from eventlog.files.listing import list_sources
    from fetcher.service.queue_commands import list_runs

    return list_runs(root, name, now_us) if name in list_sources(root) else []


def forecast_lines(
    root: Path, settings: "Config", names: list[str], limit: int | None
) -> list[str]:
    """Returns a line for each source: what its next sync takes."""
    lines = []
    for name in names:
        listings = planned_listings(settings, name)
        forecast = forecast_sync(settings, name, listings, queue_of(root, name), limit)
        lines.append(forecast_line(forecast, bytes_a_day(root, name)))
    return lines


def forecast_line(forecast: "SyncForecast", bytes_a_day: int | None) -> str:
    """Returns requests, duration and growth of a sync as one line, and what is not known."""
    from fetcher.forecast.estimate import GUESS

    line = f"{forecast.source}: about {forecast.requests:,} requests, {rate_text(forecast)}"
    if bytes_a_day is not None:
        line += f", {bytes_a_day / 1e6:,.1f} MB a day in the log"
    if any(listing.basis == GUESS and listing.requests for listing in forecast.listings):
        line += " (a guess, until a crawl is complete)"
    return "; ".join((line, *_open_ends(forecast.listings)))


def rate_text(forecast: "SyncForecast") -> str:
    """Returns the duration of a sync at its rate: `16 min at 60/min`."""
    if forecast.per_minute >= LOCAL_RATE:
        return "without a rate limit"
    return f"{minutes_text(forecast.minutes)} at {forecast.per_minute}/min"


def minutes_text(minutes: float) -> str:
    """Returns a duration: `less than 1 min`, `16 min`, `2 h 5 min`."""
    whole = round(minutes)
    if minutes < 1:
        return "less than 1 min"
    return f"{whole} min" if whole < 120 else f"{whole // 60} h {whole % 60} min"


def _open_ends(listings: "tuple[ListingForecast, ...]") -> list[str]:
    """Returns what is said about listings whose end is not known."""
    from fetcher.forecast.estimate import NO_END

    bounded: dict[int | None, dict[str, None]] = {}
    for listing in listings:
        if listing.basis == NO_END:
            bounded.setdefault(listing.bound, {})[listing.listing] = None
    return [
        f"{', '.join(names)}: no known end"
        + ("" if bound is None else f", bounded at {bound:,} entities")
        for bound, names in bounded.items()
    ]


def bytes_a_day(root: Path, name: str) -> int | None:
    """Returns the growth of the sealed log of a source in a day of hourly syncs, from the last
    seven days; None if nothing is sealed yet."""
    from eventlog.catalog.index import read_index

    size = hours = 0
    for day in read_index(root, name).days[-7:]:
        covered = 0
        for writer in day.writers:
            size += writer.zst_bytes
            covered |= writer.hours if writer.sealed else 0
        hours += covered.bit_count()
    return size * 24 // hours if hours else None
