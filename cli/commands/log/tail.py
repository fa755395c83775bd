"""`tail`: events as they are appended, none lost, none twice."""

from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options.global_options import archive, global_options, print_message
from cli.output.event_printer import flush_stdout, make_event_printer, parse_event_filter

if TYPE_CHECKING:
    from eventlog.read.cursor import Cursor
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import Record

_FLUSH_LINES = 256


@click.command(
    epilog="Example: hindlog tail -f 'openrouter/model/*' --kind entity",
    short_help="Events as they are appended.",
)
@click.argument("patterns", nargs=-1)
@click.option("-f/--no-follow", "--follow/", "following", default=False, help="Go on for ever.")
@click.option(
    "-n",
    "--lines",
    default=10,
    type=click.IntRange(0),
    show_default=True,
    help="Begin with the last N events.",
)
@click.option("--from", "start", metavar="WHERE", help="beginning, end, a cursor, or a time.")
@click.option(
    "--cursor-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Go on from here, where there is one, and note how far.",
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
    from cli.process.signals import exit_on_sigterm
    from eventlog.read.tail import end_of

    exit_on_sigterm()
    root = archive()
    select = parse_event_filter(patterns, kinds)
    show = make_event_printer()
    _check_folder(cursor_file)
    begin, since = _beginning(root, start, cursor_file)
    left = count
    if begin is None:
        begin = end_of(root)
        last = _last(root, select, lines if count is None else min(lines, count), begin)
        for record in last:
            show(record)
        left = None if count is None else count - len(last)
    note = _noter(cursor_file, begin)
    note(None)  # before the first line: a reader cut short comes back to where it began
    if left != 0:
        _show_fresh(root, begin, since, following, _wanted(select), show, note, left)
    flush_stdout()
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
    from eventlog.read.tail import follow

    flush_stdout()
    fresh = follow(root, begin, since=since, idle=lambda: _idle(note, following))
    for number, record in enumerate(fresh, 1):
        if wanted(record):
            show(record)
            left = None if left is None else left - 1
        note(record)
        if left == 0:
            return
        if number % _FLUSH_LINES == 0:
            flush_stdout()
            note(None)  # a reader who leaves comes back to what it was handed


def _idle(note: "Callable[[Record | None], None]", following: bool) -> bool:
    flush_stdout()
    note(None)
    return following


def _wanted(select: "Select") -> "Callable[[Record], bool]":
    from eventlog.format.line_header import line_header
    from eventlog.read.event_filter import accepts_header, compile_select

    wanted = compile_select(select)
    if wanted.takes_all:
        return lambda _record: True
    return lambda record: accepts_header(wanted, line_header(record.line))


def _beginning(
    root: Path, start: str | None, cursor_file: Path | None
) -> "tuple[Cursor | None, int | None]":
    """Where to begin, and the instant before which nothing is shown."""
    from cli.options.times import parse_time
    from eventlog.clock import now_us
    from eventlog.read.cursor import from_text
    from eventlog.read.tail import check_cursor, end_of

    if cursor_file is not None and cursor_file.exists():
        if start is not None:
            print_message(
                f"going on from the cursor in {cursor_file}; without it --from would count"
            )
        return _cursor_in(root, cursor_file), None
    if start is None:
        return None, None
    if start == "beginning":
        return {}, None
    if start == "end":
        return end_of(root), None
    if start.startswith("h1."):
        cursor = from_text(start)
        check_cursor(root, cursor)
        return cursor, None
    return {}, parse_time(start, now_us())


def _check_folder(file: Path | None) -> None:
    from eventlog.errors import Invalid

    if file is not None and not file.parent.is_dir():
        raise Invalid(f"{file}: the folder {file.parent} does not exist", f"mkdir -p {file.parent}")


def _cursor_in(root: Path, file: Path) -> "Cursor":
    """The cursor that a file holds. Raises `Invalid`, naming the file."""
    from eventlog.errors import Invalid
    from eventlog.read.cursor import from_text
    from eventlog.read.tail import check_cursor

    try:
        cursor = from_text(file.read_bytes().decode("utf-8", "backslashreplace").strip())
        check_cursor(root, cursor)
    except Invalid as error:
        hint = f"{error.hint}; remove the file to begin anew" if error.hint else None
        raise Invalid(f"{file}: {error.what}", hint) from error
    return cursor


def _last(root: Path, select: "Select", count: int, end: "Cursor") -> "Collection[Record]":
    """The last events that are wanted and lie before a cursor."""
    from eventlog.read.reader import read_events

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
    from eventlog.files.publish import replace_file
    from eventlog.read.cursor import mark, to_text

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


COMMANDS = (tail,)
