"""`fetch`: crawl the upstreams, import what was recorded elsewhere."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import archive, config, global_options, say

if TYPE_CHECKING:
    from cli.settings import Source as SourceSettings
    from fetcher.importer import ImportReport
    from fetcher.report import ListingReport


@click.group(short_help="Crawl the upstreams; import recordings.")
@global_options
def fetch() -> None:
    """Crawl the upstreams, or import what was recorded elsewhere."""


@fetch.command(epilog="Example: hindlog fetch run openrouter --once")
@click.argument("sources", nargs=-1)
@click.option("--once", is_flag=True, help="One run of each source, then end.")
@click.option("--limit", type=click.IntRange(1), help="Stop a listing after N entities.")
@global_options
def run(sources: tuple[str, ...], once: bool, limit: int | None) -> int:
    """Crawl every enabled source, or only SOURCES, following cursors to the end."""
    from eventlog.writers import FETCH, machine_name, writer_id

    if not once:
        raise click.UsageError("a schedule is not there yet: hindlog fetch run --once")
    root = archive()
    settings = config(root)
    writer = writer_id(root, FETCH, machine_name(os.environ))
    codes = []
    for name in _chosen(sources, settings.source):
        codes.append(_run_source(root, name, settings.source[name], writer, limit))
    return max(codes, default=0)


def _chosen(sources: tuple[str, ...], known: Any) -> list[str]:
    from eventlog.errors import Invalid

    for name in sources:
        if name not in known:
            raise Invalid(
                f"source {name!r}: expected one of {', '.join(sorted(known))}",
                "hindlog fetch run --help",
            )
    return list(sources) or [name for name in sorted(known) if known[name].enabled]


def _run_source(
    root: Path, name: str, settings: "SourceSettings", writer: str, limit: int | None
) -> int:
    import asyncio

    from cli.config import secrets
    from cli.progress import progress
    from eventlog.clock import now_us
    from fetcher.sources import SOURCES
    from fetcher.sync import run_once

    with progress(now_us) as tell:
        report = asyncio.run(
            run_once(
                root,
                SOURCES[name],
                base_url=settings.base_url,
                key=secrets(os.environ).api_keys.get(name),
                writer=writer,
                now=now_us,
                listings=settings.listings,
                limit=limit,
                requests_per_minute=settings.requests_per_minute,
                concurrency=settings.concurrency,
                report=lambda found: tell(_line(name, found.listing)),
            )
        )
    for each in report.listings:
        say(_line(name, each))
    return 0 if all(each.state == "completed" for each in report.listings) else 3


def _line(source: str, found: "ListingReport") -> str:
    """How one listing stands."""
    told = (
        f"{source} {found.listing}: {found.state}, {found.pages} responses, {found.entities} "
        f"entities ({found.stored} new or changed, {found.unchanged} unchanged)"
    )
    more = [f"{found.anomalies} anomalies"] if found.anomalies else []
    more += [f"{found.failures} given up"] if found.failures else []
    more += [found.why] if found.why else []
    return "; ".join((told, *more))


@fetch.command(
    "import",
    epilog="Example: hindlog fetch import openrouter recordings/*.tar.zst",
)
@click.argument("source")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--endpoint", metavar="PATH", help="What was asked; else known by its shape.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="JSONPATH=ENDPOINT",
    help="Where responses lie in another collector's envelope.",
)
@click.option("--observed-at", metavar="T", help="When it was recorded, for all of PATHS.")
@click.option(
    "--time-from",
    type=click.Choice(("name", "mtime", "git")),
    default="name",
    show_default=True,
    help="Where the time of each response stands.",
)
@global_options
def import_(
    source: str,
    paths: tuple[Path, ...],
    endpoint: str | None,
    parts: tuple[str, ...],
    observed_at: str | None,
    time_from: str,
) -> int:
    """Take responses recorded elsewhere into the log, at their own time.

    PATHS are files, folders, .zst files and .tar.zst packs; with --time-from git files
    of a repository, of which every version is taken. Importing the same thing twice
    adds nothing; any order gives the same answers.

    --part splits an envelope that holds several responses: a JSON path, =, and the
    endpoint, in which {key} is what the last * of the path stands for. For example
    '$.endpoints.*=/api/v1/models/{key}/endpoints'.
    """
    from cli.progress import progress
    from cli.times import parse_time
    from eventlog.clock import now_us
    from eventlog.writers import IMPORT, machine_name, writer_id
    from fetcher.importer import import_paths
    from fetcher.sources import SOURCES

    root = archive()
    _chosen((source,), SOURCES)
    with progress(now_us) as tell:
        report = import_paths(
            root,
            SOURCES[source],
            paths,
            writer=writer_id(root, IMPORT, machine_name(os.environ)),
            endpoint=endpoint,
            parts=parts,
            observed_at=parse_time(observed_at, now_us()) if observed_at else None,
            time_from=time_from,
            now=now_us,
            report=lambda found: tell(f"{source}: {_imported(found)}"),
        )
    say(f"{source}: {_imported(report)}")
    for each in report.refused:
        say(f"left out: {each}")
    return 3 if report.refused else 0


def _imported(found: "ImportReport") -> str:
    """How an import stands."""
    told = (
        f"{found.responses} of {found.expected} responses, {found.already} of them in the log "
        f"already; {found.entities} entities ({found.stored} new or changed, "
        f"{found.unchanged} unchanged)"
    )
    return f"{told}; {found.anomalies} anomalies" if found.anomalies else told


COMMANDS = (fetch,)
