"""`fetch run`: crawls the upstreams, by schedule or once."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands.fetch.sources import select_sources
from cli.options.global_options import (
    archive,
    config,
    global_options,
    message_printer,
    print_message,
)

if TYPE_CHECKING:
    from cli.config.settings import Config, MirrorSettings


@click.group(
    short_help="Crawls the upstreams, manages the queue, imports recordings.",
    epilog="Example: hindlog fetch run --once",
)
@global_options
def fetch() -> None:
    """Crawls the upstreams, manages the queue, and imports responses recorded elsewhere."""


@fetch.command(epilog="Example: hindlog fetch run openrouter --once")
@click.argument("sources", nargs=-1)
@click.option("--once", is_flag=True, help="Sync each source once, then exit.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Stop a listing when it has N entities; pages are kept whole.",
)
@click.option("--for", "duration", metavar="D", help="Stop after this duration, such as 90m.")
@click.option("--dry-run", is_flag=True, help="Print the requests and their time; make none.")
@global_options
def run(
    sources: tuple[str, ...], once: bool, limit: int | None, duration: str | None, dry_run: bool
) -> int:
    """Crawls every enabled source, or only SOURCES, and follows page cursors to the end.

    Runs by schedule until it is stopped, or once. After the first Ctrl-C or SIGTERM the current
    page is finished; the second one exits at once. A crash is always safe.

    If mirror.url is set, sealed segments are pushed to the mirror while the crawl runs, and once
    more at its end. If the bucket cannot be reached, the crawl continues: `hindlog status` says how
    far the mirror is behind.
    """
    from cli.options.times import parse_duration
    from eventlog.files.writer_ids import FETCH, machine_name, writer_id

    root = archive()
    settings = config(root)
    names = select_sources(sources, settings.source)
    if dry_run:
        return _print_plan(root, names, settings, limit)
    writer = writer_id(root, FETCH, machine_name(os.environ))
    from cli.commands.fetch.forecasts import forecast_lines
    from cli.commands.fetch.service import serve_sources, sync_sources

    for line in forecast_lines(root, settings, names, limit):
        print_message(line)

    with _pushing(root, settings.mirror) as on_signal:
        if once:
            return sync_sources(root, names, settings, writer, limit, on_signal)
        until = parse_duration(duration) if duration else None
        return serve_sources(root, names, settings, writer, limit, until, on_signal)


def _pushing(root: Path, mirror: "MirrorSettings") -> AbstractContextManager[Callable[[], object]]:
    """Pushes to the mirror beside the crawl, if there is one. Yields what a signal calls."""
    if mirror.url is None:
        return nullcontext(lambda: None)
    from cli.mirror.push.background import pushing_beside
    from cli.mirror.push.pushing import PushJob
    from eventlog.mirror.local.pusher import local_pusher

    return pushing_beside(PushJob(root, mirror, local_pusher(root)), message_printer())


def _print_plan(root: Path, names: list[str], settings: "Config", limit: int | None) -> int:
    from cli.commands.fetch.forecasts import (
        bytes_a_day,
        forecast_line,
        forecast_sync,
        planned_listings,
        queue_of,
    )
    from cli.options.times import format_time
    from cli.output.emit import choose_output, emit
    from eventlog.clock import now_us
    from fetcher.service.schedule import next_slot
    from fetcher.source import url_of

    rows: list[tuple[object, ...]] = []
    for name in names:
        source = settings.source[name]
        due = format_time(next_slot(source.schedule, now_us()))
        listings = planned_listings(settings, name)
        forecast = forecast_sync(settings, name, listings, queue_of(root, name), limit)
        for listing, expected in zip(listings, forecast.listings, strict=True):
            followed = ", ".join(rule.listing for rule in listing.follow_ups)
            url = (
                listing.path
                if listing.has_derived_requests
                else url_of(source.base_url, listing.path, listing.params)
            )
            cost = (expected.requests, expected.basis)
            rows.append((name, listing.name, url, followed or None, due, *cost))
        print_message(forecast_line(forecast, bytes_a_day(root, name)))
    columns = ("source", "listing", "url", "follows", "next_slot", "requests", "basis")
    optional = ("url", "next_slot", "follows", "source")
    emit(columns, rows, choose_output(None, False, None), optional=optional)
    return 0


COMMANDS = (fetch,)
