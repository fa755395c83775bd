"""The SQL prompt: one SELECT after the other, on a terminal."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.options.global_options import stdout_is_terminal
from cli.output.emit import choose_output, emit
from cli.output.exit_codes import report
from cli.process.signals import raise_on_every_signal, restore_signal_error

HELP = """\
One SELECT at a time, ended by a semicolon; Ctrl-C ends it, Ctrl-D leaves.
  .views             the views there are
  .as-of TIME        ask about that instant from here on; .as-of now to return
  .help  .quit"""

Ask = Callable[[str, int | None], tuple[tuple[str, ...], Iterator[tuple[object, ...]]]]
"""From a query and an instant (None: now) to columns and rows."""


def run_prompt(ask: Ask, history: Path, resolve_as_of: Callable[[str | None], int | None]) -> None:
    """Read and answer until the end of input. Errors are told, and the prompt goes on."""
    raise_on_every_signal()
    _load_history(history)
    sys.stderr.write(HELP + "\n")
    as_of: int | None = None
    for text in statements(_line):
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
                emit(columns, rows, choose_output(None, False, None))
        except (Exception, KeyboardInterrupt) as error:
            raised = restore_signal_error(
                error
            )  # Ctrl-C, also where DuckDB renames it while it opens views
            if isinstance(raised, KeyboardInterrupt):
                sys.stderr.write("stopped\n")
            elif isinstance(raised, Exception):
                report(raised, False, sys.stderr)  # a prompt outlives a wrong query
            else:
                raise raised from error
    _save_history(history)


_VIEWS = """\
SELECT table_schema || '.' || table_name AS view, count(*) AS columns
FROM information_schema.columns
WHERE table_schema NOT IN ('information_schema', 'main') AND table_name NOT LIKE '\\_%' ESCAPE '\\'
GROUP BY ALL ORDER BY view"""


def statements(read: Callable[[str], str | None]) -> Iterator[str]:
    """Statements, each ended by a semicolon; a line that begins with a dot is one itself."""
    held: list[str] = []
    while True:
        try:
            line = read("hindlog> " if not held else "    ...> ")
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            held = []
            continue
        if line is None:
            return
        if not held and line.startswith("."):
            yield line.strip()
            continue
        if line.strip() or held:
            held.append(line)
        if line.rstrip().endswith(";"):
            text, held = "\n".join(held), []
            yield text.strip()


def _line(prompt: str) -> str | None:
    try:
        if stdout_is_terminal():
            return input(prompt)
        # input() writes the prompt to stdout, which here takes only data
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
