"""`log`: prints the events of a time range, or their counts."""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from cli.options.global_options import archive, global_options, print_message, stdout_is_terminal
from cli.output.emit import OutputTarget, atomic_file, choose_output, emit, output_options
from cli.output.event_printer import flush_stdout, make_event_printer, parse_event_filter
from cli.output.formats import SUFFIXES as ROW_SUFFIXES
from cli.process.streams import name_stdout_errors
from eventlog.errors import Invalid

if TYPE_CHECKING:
    from eventlog.errors import Corrupt
    from eventlog.read.reader import Record


@click.command(
    epilog="Example: hindlog log openrouter/model/openai/gpt-5 --since 7d",
    short_help="Prints the events of a time range.",
)
@click.argument("patterns", nargs=-1)
@click.option("--since", metavar="T", help="Start of the range, inclusive.")
@click.option("--until", metavar="T", help="End of the range, exclusive.")
@click.option("--kind", "kinds", multiple=True, help="Only events of this kind.")
@click.option("--reverse", is_flag=True, help="Print the latest event first.")
@click.option(
    "--stats", is_flag=True, help="Print counts by source, kind and type instead of events."
)
@click.option("-n", "--lines", type=click.IntRange(1), help="Stop after N events.")
@output_options
@global_options
def log(
    patterns: tuple[str, ...],
    since: str | None,
    until: str | None,
    kinds: tuple[str, ...],
    reverse: bool,
    stats: bool,
    lines: int | None,
    fmt: str | None,
    as_json: bool,
    output: Path | None,
) -> int:
    """Prints the events of a time range, optionally only those that match PATTERNS.

    A pattern is a glob over source/type/id with the wildcards * and ?; every other character
    is itself. In a pipe and in a file, events are unmodified NDJSON. -F json prints one array,
    -F table one readable line per event; the other formats are for --stats.
    """
    import attrs

    from cli.options.time_options import resolve_range
    from eventlog.read.reader import read_events

    root = archive()
    select = parse_event_filter(root, patterns, kinds)
    choose = choose_output if stats else _choose_event_output
    to = choose(fmt, as_json, output)
    begin, end = resolve_range(since, until)
    select = attrs.evolve(select, since=begin, until=end)
    damages: list[Corrupt] = []
    records = read_events(root, select, on_corrupt=damages.append, backwards=reverse)
    if stats:
        _print_stats(records, to)
    else:
        _print_events(islice(records, lines), to)
    flush_stdout()
    for error in damages:
        print_message(f"skipped, damaged: {error.what}")
        print_message(f"  {error.hint}" if error.hint else "")
    return 4 if damages else 0


def _choose_event_output(fmt: str | None, as_json: bool, output: Path | None) -> OutputTarget:
    """Returns destination and format of events: NDJSON unless they go to a terminal.

    Raises `Invalid` for a format that events do not have.
    """
    is_plain = output is None or output.suffix.lower() not in (".json", *ROW_SUFFIXES)
    if fmt is None and not as_json and is_plain:
        fmt = "table" if output is None and stdout_is_terminal() else "ndjson"
    to = choose_output(fmt, as_json, output)
    if to.format not in ("ndjson", "json", "table"):
        what = f"events as {to.format}: expected ndjson, json or table"
        raise Invalid(what, "hindlog sql 'FROM log.events' prints events as rows")
    return to


def _print_events(records: "Iterator[Record]", to: OutputTarget) -> None:
    if to.path is None:
        with name_stdout_errors():
            _write_events(records, to.format, sys.stdout.buffer, make_event_printer())
        return
    with atomic_file(to.path) as temporary, temporary.open("wb") as file:
        _write_events(records, to.format, file, None)


def _write_events(
    records: "Iterator[Record]",
    format_: str,
    out: BinaryIO,
    print_event: "Callable[[Record], None] | None",
) -> None:
    """Writes events to `out`; `print_event` is used for a table on a terminal."""
    if format_ == "json":
        out.write(b"[")
        for number, record in enumerate(records):
            out.write((b",\n" if number else b"\n") + record.line)
        out.write(b"\n]\n")
    elif format_ == "table" and (print_event is None or not stdout_is_terminal()):
        for record in records:
            out.write(_readable_line(record) + b"\n")
    elif format_ == "table" and print_event is not None:
        for record in records:
            print_event(record)
    else:
        for record in records:
            out.write(record.line)
            out.write(b"\n")


def _readable_line(record: "Record") -> bytes:
    from cli.output.event_line import event_line

    return event_line(record.line, False, 0).encode("utf-8", "backslashreplace")


def _print_stats(records: "Iterator[Record]", to: OutputTarget) -> None:
    from eventlog.format.line_header import line_header

    counts: dict[tuple[str, str, str], list[int]] = {}
    for record in records:
        header = line_header(record.line)
        count = counts.setdefault((header.source, header.kind, header.type or ""), [0, 0])
        count[0] += 1
        count[1] += len(record.line) + 1
    rows = [(*key, *counts[key]) for key in sorted(counts)]
    emit(("source", "kind", "type", "events", "bytes"), rows, to)


COMMANDS = (log,)
