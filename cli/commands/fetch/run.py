"""`fetch`: crawl the upstreams, by schedule or once."""

import os
from typing import TYPE_CHECKING, Any

import click

from cli.options.global_options import archive, config, global_options

if TYPE_CHECKING:
    from cli.config.settings import Config
    from fetcher.crawl.report import ListingReport
    from fetcher.service.sync import Upstream


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
    names = chosen_sources(sources, settings.source)
    if dry_run:
        return _dry_run(names, settings, now_us())
    writer = writer_id(root, FETCH, machine_name(os.environ))
    from cli.commands.fetch.service import serve_sources, sync_sources

    if once:
        return sync_sources(root, names, settings, writer, limit)
    return serve_sources(
        root, names, settings, writer, limit, parse_duration(duration) if duration else None
    )


def chosen_sources(sources: tuple[str, ...], known: Any, command: str = "fetch run") -> list[str]:
    """The sources that were named, or all that are enabled. Raises `Invalid`."""
    from eventlog.errors import Invalid

    for name in sources:
        if name not in known:
            what = f"source {name!r}: expected one of {', '.join(sorted(known))}"
            raise Invalid(what, f"hindlog {command} --help")
    return list(sources) or [name for name in sorted(known) if known[name].enabled]


def upstream_of(settings: "Config", name: str) -> "Upstream":
    """How a source is reached, by configuration and environment."""
    from cli.config.load import secrets
    from fetcher.net.http import Limits
    from fetcher.service.sync import Upstream

    mine = settings.source[name]
    return Upstream(
        mine.base_url,
        secrets(os.environ).api_keys.get(name),
        mine.requests_per_minute,
        mine.concurrency,
        limits=Limits(total_s=mine.timeout_s),
        max_requests=mine.max_requests_per_sync,
    )


def _dry_run(names: list[str], settings: "Config", now: int) -> int:
    from cli.options.times import format_time
    from cli.output.emit import chosen, emit
    from fetcher.service.schedule import next_slot
    from fetcher.service.sync import plan
    from fetcher.source import url_of
    from fetcher.sources import SOURCES

    rows: list[tuple[object, ...]] = []
    for name in names:
        mine = settings.source[name]
        due = format_time(next_slot(mine.schedule, now))
        for listing in plan(SOURCES[name], mine.listings):
            after = ", ".join(follow.listing for follow in listing.follows)
            url = (
                listing.path
                if listing.is_led
                else url_of(mine.base_url, listing.path, listing.params)
            )
            rows.append((name, listing.name, url, after or None, due))
    emit(("source", "listing", "url", "follows", "next_slot"), rows, chosen(None, False, None))
    return 0


_REFUSED = ("refused", "region")
_TEMPORARY = ("connect", "timeout", "broken", "throttled", "server", "wall", "not_json")


def code_of(listings: "tuple[ListingReport, ...]") -> int:
    """The exit code of a sync: 0 complete, 3 in part; 5 or 7 where nothing came at all."""
    if all(each.state == "completed" for each in listings):
        return 0
    if any(each.pages for each in listings):
        return 3
    classes = {(each.why or "").partition(":")[0] for each in listings if each.why}
    if classes & set(_REFUSED):
        return 5
    return 7 if classes & set(_TEMPORARY) else 3


def listing_line(source: str, found: "ListingReport") -> str:
    """How one listing stands."""
    told = (
        f"{source} {found.listing or found.run}: {found.state}, {found.pages} responses, "
        f"{found.entities} entities ({found.stored} new or changed, {found.unchanged} unchanged)"
    )
    more = [f"{found.anomalies} anomalies"] if found.anomalies else []
    more += [f"{found.failures} given up"] if found.failures else []
    if found.splitters_lost:
        more.append("a process that takes pages apart ended early, and was done without")
    more += [found.why] if found.why else []
    return "; ".join((told, *more))


COMMANDS = (fetch,)
