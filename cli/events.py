"""`log`, and how events are chosen and shown."""

import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from cli.options import archive, global_options, say, stdout_is_terminal, wants_color
from cli.output import Output, chosen, emit, output_options, whole
from cli.render import SUFFIXES as ROW_SUFFIXES
from cli.streams import naming_stdout
from eventlog.errors import Invalid

if TYPE_CHECKING:
    from eventlog.errors import Corrupt
    from eventlog.reader import Record
    from eventlog.select import Select


def selection(patterns: tuple[str, ...], kinds: tuple[str, ...]) -> "Select":
    """What patterns and kinds ask for. Raises `Invalid` for a kind that is none."""
    from eventlog.event import KINDS
    from eventlog.select import Select

    for kind in kinds:
        if kind not in KINDS:
            raise Invalid(f"--kind {kind}: expected one of {', '.join(KINDS)}")
    return Select(kinds=frozenset(kinds), patterns=patterns)


def printer() -> "Callable[[Record], None]":
    """How an event is shown: untouched in a pipe, readable on a terminal."""
    if not stdout_is_terminal():
        out = sys.stdout.buffer
        return lambda record: _write(out.write, record.line)
    from cli.event import event_line

    color = wants_color(True)
    width = shutil.get_terminal_size((100, 24)).columns
    return lambda record: click.echo(event_line(record.line, color, width), color=color)


def _write(write: Callable[[bytes], int], line: bytes) -> None:
    with naming_stdout():
        write(line)
        write(b"\n")


def flush() -> None:
    """Hand over what is held back for stdout."""
    with naming_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.flush()


@click.command(
    epilog="Example: hindlog log openrouter/model/openai/gpt-5 --since 7d",
    short_help="The events of a range of time.",
)
@click.argument("patterns", nargs=-1)
@click.option("--since", metavar="T", help="From this instant on.")
@click.option("--until", metavar="T", help="Before this instant.")
@click.option("--kind", "kinds", multiple=True, help="Only events of this kind.")
@click.option("--reverse", is_flag=True, help="The latest first.")
@click.option("--stats", is_flag=True, help="Counts by source, kind and type instead of events.")
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
    """The events of a range of time, then ends.

    In a pipe and in a file events are NDJSON, exactly as written. -F json is one array
    of them, -F table a readable line each; the other forms are for --stats.
    """
    import attrs

    from cli.moments import since_of, until_of
    from eventlog.reader import read_events

    select = selection(patterns, kinds)
    to = chosen(fmt, as_json, output) if stats else _form(fmt, as_json, output)
    select = attrs.evolve(select, since=since_of(since), until=until_of(until))
    refused: list[Corrupt] = []
    records = read_events(archive(), select, refuse=refused.append, backwards=reverse)
    if stats:
        _print_stats(records, to)
    else:
        _print_events(islice(records, lines), to)
    flush()
    for error in refused:
        say(f"refused: {error.what}")
        say(f"  {error.hint}" if error.hint else "")
    return 4 if refused else 0


def _form(fmt: str | None, as_json: bool, output: Path | None) -> Output:
    """How events are written: as they are, unless somebody reads them."""
    is_plain = output is None or output.suffix.lower() not in (".json", *ROW_SUFFIXES)
    if fmt is None and not as_json and is_plain:
        fmt = "table" if output is None and stdout_is_terminal() else "ndjson"
    to = chosen(fmt, as_json, output)
    if to.format not in ("ndjson", "json", "table"):
        what = f"events as {to.format}: expected ndjson, json or table"
        raise Invalid(what, "hindlog sql 'FROM log.events' gives them as rows")
    return to


def _print_events(records: "Iterator[Record]", to: Output) -> None:
    if to.path is None:
        with naming_stdout():
            _write_events(records, to.format, sys.stdout.buffer, printer())
        return
    with whole(to.path) as temporary, temporary.open("wb") as file:
        _write_events(records, to.format, file, None)


def _write_events(
    records: "Iterator[Record]",
    form: str,
    out: BinaryIO,
    show: "Callable[[Record], None] | None",
) -> None:
    if form == "json":
        out.write(b"[")
        for number, record in enumerate(records):
            out.write((b",\n" if number else b"\n") + record.line)
        out.write(b"\n]\n")
    elif form == "table" and (show is None or not stdout_is_terminal()):
        for record in records:
            out.write(_readable(record) + b"\n")
    elif form == "table" and show is not None:
        for record in records:
            show(record)
    else:
        for record in records:
            out.write(record.line)
            out.write(b"\n")


def _readable(record: "Record") -> bytes:
    from cli.event import event_line

    return event_line(record.line, False, 0).encode("utf-8", "backslashreplace")


def _print_stats(records: "Iterator[Record]", to: Output) -> None:
    from eventlog.prefix import prefix

    counts: dict[tuple[str, str, str], list[int]] = {}
    for record in records:
        head = prefix(record.line)
        cell = counts.setdefault((head.source, head.kind, head.type or ""), [0, 0])
        cell[0] += 1
        cell[1] += len(record.line) + 1
    rows = [(*key, *counts[key]) for key in sorted(counts)]
    emit(("source", "kind", "type", "events", "bytes"), rows, to)


COMMANDS = (log,)
