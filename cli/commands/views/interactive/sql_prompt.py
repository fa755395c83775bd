"""The interactive SQL prompt: reads one statement at a time and prints its rows."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from cli.config.listings import nearest
from cli.options.times import format_time
from cli.output.emit import choose_output, emit
from cli.output.exit_codes import report
from cli.process.signals import raise_on_every_signal, restore_signal_error
from eventlog.clock import instant_at
from eventlog.errors import Invalid

HELP = """\
End each SELECT with a semicolon. Tab completes, Ctrl-C stops a query, Ctrl-D leaves.
  .tables            list the views; also SHOW TABLES;
  .schema VIEW       list the columns of a view; also DESCRIBE VIEW;
  .as-of TIME        query the state as of TIME from now on; .as-of now: the latest state
                     also SET VARIABLE as_of = TIMESTAMPTZ '2026-11-01';
  .help  .quit       also exit, quit"""

Rows = tuple[tuple[str, ...], Iterator[tuple[object, ...]]]
Ask = Callable[[str, int | None], Rows]
"""Runs a query as of an instant (None: now); returns columns and rows."""
Resolve = Callable[[str | None], int | None]
"""Converts the text of a time to an instant."""
Reader = Callable[[], str | None]
"""Returns the next statement, without the spaces around it; None at the end of input."""

_LEAVES = re.compile(r"\.?(?:quit|exit)\s*;?", re.IGNORECASE)
_TABLES = re.compile(r"\.(?:tables|views)|show\s+(?:all\s+)?tables\s*;", re.IGNORECASE)
_SCHEMA = re.compile(r"(?:\.schema|desc(?:ribe)?)(?:\s+([^\s;]+))?\s*;?", re.IGNORECASE)
_AS_OF = re.compile(r"\.as-of(?:\s+(.*))?", re.IGNORECASE)
_SET = re.compile(r"set\s+variable\s+as_of\s*(?:=|\bto\b)\s*(.+?)\s*;", re.IGNORECASE | re.DOTALL)
_RESET = re.compile(r"reset\s+variable\s+as_of\s*;", re.IGNORECASE)

_OF_VIEWS = """\
FROM information_schema.columns
WHERE table_schema NOT IN ('information_schema', 'main')
AND table_name NOT LIKE '\\_%' ESCAPE '\\'"""
_VIEWS = f"""\
SELECT table_schema || '.' || table_name AS view, count(*) AS columns
{_OF_VIEWS}
GROUP BY ALL ORDER BY view"""
_COLUMNS = f"""\
SELECT table_schema || '.' || table_name AS view, column_name AS column, data_type AS type
{_OF_VIEWS}
ORDER BY view, ordinal_position"""


def run_prompt(ask: Ask, read: Reader, resolve_as_of: Resolve, as_of: int | None = None) -> None:
    """Reads and runs statements until the end of input. Reports errors and continues.

    `as_of`: the instant of the first queries; None: now.
    """
    raise_on_every_signal()
    sys.stderr.write(HELP + "\n")
    while True:
        try:
            text = read()
            if text is None or _LEAVES.fullmatch(text):
                return
            as_of = _run(text, ask, resolve_as_of, as_of)
        except (Exception, KeyboardInterrupt) as error:
            # DuckDB may report Ctrl-C as an error of its own while it opens the views
            raised = restore_signal_error(error)
            if isinstance(raised, KeyboardInterrupt):
                sys.stderr.write("query stopped\n")
            elif isinstance(raised, Exception):
                report(raised, False, sys.stderr)  # the prompt continues after an invalid query
            else:
                raise raised from error


def _run(text: str, ask: Ask, resolve_as_of: Resolve, as_of: int | None) -> int | None:
    """Runs a statement and returns the instant of the next one."""
    if text in ("", ";"):
        return as_of
    if text == ".help":
        sys.stderr.write(HELP + "\n")
        return as_of
    if as_of_command := _AS_OF.fullmatch(text):
        when = as_of_command[1] or "now"
        return None if when == "now" else resolve_as_of(when)
    if _RESET.fullmatch(text):
        return None
    if assignment := _SET.fullmatch(text):
        return _instant_of(assignment[1], ask, resolve_as_of, as_of)
    if text.startswith(".") and not (_TABLES.fullmatch(text) or _SCHEMA.fullmatch(text)):
        close = nearest(text.split(maxsplit=1)[0], COMMANDS)
        raise Invalid(f"{text}: no such command; the nearest one is {close}", ".help")
    if _TABLES.fullmatch(text):
        columns, rows = ask(_VIEWS, as_of)
    elif schema_command := _SCHEMA.fullmatch(text):
        columns, rows = _schema(schema_command[1], ask, as_of)
    else:
        columns, rows = ask(text, as_of)
    emit(columns, rows, choose_output(None, False, None), is_data=True)
    return as_of


COMMANDS = (".tables", ".schema", ".as-of", ".help", ".quit", ".exit")


def _instant_of(expression: str, ask: Ask, resolve_as_of: Resolve, as_of: int | None) -> int | None:
    """Returns the instant of an SQL expression; None for NULL. Raises `Invalid`, `BadTime`."""
    _, rows = ask(f"SELECT CAST(({expression}) AS TIMESTAMPTZ) AS as_of;", as_of)
    ((moment,),) = rows
    if not isinstance(moment, datetime):
        return None
    return resolve_as_of(format_time(instant_at(moment)))


def _schema(view: str | None, ask: Ask, as_of: int | None) -> Rows:
    """Returns the columns of a view, or of all. Raises `Invalid` for an unknown one."""
    columns, every_row = ask(_COLUMNS, as_of)
    if view is None:
        return columns, every_row
    rows = list(every_row)
    of_view = [row[1:] for row in rows if row[0] == view]
    if not of_view:
        names = sorted({str(row[0]) for row in rows})
        close = f"; the nearest known one is {nearest(view, names)}" if names else ""
        raise Invalid(f"{view}: no such view{close}", ".tables")
    return columns[1:], iter(of_view)


def completions(ask: Ask) -> list[str]:
    """Returns the names of all views and their columns."""
    _, rows = ask(_COLUMNS, None)
    names: dict[str, None] = {}
    for view, column, _ in rows:
        names |= {str(view): None, str(column): None}
    return list(names)


def is_complete(text: str) -> bool:
    """Returns whether a text is a whole statement.

    That is a dot command, a word that leaves, or SQL with a semicolon at its end.
    """
    stripped = text.strip()
    begins_with_dot = text.startswith(".") and "\n" not in text
    is_whole = begins_with_dot or stripped.endswith(";")
    return is_whole or not stripped or bool(_LEAVES.fullmatch(stripped))


def read_statements(read_line: Callable[[str], str | None]) -> Iterator[str]:
    """Yields statements, each ended by a semicolon; a line that begins with a dot is complete.

    `read_line` takes the text of the prompt and returns None at the end of input. Ctrl-C
    discards the lines of an incomplete statement.
    """
    lines: list[str] = []
    while True:
        try:
            line = read_line("hindlog> " if not lines else "    ...> ")
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            lines = []
            continue
        if line is None:
            return
        if not lines and not line.strip():
            continue
        lines.append(line)
        if is_complete("\n".join(lines)):
            text, lines = "\n".join(lines), []
            yield text.strip()


def line_reader() -> Reader:
    """Returns a reader of statements from stdin, without editing and history."""
    statements = read_statements(_read_line)
    return lambda: next(statements, None)


def _read_line(prompt: str) -> str | None:
    """Returns the next line of stdin; None at its end."""
    # not input(prompt): it writes the prompt to stdout, which takes only data
    sys.stderr.write(prompt)
    sys.stderr.flush()
    try:
        return input()
    except EOFError:
        sys.stderr.write("\n")
        return None


def history_file(environment: Mapping[str, str], home: Path) -> Path:
    """Returns the file with the statements of earlier prompts."""
    state = environment.get("XDG_STATE_HOME") or home / ".local" / "state"
    return Path(state) / "hindlog" / "sql_history"
