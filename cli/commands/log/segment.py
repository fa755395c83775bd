"""`segment`: lists, prints and seals the files of the log."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options.arguments import parse_segment_argument
from cli.options.global_options import archive, global_options, print_message
from cli.output.counts import count_of
from cli.output.emit import choose_output, emit, output_options
from cli.process.streams import write_stdout

if TYPE_CHECKING:
    from eventlog.catalog.day import SegmentEntry
    from eventlog.format.paths import SegmentName


@click.group(
    short_help="The files of the log: list, cat, response, seal.",
    epilog="Example: hindlog segment list",
)
@global_options
def segment() -> None:
    """The files of the log."""


@segment.command("list", epilog="Example: hindlog segment list --json")
@click.option("--source", metavar="NAME", help="Only this source.")
@output_options
@global_options
def list_(source: str | None, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Lists the segments of the log, in the order of their hours.

    The state is `open`, `sealed`, `absent` (the manifest is here, the file is in the mirror only),
    `damaged`, `missing` (only the manifest is left) or `lost` (the loss was accepted).
    """
    columns = ("segment", "state", "rows", "first_seq", "last_seq", "first_observed_at")
    more = ("last_observed_at", "raw_bytes", "zst_bytes")
    root = archive()
    _check_source(root, source)
    emit(
        (*columns, *more),
        _rows(root, source),
        choose_output(fmt, as_json, output),
        optional=_OPTIONAL,
    )


_OPTIONAL = (
    *("first_seq", "raw_bytes", "last_observed_at", "last_seq", "first_observed_at", "zst_bytes"),
    "rows",
)
"""Columns that a narrow terminal leaves out, in this order."""


def _check_source(root: Path, source: str | None) -> None:
    """Raises `Invalid` for a source that this archive does not have."""
    from cli.options.global_options import config
    from eventlog.errors import Invalid
    from eventlog.files.listing import list_sources

    known = sorted({*list_sources(root), *config(root).source})
    if source is not None and source not in known:
        what = f"--source {source}: expected one of {', '.join(known)}"
        raise Invalid(what, "hindlog segment list --help")


def _rows(root: Path, source: str | None) -> Iterator[tuple[object, ...]]:
    """Yields the rows of the segments, in the order of their names."""
    from eventlog.catalog.lookup import days_between
    from eventlog.files.listing import list_sources

    for name in list_sources(root) if source is None else [source]:
        for folders in days_between(root, [name]):
            for folder in folders:
                for entry in folder.entries:
                    yield _row(root, folder.name_of(entry), entry)


def _row(root: Path, name: "SegmentName", entry: "SegmentEntry") -> tuple[object, ...]:
    from eventlog.catalog.day import sealed_facts
    from eventlog.catalog.lookup import is_absent
    from eventlog.files.listing import read_manifest
    from eventlog.files.lost_segments import read_loss

    if entry.is_lost:
        loss = read_loss(root, name)
        return (str(name), "lost", None, loss.first_seq, loss.last_seq, *([None] * 4))
    if entry.has_manifest:
        facts = entry.facts or sealed_facts(read_manifest(root, name))
        state = "sealed" if entry.has_zst else "missing"
        state = "absent" if is_absent(root, name, entry) else state
        counts = (facts.rows, facts.first_seq, facts.last_seq)
        times = (facts.first_observed_at, facts.last_observed_at)
        return (str(name), state, *counts, *times, facts.raw_bytes, facts.zst_bytes)
    return _open_row(root, name) if entry.is_open else (str(name), "damaged", *([None] * 7))


def _open_row(root: Path, name: "SegmentName") -> tuple[object, ...]:
    """Returns the row of an open segment, whose lines are counted by reading them."""
    from eventlog.format.line_header import line_header
    from eventlog.format.paths import open_path
    from eventlog.read.segment_lines import segment_blocks

    rows, first, last = 0, None, None
    for block in segment_blocks(root, name):
        lines = block.splitlines()
        rows += len(lines)
        first = first or line_header(lines[0])
        last = line_header(lines[-1])
    seqs = (first.seq if first else None, last.seq if last else None)
    times = (first.observed_at if first else None, last.observed_at if last else None)
    return (str(name), "open", rows, *seqs, *times, open_path(root, name).stat().st_size, None)


@segment.command(epilog="Example: hindlog segment cat openrouter/2026-11-21/05-1a2b3c4d-000 | jq")
@click.argument("segments", nargs=-1, required=True)
@global_options
def cat(segments: tuple[str, ...]) -> None:
    """Prints the lines of SEGMENTS, unmodified."""
    from eventlog.read.segment_lines import segment_blocks

    root = archive()
    for text in segments:
        for block in segment_blocks(root, parse_segment_argument(root, text)):
            write_stdout(block)


@segment.command(epilog="Example: hindlog segment response openrouter/2026-11-21/05-1a2b3c4d-000 7")
@click.argument("segment_", metavar="SEGMENT")
@click.argument("seq", type=click.IntRange(1))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to FILE.")
@global_options
def response(segment_: str, seq: int, output: Path | None) -> None:
    """Prints the response of the page event SEQ of SEGMENT, byte for byte as upstream sent it.

    Its SHA-256 is compared with the recorded one. For an anomaly, prints the bytes that were
    kept. If upstream repeated our key, asterisks replace it, and a message on stderr says so.
    """
    from cli.output.emit import atomic_file
    from eventlog.format.event_codec import decode
    from eventlog.read.bodies import response_of
    from eventlog.read.reader import read_event_in

    root = archive()
    line = read_event_in(root, parse_segment_argument(root, segment_), seq).line
    body = response_of(root, line)
    if decode(line).key_removed:
        print_message("upstream repeated our key in this response: asterisks replace it")
    if output is not None and str(output) != "-":
        with atomic_file(output) as temporary:
            temporary.write_bytes(body)
        return
    write_stdout(body)


@segment.command(epilog="Example: hindlog segment seal --all")
@click.option(
    "--all", "everything", is_flag=True, help="Seal also segments whose hour is not over."
)
@global_options
def seal(everything: bool) -> int:
    """Seals the open segments that no process is writing. Exits with 3 if one was left open.

    Segments of the folder from which this one was copied (`sync push --as-new`) stay open.
    """
    from cli.output.progress.display import progress
    from cli.process.signals import record_signals
    from eventlog.clock import HOUR, now_us
    from eventlog.files.listing import list_segments
    from eventlog.files.writer_ids import is_of_other_folder
    from eventlog.write.writer import seal_idle

    root = archive()
    stop = record_signals()
    now = now_us()
    unsealed = [
        files.name
        for files in list_segments(root)
        if files.is_open and not files.is_sealed and not is_of_other_folder(root, files.name.writer)
    ]
    due = [name for name in unsealed if everything or name.starts_at + HOUR <= now]
    locked: list[str] = []
    sealed = 0
    with progress(now_us) as show:
        for source, writer in sorted({(name.source, name.writer) for name in due}):
            if stop.is_requested():
                done = f"sealed {count_of(sealed, 'segment')}"
                print_message(f"stopped; {done}, the others stay open: hindlog segment seal")
                return stop.code()
            count = seal_idle(root, source, writer)
            if count is None:
                locked.append(f"{source}, writer {writer}")
            sealed += count or 0
            show("segments sealed", sealed, len(due))
    left_open = len(unsealed) - len(due)
    done = f"sealed {count_of(sealed, 'segment')}"
    print_message(f"{done}; {left_open} left open: their hour is not over")
    for stream in locked:
        print_message(f"left open, a process is writing it: {stream}")
    return 3 if locked else 0


COMMANDS = (segment,)
