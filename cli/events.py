"""`tail`, `log` and `show`: events and entities as they stand in the log."""

import shutil
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import archive, global_options, say, stdout_is_terminal, wants_color
from cli.output import Output, chosen, emit, output_options

if TYPE_CHECKING:
    from eventlog.cursor import Cursor
    from eventlog.errors import Corrupt
    from eventlog.reader import Record
    from eventlog.select import Select

_FLUSH_LINES = 256


@click.command(
    epilog="Example: hindlog tail -f 'openrouter/model/*' --kind entity",
    short_help="Events as they are appended.",
)
@click.argument("patterns", nargs=-1)
@click.option("-f/--no-follow", "--follow/", "following", default=False, help="Go on for ever.")
@click.option("-n", "--lines", default=10, show_default=True, help="Begin with the last N events.")
@click.option("--from", "start", metavar="WHERE", help="beginning, end, a cursor, or a time.")
@click.option(
    "--cursor-file", type=click.Path(path_type=Path), help="Go on from here, and note how far."
)
@click.option("--kind", "kinds", multiple=True, help="Only events of this kind.")
@click.option("--count", type=click.IntRange(1), help="Stop after N events.")
@global_options
def tail(
    patterns: tuple[str, ...],
    following: bool,
    lines: int,
    start: str | None,
    cursor_file: Path | None,
    kinds: tuple[str, ...],
    count: int | None,
) -> None:
    """Events as they are appended, optionally only those of PATTERNS.

    A pattern is a glob over source/type/id. In a pipe the lines are NDJSON, exactly
    as written; on a terminal one readable line each. With a cursor file no event is
    lost and none comes twice, whatever happens in between.
    """
    from cli.signals import stop_on_sigterm
    from eventlog.tail import end_of

    stop_on_sigterm()
    root = archive()
    select = _select(patterns, kinds)
    show = _printer()
    begin, since = _beginning(root, start, cursor_file)
    left = count
    if begin is None:
        begin = end_of(root)
        last = _last(root, select, lines if count is None else min(lines, count), begin)
        for record in last:
            show(record)
        left = None if count is None else count - len(last)
    note = _noter(cursor_file, begin)
    if left != 0:
        _show_fresh(root, begin, since, following, _wanted(select), show, note, left)
    _flush()
    note(None)


def _show_fresh(
    root: Path,
    begin: "Cursor",
    since: int | None,
    following: bool,
    wanted: "Callable[[Record], bool]",
    show: "Callable[[Record], None]",
    note: "Callable[[Record | None], None]",
    left: int | None,
) -> None:
    """Events behind a cursor, until `left` of them are shown or nothing more comes."""
    from eventlog.tail import follow

    _flush()
    fresh = follow(root, begin, since=since, idle=lambda: _idle(note, following))
    for number, record in enumerate(fresh, 1):
        if wanted(record):
            show(record)
            left = None if left is None else left - 1
        note(record)
        if left == 0:
            return
        if number % _FLUSH_LINES == 0:
            _flush()


def _idle(note: "Callable[[Record | None], None]", following: bool) -> bool:
    _flush()
    note(None)
    return following


def _flush() -> None:
    sys.stdout.flush()
    sys.stdout.buffer.flush()


def _select(patterns: tuple[str, ...], kinds: tuple[str, ...]) -> "Select":
    from eventlog.errors import Invalid
    from eventlog.event import KINDS
    from eventlog.select import Select

    for kind in kinds:
        if kind not in KINDS:
            raise Invalid(f"--kind {kind}: expected one of {', '.join(KINDS)}")
    return Select(kinds=frozenset(kinds), patterns=patterns)


def _wanted(select: "Select") -> "Callable[[Record], bool]":
    from eventlog.prefix import prefix
    from eventlog.select import matches, ready

    wanted = ready(select)
    if wanted.takes_all:
        return lambda _record: True
    return lambda record: matches(wanted, prefix(record.line))


def _beginning(
    root: Path, start: str | None, cursor_file: Path | None
) -> "tuple[Cursor | None, int | None]":
    """Where to begin, and the instant before which nothing is shown."""
    from cli.times import parse_time
    from eventlog.clock import now_us
    from eventlog.cursor import from_text
    from eventlog.tail import confirm, end_of

    if start is None and cursor_file is not None and cursor_file.exists():
        start = cursor_file.read_text().strip()
    if start is None:
        return None, None
    if start == "beginning":
        return {}, None
    if start == "end":
        return end_of(root), None
    if start.startswith("h1."):
        cursor = from_text(start)
        confirm(root, cursor)
        return cursor, None
    return {}, parse_time(start, now_us())


def _last(root: Path, select: "Select", count: int, end: "Cursor") -> "Collection[Record]":
    """The last events that are wanted and lie before a cursor."""
    from eventlog.reader import read_events

    found: deque[Record] = deque()
    if count <= 0:
        return found
    for record in read_events(root, select, backwards=True):
        mark = end.get((record.segment.source, record.writer))
        if mark is not None and record.seq <= mark.seq:
            found.appendleft(record)
            if len(found) == count:
                break
    return found


def _noter(path: Path | None, begin: "Cursor") -> "Callable[[Record | None], None]":
    """Keeps a cursor file: written, by rename, only after the lines are out."""
    from eventlog.cursor import mark, to_text
    from eventlog.disk import replace_file

    if path is None:
        return lambda _record: None
    marks = dict(begin)
    latest: dict[tuple[str, str], Record] = {}
    written: list[str] = []

    def note(record: "Record | None") -> None:
        if record is not None:
            latest[record.segment.source, record.writer] = record
            return
        marks.update((key, mark(each.seq, each.line)) for key, each in latest.items())
        latest.clear()
        text = to_text(marks)
        if written != [text]:
            replace_file(path, text.encode() + b"\n")
            written[:] = [text]

    return note


def _printer() -> "Callable[[Record], None]":
    """How an event is shown: untouched in a pipe, readable on a terminal."""
    if not stdout_is_terminal():
        out = sys.stdout.buffer
        return lambda record: _write(out.write, record.line)
    from cli.event import event_line

    color = wants_color(True)
    width = shutil.get_terminal_size((100, 24)).columns
    return lambda record: click.echo(event_line(record.line, color, width), color=color)


def _write(write: Callable[[bytes], int], line: bytes) -> None:
    write(line)
    write(b"\n")


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

    Events are NDJSON, exactly as written, in a pipe; the form of the rows is that of
    --stats.
    """
    import attrs

    from cli.times import parse_time
    from eventlog.clock import now_us
    from eventlog.reader import read_events

    now = now_us()
    select = attrs.evolve(
        _select(patterns, kinds),
        since=parse_time(since, now) if since else None,
        until=parse_time(until, now) if until else None,
    )
    refused: list[Corrupt] = []
    records = read_events(archive(), select, refuse=refused.append, backwards=reverse)
    if stats:
        _print_stats(records, chosen(fmt, as_json, output))
    else:
        show = _printer()
        for number, record in enumerate(records, 1):
            show(record)
            if number == lines:
                break
    _flush()
    for error in refused:
        say(f"refused: {error.what}")
        say(f"  {error.hint}" if error.hint else "")
    return 4 if refused else 0


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


COMMANDS = (tail, log)
