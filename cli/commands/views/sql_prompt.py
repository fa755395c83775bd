"""The interactive SQL prompt: reads one SELECT at a time and prints its rows."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.options.global_options import stdout_is_terminal
from cli.output.emit import choose_output, emit
from cli.output.exit_codes import report
from cli.process.signals import raise_on_every_signal, restore_signal_error

HELP = """\
End each SELECT with a semicolon. Ctrl-C stops a query, Ctrl-D leaves.
  .views             list the views
  .as-of TIME        query the state as of TIME from now on; .as-of now: the latest state
  .help  .quit"""

Ask = Callable[[str, int | None], tuple[tuple[str, ...], Iterator[tuple[object, ...]]]]
"""Runs a query as of an instant (None: now); returns columns and rows."""


def run_prompt(ask: Ask, history: Path, resolve_as_of: Callable[[str | None], int | None]) -> None:
    """Reads and runs queries until the end of input. Reports errors and continues.

    `history`: file with the lines of earlier prompts. `resolve_as_of` converts the text of
    `.as-of` to an instant.
    """
    raise_on_every_signal()
    _load_history(history)
    sys.stderr.write(HELP + "\n")
    as_of: int | None = None
    for text in read_statements(_read_line):
        try:
            if text.startswith(".as-of"):
                when = text.removeprefix(".as-of").strip()
                as_of = None if when in ("", "now") else resolve_as_of(when)
            elif text in (".quit", ".exit"):
                break
            elif text == ".help":
                sys.stderr.write(HELP + "\n")
            else:
                columns, rows = ask(_VIEWS if text == ".views" else text, as_of)
                emit(columns, rows, choose_output(None, False, None), is_data=True)
        except (Exception, KeyboardInterrupt) as error:
            # DuckDB may report Ctrl-C as an error of its own while it opens the views
            raised = restore_signal_error(error)
            if isinstance(raised, KeyboardInterrupt):
                sys.stderr.write("query stopped\n")
            elif isinstance(raised, Exception):
                report(raised, False, sys.stderr)  # the prompt continues after an invalid query
            else:
                raise raised from error
    _save_history(history)


_VIEWS = """\
SELECT table_schema || '.' || table_name AS view, count(*) AS columns
FROM information_schema.columns
WHERE table_schema NOT IN ('information_schema', 'main') AND table_name NOT LIKE '\\_%' ESCAPE '\\'
GROUP BY ALL ORDER BY view"""


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
        if not lines and line.startswith("."):
            yield line.strip()
            continue
        if line.strip() or lines:
            lines.append(line)
        if line.rstrip().endswith(";"):
            text, lines = "\n".join(lines), []
            yield text.strip()


def _read_line(prompt: str) -> str | None:
    """Returns the next line of stdin; None at its end."""
    try:
        if stdout_is_terminal():
            return input(prompt)
        # not input(prompt): it writes the prompt to stdout, which takes only data here
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return input()
    except EOFError:
        sys.stderr.write("\n")
        return None


def _load_history(path: Path) -> None:
    import readline

    if path.exists():
        readline.read_history_file(path)


def _save_history(path: Path) -> None:
    import readline

    path.parent.mkdir(parents=True, exist_ok=True)
    readline.set_history_length(1000)
    readline.write_history_file(path)
