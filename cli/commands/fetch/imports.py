"""`fetch import` and `fetch replay`: events from recorded responses and quarantined bodies."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands.fetch.sources import select_sources
from cli.options.global_options import archive, config, global_options, print_message
from cli.options.time_options import resolve_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.process.signals import StopRequest
    from eventlog.errors import HindlogError
    from eventlog.progress import ReportProgress
    from fetcher.imports.import_report import ImportReport
    from fetcher.imports.recordings import Recording
    from fetcher.imports.responses.envelope import EnvelopePart

_STOPPED = "stopped; what was imported is on disk: run the same import again to continue"

_IMPORT_HELP = """Imports responses recorded elsewhere as events at their own time.

PATHS are files, folders, pipes and - (stdin). Read are .json, .ndjson and .jsonl files, tar
packs (.tar, .tgz), and all of them compressed (.gz, .zst, .bz2, .xz); a file that is named
itself may have any name. Links are followed; hidden files and folders are ignored. With
--time-from git, PATHS are files or folders of a git repository, and every version that led to
the checked-out commit is imported. The import is idempotent, and the order does not matter.

Left out and named, with exit code 3, are damaged files, files of other kinds, and versions
that a git clone lacks; names with several dates, or with text after a date that is not
understood as UTC time or offset; and times before 1970 or in the future. The others are
imported. If there is nothing to import, the exit code is 6.

Each line of a .ndjson or .jsonl file is one response or one entity. A bare array is
imported as a response with that array as its only member. What is not recognized is left out
and named, or with --keep-unrecognized stored whole as an anomaly; the exit code is 3 either way.

