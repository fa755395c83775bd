"""`tail`: prints events as they are appended; with a cursor file each one exactly once."""

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
"""Number of events after which stdout is flushed and the cursor file is written."""

PrintEvent = Callable[["Record"], None]
SaveCursor = Callable[["Record | None"], None]
"""Called with each event that was printed, and with None to write the cursor file."""


@click.command(
    epilog="Example: hindlog tail -f 'openrouter/model/*' --kind entity",
    short_help="Prints events as they are appended.",
)
@click.argument("patterns", nargs=-1)
@click.option(
    "-f/--no-follow", "--follow/", "following", default=False, help="Keep waiting for new events."
)
@click.option(
    "-n",
    "--lines",
    default=10,
    type=click.IntRange(0),
    show_default=True,
    help="Print the last N events first.",
)
@click.option(
    "--from", "start", metavar="WHERE", help="Where to start: beginning, end, a cursor, or a time."
)
@click.option(
    "--cursor-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Start at the cursor in this file if it exists; keep it up to date.",
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
    """Prints events as they are appended, optionally only those that match PATTERNS.

    A pattern is a glob over source/type/id, as in `log`. In a pipe the lines are unmodified
    NDJSON; on a terminal each event is one readable line. With a cursor file, repeated calls
    lose no event and print none twice, even if segments are rolled and sealed in between.
    """
    from cli.process.signals import exit_on_sigterm
    from eventlog.read.tail import end_of

    exit_on_sigterm()
    root = archive()
    select = parse_event_filter(root, patterns, kinds)
    print_event = make_event_printer()
    _check_cursor_file(cursor_file)
    begin, since = _start_cursor(root, start, cursor_file, following)
    remaining = count
    if begin is None:
        begin = end_of(root)
        latest = _last_events(root, select, lines if count is None else min(lines, count), begin)
        for record in latest:
            print_event(record)
        remaining = None if count is None else count - len(latest)
    save_cursor = _cursor_saver(cursor_file, begin)
    save_cursor(None)  # before the first line: an interrupted reader starts again from here
    if remaining != 0:
        accepts = _event_test(select)
        _print_new(root, begin, since, following, accepts, print_event, save_cursor, remaining)
    flush_stdout()
    save_cursor(None)


def _print_new(
    root: Path,
    begin: "Cursor",
    since: int | None,
    following: bool,
    accepts: "Callable[[Record], bool]",
    print_event: PrintEvent,
    save_cursor: SaveCursor,
    remaining: int | None,
) -> None:
    """Prints the events after a cursor, until `remaining` are printed or the log ends.

    With `following` it waits for new events instead of ending. `remaining` None: no limit.
    """
    from eventlog.read.tail import follow

    flush_stdout()
    records = follow(root, begin, since=since, idle=lambda: _on_idle(save_cursor, following))
    for number, record in enumerate(records, 1):
        if accepts(record):
            print_event(record)
            remaining = None if remaining is None else remaining - 1
        save_cursor(record)
        if remaining == 0:
            return
        if number % _FLUSH_LINES == 0:
            flush_stdout()
            save_cursor(None)  # only after the flush: the cursor covers only delivered lines


def _on_idle(save_cursor: SaveCursor, following: bool) -> bool:
    """Flushes and saves when no event is left; returns whether to wait for more."""
    flush_stdout()
    save_cursor(None)
    return following


def _event_test(select: "Select") -> "Callable[[Record], bool]":
    """Returns a function that tests whether the filter accepts an event."""
    from eventlog.format.line_header import line_header
    from eventlog.read.event_filter import accepts_header, compile_select

    compiled = compile_select(select)
    if compiled.takes_all:
        return lambda _record: True
    return lambda record: accepts_header(compiled, line_header(record.line))


def _start_cursor(
    root: Path, start: str | None, cursor_file: Path | None, following: bool
) -> "tuple[Cursor | None, int | None]":
    """Returns the cursor to start from, and the instant before which events are skipped.

    A cursor of None means: print the last events, then continue from the end.
    """
    from cli.options.time_options import check_range
    from cli.options.times import parse_time
    from eventlog.clock import now_us
    from eventlog.read.cursor import from_text
    from eventlog.read.tail import check_cursor, end_of

    if cursor_file is not None and cursor_file.exists():
        if start is not None:
            print_message(f"continuing from the cursor in {cursor_file}; --from is ignored")
        return _read_cursor(root, cursor_file), None
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
    instant = parse_time(start, now_us())
    if not following:
        check_range(instant, None)
    return {}, instant


def _check_cursor_file(file: Path | None) -> None:
    """Raises `Invalid` if the folder of a cursor file is missing, `OSError` if it is read-only."""
    from eventlog.errors import Invalid
    from eventlog.files.publish import unique_temporary_path

    if file is None:
        return
    if not file.parent.is_dir():
        raise Invalid(f"{file}: the folder {file.parent} does not exist", f"mkdir -p {file.parent}")
    probe = unique_temporary_path(file)
    try:
        probe.write_bytes(b"h1.")
    except OSError as error:
        error.filename = str(file)
        raise
    finally:
        probe.unlink(missing_ok=True)


def _read_cursor(root: Path, file: Path) -> "Cursor":
    """Returns the cursor in a file. Raises `Invalid` with the path of the file."""
    from eventlog.errors import Invalid
    from eventlog.read.cursor import from_text
    from eventlog.read.tail import check_cursor

    try:
        cursor = from_text(file.read_bytes().decode("utf-8", "backslashreplace").strip())
        check_cursor(root, cursor)
    except Invalid as error:
        hint = f"{error.hint}; to start over, remove the file" if error.hint else None
        raise Invalid(f"{file}: {error.what}", hint) from error
    return cursor


def _last_events(root: Path, select: "Select", count: int, end: "Cursor") -> "Collection[Record]":
    """Returns the last `count` events before the cursor `end` that the filter accepts."""
    from eventlog.read.reader import read_events

    records: deque[Record] = deque()
    if count <= 0:
        return records
    for record in read_events(root, select, backwards=True):
        mark = end.get((record.segment.source, record.writer))
        if mark is not None and record.seq <= mark.seq:
            records.appendleft(record)
            if len(records) == count:
                break
    return records


def _cursor_saver(path: Path | None, begin: "Cursor") -> SaveCursor:
    """Returns a function that keeps a cursor file up to date; it does nothing without a path.

    The file is replaced atomically. The caller flushes stdout before it is written.
    """
    from eventlog.files.publish import replace_file
    from eventlog.read.cursor import mark, to_text

    if path is None:
        return lambda _record: None
    marks = dict(begin)
    latest: dict[tuple[str, str], Record] = {}
    written: list[str] = []

    def save(record: "Record | None") -> None:
        if record is not None:
            latest[record.segment.source, record.writer] = record
            return
        marks.update((key, mark(event.seq, event.line)) for key, event in latest.items())
        latest.clear()
        text = to_text(marks)
        if written != [text]:
            replace_file(path, text.encode() + b"\n")
            written[:] = [text]

    return save


COMMANDS = (tail,)
