"""`fetch import`: what was recorded elsewhere becomes history."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands.fetch.sources import select_sources
from cli.options.global_options import archive, config, global_options, print_message
from cli.options.time_options import resolve_since, resolve_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.process.signals import StopRequest
    from fetcher.imports.envelope import EnvelopePart
    from fetcher.imports.import_report import ImportReport
    from fetcher.imports.recordings import Recording

_TIMES = "give those without a time one: --observed-at TIME, or --time-from mtime"


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
    '$.endpoints.*=/api/v1/models/{key}/endpoints'. Exit 3 if a part matches nothing in any
    of the recordings.
    """
    from cli.process.signals import record_signals
    from fetcher.imports.envelope import parse_envelope_part
    from fetcher.sources import SOURCES

    root = archive()
    select_sources((source,), SOURCES, "fetch import")
    planned = tuple(map(parse_envelope_part, parts))
    found, untimed = _find(paths, observed_at, time_from)
    stop = record_signals()
    report = _import(root, source, found, endpoint, planned, stop)
    unmatched = [text for text in parts if text not in report.matched_parts]
    _tell(source, report, untimed)
    if report.responses < report.expected and stop.is_requested():
        print_message("stopped; what was taken is on disk, and the same import again goes on")
        return stop.code()
    _print_unmatched(unmatched, report.expected)
    return 3 if untimed or report.refused or unmatched else 0


def _import(
    root: Path,
    source: str,
    found: "Sequence[Recording]",
    endpoint: str | None,
    parts: "tuple[EnvelopePart, ...]",
    stop: "StopRequest",
) -> "ImportReport":
    from cli.output.progress import progress
    from eventlog.clock import now_us
    from eventlog.files.writer_ids import IMPORT, machine_name, writer_id
    from fetcher.imports.importer import import_recordings
    from fetcher.sources import SOURCES

    with progress(now_us) as tell:
        return import_recordings(
            root,
            SOURCES[source],
            found,
            writer=writer_id(root, IMPORT, machine_name(os.environ)),
            endpoint=endpoint,
            parts=parts,
            now=now_us,
            segment_bytes=config(root).log.segment_bytes,
            on_progress=lambda told: tell(f"{source}: {_imported(told)}"),
            is_stopped=stop.is_requested,
        )


def _find(
    paths: tuple[Path, ...], observed_at: str | None, time_from: str
) -> "tuple[list[Recording], list[str]]":
    """What was recorded, and what is left out because nothing says when it was."""
    from cli.options.times import parse_time
    from eventlog.clock import now_us
    from eventlog.errors import Invalid
    from fetcher.imports.importer import find_recordings

    at = parse_time(observed_at, now_us()) if observed_at else None
    untimed: list[str] = []
    found = find_recordings(paths, at, time_from, untimed.append)
    if untimed and not found:
        raise Invalid("\n".join(untimed), _TIMES)
    return found, untimed


def _tell(source: str, report: "ImportReport", untimed: list[str]) -> None:
    print_message(f"{source}: {_imported(report)}")
    for each in (*untimed, *report.refused):
        print_message(f"left out: {each}")
    if untimed:
        print_message(f"  {_TIMES}")


def _print_unmatched(parts: list[str], recordings: int) -> None:
    for text in parts:
        print_message(f"--part '{text}' matched no response in {recordings} recordings")
    if parts:
        print_message("  compare its JSON path with one of the recordings")


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
def replay(sources: tuple[str, ...], since: str | None, until: str | None) -> int:
    """Run quarantined bodies (anomalies) through today's splitter.

    What can be taken apart by now becomes events at its own time; a second replay adds
    nothing.
    """
    from cli.output.progress import progress
    from cli.process.signals import record_signals
    from eventlog.clock import now_us
    from eventlog.files.writer_ids import IMPORT, machine_name, writer_id
    from fetcher.imports.replay_anomalies import replay_anomalies
    from fetcher.sources import SOURCES

    root = archive()
    begin, end = resolve_since(since), resolve_until(until)
    writer = writer_id(root, IMPORT, machine_name(os.environ))
    stop = record_signals()
    for name in select_sources(sources, SOURCES, "fetch replay") if sources else sorted(SOURCES):
        if stop.is_requested():
            break
        with progress(now_us) as tell:
            found = replay_anomalies(
                root,
                SOURCES[name],
                writer=writer,
                now=now_us,
                since=begin,
                until=end,
                segment_bytes=config(root).log.segment_bytes,
                on_progress=lambda told, name=name: tell(f"{name}: {_imported(told)}"),  # type: ignore[misc]
                is_stopped=stop.is_requested,
            )
        none = f"{name}: nothing in quarantine that can be taken apart by now"
        print_message(f"{name}: {_imported(found)}" if found.expected else none)
    return stop.code()


COMMANDS = (import_, replay)