--part extracts responses from an envelope that contains several: a JSON path, =, and the
endpoint, in which {key} is the name that the last * of the path matched, as it is spelled. For
example '$.endpoints.*=/api/v1/models/{key}/endpoints'. Exits with 3 if a part matches no
response, and if a response contains something that could not be named, each time.
"""


@click.command(
    "import",
    help=_IMPORT_HELP,
    epilog="Example: hindlog fetch import openrouter recordings/*.tar.zst",
)
@click.argument("source")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--endpoint",
    metavar="PATH",
    help="Path of the endpoint (default: recognized by the structure of the response).",
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="JSONPATH=ENDPOINT",
    help="A response inside another collector's envelope; may be repeated.",
)
@click.option(
    "--keep-unrecognized",
    is_flag=True,
    help="Store what is not recognized as anomalies, instead of leaving it out.",
)
@click.option("--observed-at", metavar="T", help="Time of the responses, for all of PATHS.")
@click.option(
    "--time-from",
    type=click.Choice(("name", "mtime", "git")),
    default="name",
    show_default=True,
    help="Source of the time of each response.",
)
@global_options
def import_(
    source: str,
    paths: tuple[Path, ...],
    endpoint: str | None,
    parts: tuple[str, ...],
    keep_unrecognized: bool,
    observed_at: str | None,
    time_from: str,
) -> int:
    """Imports responses recorded elsewhere as events at their own time."""
    from cli.process.signals import record_signals
    from fetcher.imports.responses.envelope import parse_envelope_part
    from fetcher.sources import SOURCES

    root = archive()
    select_sources((source,), SOURCES, "fetch import")
    envelope_parts = tuple(map(parse_envelope_part, parts))
    left_out: list[HindlogError] = []
    recordings = _find_recordings(paths, observed_at, time_from, left_out)
    stop = record_signals()
    report = _import(root, source, recordings, endpoint, envelope_parts, keep_unrecognized, stop)
    _print_report(source, report, left_out)
    if report.responses < report.expected and stop.is_requested():
        print_message(_STOPPED)
        return stop.code()
    unmatched = _print_unmatched(parts, report)
    problems = (*left_out, *report.refused, *report.quarantined, *report.doubtful)
    return 3 if problems or unmatched else 0


def _import(
    root: Path,
    source: str,
    recordings: "Sequence[Recording]",
    endpoint: str | None,
    parts: "tuple[EnvelopePart, ...]",
    keep_unrecognized: bool,
    stop: "StopRequest",
) -> "ImportReport":
    from cli.output.progress.display import progress
    from eventlog.clock import now_us
    from eventlog.files.writer_ids import IMPORT, machine_name, writer_id
    from fetcher.imports.importer import import_recordings
    from fetcher.sources import SOURCES

    with progress(now_us) as show:
        return import_recordings(
            root,
            SOURCES[source],
            recordings,
            writer=writer_id(root, IMPORT, machine_name(os.environ)),
            endpoint=endpoint,
            parts=parts,
            keep_unrecognized=keep_unrecognized,
            now=now_us,
            segment_bytes=config(root).log.segment_bytes,
            on_progress=lambda report: show(
                "responses imported", report.responses, report.expected
            ),
            is_stopped=stop.is_requested,
        )


def _find_recordings(
    paths: tuple[Path, ...],
    observed_at: str | None,
    time_from: str,
    left_out: "list[HindlogError]",
) -> "list[Recording]":
    """Returns the recordings; appends to `left_out` why others are not among them.

    The errors of reading a recording are appended later. Raises if there is no recording.
    """
    from cli.options.times import parse_time
    from eventlog.clock import now_us
    from fetcher.imports.find_recordings import find_recordings

    at = parse_time(observed_at, now_us()) if observed_at else None
    recordings = find_recordings(paths, at, time_from, left_out.append)
    if not recordings:
        raise _nothing_found(left_out)
    return recordings


def _nothing_found(left_out: "list[HindlogError]") -> "HindlogError":
    """Returns the error of an import without any recording: the reasons why there is none."""
    from eventlog.errors import Invalid, NotFound, Partial
    from fetcher.imports.files.decompress import DamagedRecording

    kinds = (Partial, DamagedRecording), (Invalid, Invalid)
    matching = (code for code, of in kinds if any(isinstance(error, of) for error in left_out))
    kind = next(matching, NotFound)
    hints = dict.fromkeys(error.hint for error in left_out if error.hint)
    what = "\n".join(error.what for error in left_out) or "nothing to import"
    return kind(what, "\n".join(hints) or None)


def _print_report(source: str, report: "ImportReport", left_out: "Sequence[HindlogError]") -> None:
    from cli.output.cells import visible

    print_message(f"{source}: {_import_summary(report)}")
    for reason in (*(error.what for error in left_out), *report.refused):
        print_message(visible(f"left out: {reason}"))
    for reason in report.quarantined:
        print_message(visible(f"kept as an anomaly: {reason}"))
    for reason in report.doubtful:
        print_message(visible(f"not used as a complete listing: {reason}"))
    for hint in dict.fromkeys(error.hint for error in left_out if error.hint):
        print_message(f"  {hint}")


def _print_unmatched(parts: tuple[str, ...], report: "ImportReport") -> bool:
    """Names the parts that matched no response; returns whether there are any."""
    unmatched = [text for text in parts if text not in report.matched_parts]
    for text in unmatched:
        print_message(f"--part '{text}' matched no response in {report.recordings} recordings")
    if unmatched:
        print_message("  compare its JSON path with one of the recordings")
    return bool(unmatched)


def _import_summary(report: "ImportReport") -> str:
    """Returns the counts of an import as one line."""
    summary = (
        f"{report.responses} of {report.expected} responses, {report.already} of them in the log "
        f"already"
    )
    summary += f", {report.kept} kept as anomalies" if report.kept else ""
    summary += f", {report.left_out} left out" if report.left_out else ""
    summary += (
        f"; {report.entities} entities, embedded ones included: {report.stored} new or changed, "
        f"{report.unchanged} unchanged"
    )
    return f"{summary}; {report.anomalies} anomalies" if report.anomalies else summary


@click.command(epilog="Example: hindlog fetch replay openrouter --since 7d")
@click.argument("sources", nargs=-1)
@click.option("--since", metavar="T", help="Only bodies observed from this instant on.")
@click.option("--until", metavar="T", help="Only bodies observed before this instant.")
@global_options
def replay(sources: tuple[str, ...], since: str | None, until: str | None) -> int:
    """Splits quarantined bodies (anomalies) again, with the current splitter.

    A body that can be split now becomes events at its own time. Replaying twice adds nothing
    (idempotent).
    """
    from cli.output.progress.display import progress
    from cli.process.signals import record_signals
    from eventlog.clock import now_us
    from eventlog.files.writer_ids import IMPORT, machine_name, writer_id
    from fetcher.imports.replay_anomalies import replay_anomalies
    from fetcher.sources import SOURCES

    root = archive()
    begin, end = resolve_range(since, until)
    writer = writer_id(root, IMPORT, machine_name(os.environ))
    stop = record_signals()
    for name in select_sources(sources, SOURCES, "fetch replay") if sources else sorted(SOURCES):
        if stop.is_requested():
            break
        with progress(now_us) as show:
            report = replay_anomalies(
                root,
                SOURCES[name],
                writer=writer,
                now=now_us,
                since=begin,
                until=end,
                segment_bytes=config(root).log.segment_bytes,
                on_progress=partial(_show_replayed, show, name),
                is_stopped=stop.is_requested,
            )
        summary = _import_summary(report) if report.expected else "no quarantined body can be split"
        print_message(f"{name}: {summary}")
    return stop.code()


def _show_replayed(show: "ReportProgress", source: str, report: "ImportReport") -> None:
    show(f"bodies of {source} split again", report.responses, report.expected)


COMMANDS = (import_, replay)
