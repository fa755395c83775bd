"""`fetch import`: what was recorded elsewhere becomes history."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.fetch import chosen_sources
from cli.options import archive, global_options, say

if TYPE_CHECKING:
    from fetcher.importer import ImportReport


@click.command(
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

    A file named .ndjson or .jsonl holds one response, or one entity, in every line; an
    array alone is the listing it was the only member of.

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
    chosen_sources((source,), SOURCES)
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


@click.command(epilog="Example: hindlog fetch replay openrouter --since 7d")
@click.argument("sources", nargs=-1)
@click.option("--since", metavar="T", help="Only bodies observed from this instant on.")
@click.option("--until", metavar="T", help="Only bodies observed before this instant.")
@global_options
def replay(sources: tuple[str, ...], since: str | None, until: str | None) -> None:
    """Run quarantined bodies (anomalies) through today's splitter.

    What can be taken apart by now becomes events at its own time; a second replay adds
    nothing.
    """
    from cli.progress import progress
    from cli.times import parse_time
    from eventlog.clock import now_us
    from eventlog.writers import IMPORT, machine_name, writer_id
    from fetcher.replay import replay as take_apart
    from fetcher.sources import SOURCES

    root, now = archive(), now_us()
    writer = writer_id(root, IMPORT, machine_name(os.environ))
    for name in chosen_sources(sources, SOURCES) if sources else sorted(SOURCES):
        with progress(now_us) as tell:
            found = take_apart(
                root,
                SOURCES[name],
                writer=writer,
                now=now_us,
                since=parse_time(since, now) if since else None,
                until=parse_time(until, now) if until else None,
                report=lambda told, name=name: tell(f"{name}: {_imported(told)}"),  # type: ignore[misc]
            )
        say(f"{name}: {_imported(found)}")


COMMANDS = (import_, replay)
