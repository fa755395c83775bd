"""`fetch sources`: what each source requests, and what it takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands.fetch.forecasts import forecast_sync, planned_listings, queue_of
from cli.commands.fetch.sources import select_sources
from cli.options.global_options import archive, config, global_options
from cli.output.emit import choose_output, emit, output_options

if TYPE_CHECKING:
    from cli.config.settings import Config
    from fetcher.source import Listing
    from fetcher.state.task import Task

_COLUMNS = (
    *("source", "listing", "synced", "request", "follows", "last_crawl", "last_requests"),
    *("last_entities", "ended", "requests", "minutes", "basis", "can_be_set"),
)


@click.command("sources", epilog="Example: hindlog fetch sources openrouter")
@click.argument("sources", nargs=-1)
@output_options
@global_options
def list_sources(
    sources: tuple[str, ...], fmt: str | None, as_json: bool, output: Path | None
) -> None:
    """Lists the listings of each source, or of SOURCES: what each requests, and what it takes.

    synced is yes, configured or no. The last crawl is that of the log; requests and minutes are
    those that the next sync takes, at the configured rate. can_be_set are the parameters that
    `[source.NAME.params.LISTING]` in hindlog.toml may set.
    """
    root = archive()
    settings = config(root)
    names = select_sources(sources, settings.source, "fetch sources") if sources else None
    rows = (
        row
        for name in names or sorted(settings.source)
        for row in _rows(settings, name, queue_of(root, name))
    )
    emit(_COLUMNS, rows, choose_output(fmt, as_json, output))


def _rows(settings: "Config", name: str, tasks: "list[Task]") -> Iterator[tuple[object, ...]]:
    from fetcher.forecast.past_crawls import last_runs
    from fetcher.sources import SOURCES

    planned = planned_listings(settings, name)
    synced = {listing.name for listing in planned}
    others = tuple(listing for listing in SOURCES[name].listings if listing.name not in synced)
    order = [listing.name for listing in SOURCES[name].listings]
    listings = tuple(sorted((*planned, *others), key=lambda each: order.index(each.name)))
    forecast = forecast_sync(settings, name, listings, tasks)
    last = last_runs(tasks)
    word = "yes" if settings.source[name].listings is None else "configured"
    for listing, expected in zip(listings, forecast.listings, strict=True):
        minutes = None if expected.requests is None else expected.requests / forecast.per_minute
        yield (
            name,
            listing.name,
            word if listing.name in synced else "no",
            request_text(listing),
            ", ".join(follow.listing for follow in listing.follow_ups) or None,
            *_last_crawl(last.get(listing.name)),
            expected.requests,
            None if minutes is None else round(minutes, 1),
            expected.basis,
            ", ".join(param.name for param in listing.settable) or None,
        )


def request_text(listing: "Listing") -> str:
    """Returns path and parameters of a listing's requests."""
    from fetcher.source import url_of

    return (
        listing.path if listing.has_derived_requests else url_of("", listing.path, listing.params)
    )


def _last_crawl(task: "Task | None") -> tuple[object, ...]:
    """Returns time, requests, entities and end of the last crawl of a listing."""
    if task is None:
        return (None,) * 4
    ended = f"{task.state}: {task.why}" if task.why else task.state
    return task.finished_at or task.created_at, task.pages, task.entities, ended


COMMANDS = (list_sources,)
