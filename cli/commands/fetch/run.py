"""`fetch`: crawl the upstreams, by schedule or once."""

import os
from typing import TYPE_CHECKING

import click

from cli.commands.fetch.sources import select_sources
from cli.options.global_options import archive, config, global_options

if TYPE_CHECKING:
    from cli.config.settings import Config


@click.group(short_help="Crawl the upstreams; the queue; import recordings.")
@global_options
def fetch() -> None:
    """Crawl the upstreams, look after the queue, import what was recorded elsewhere."""


@fetch.command(epilog="Example: hindlog fetch run openrouter --once")
@click.argument("sources", nargs=-1)
@click.option("--once", is_flag=True, help="One sync of each source, then end.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Stop a listing when it has N entities; pages are kept whole.",
)
@click.option("--for", "duration", metavar="D", help="Stop after this long, as in 90m.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and when.")
@global_options
def run(
    sources: tuple[str, ...], once: bool, limit: int | None, duration: str | None, dry_run: bool
) -> int:
    """Crawl every enabled source, or only SOURCES, following cursors to the end.

    By schedule until it is stopped, or once. The first Ctrl-C or SIGTERM finishes the
    page under way; a second one leaves at once. A crash is always safe.
    """
    from cli.options.times import parse_duration
    from eventlog.clock import now_us
    from eventlog.files.writer_ids import FETCH, machine_name, writer_id

    root = archive()
    settings = config(root)
    names = select_sources(sources, settings.source)
    if dry_run:
        return _dry_run(names, settings, now_us())
    writer = writer_id(root, FETCH, machine_name(os.environ))
    from cli.commands.fetch.service import serve_sources, sync_sources

    if once:
        return sync_sources(root, names, settings, writer, limit)
    return serve_sources(
        root, names, settings, writer, limit, parse_duration(duration) if duration else None
    )


def _dry_run(names: list[str], settings: "Config", now: int) -> int:
    from cli.options.times import format_time
    from cli.output.emit import choose_output, emit
    from fetcher.service.schedule import next_slot
    from fetcher.service.sync import select_listings
    from fetcher.source import url_of
    from fetcher.sources import SOURCES

    rows: list[tuple[object, ...]] = []
    for name in names:
        mine = settings.source[name]
        due = format_time(next_slot(mine.schedule, now))
        for listing in select_listings(SOURCES[name], mine.listings):
            after = ", ".join(follow.listing for follow in listing.follow_ups)
            url = (
                listing.path
                if listing.has_derived_requests
                else url_of(mine.base_url, listing.path, listing.params)
            )
            rows.append((name, listing.name, url, after or None, due))
    emit(
        ("source", "listing", "url", "follows", "next_slot"), rows, choose_output(None, False, None)
    )
    return 0


COMMANDS = (fetch,)
