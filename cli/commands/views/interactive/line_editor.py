"""Reads statements on a terminal, with editing, completion and a history, by prompt_toolkit.

One entry of the history is one statement, also if it has several lines.
"""

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.views.interactive.sql_prompt import COMMANDS, Reader, is_complete, line_reader

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings

KEYWORDS = (
    *("AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COUNT", "DESC"),
    *("DISTINCT", "ELSE", "END", "EXISTS", "FROM", "GROUP", "HAVING", "IN", "INTERVAL"),
    *("IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "ON", "OR"),
    *("ORDER", "OVER", "PARTITION", "PIVOT", "QUALIFY", "SELECT", "SET", "SHOW", "TABLES"),
    *("THEN", "UNION", "USING", "VARIABLE", "WHEN", "WHERE", "WITH"),
)
_WORD = re.compile(r"[.\w-]+")


def statement_reader(history: Path, list_names: Callable[[], Sequence[str]]) -> Reader:
    """Returns a reader of statements for this process's terminal.

    `list_names` is called at the first Tab. A terminal that cannot move its cursor, and a stdin
    that is none, get lines without editing.
    """
    if os.environ.get("TERM", "dumb") == "dumb" or not _are_terminals():
        return line_reader()
    return _editor(history, list_names)


def _are_terminals() -> bool:
    try:
        return os.isatty(sys.stdin.fileno()) and os.isatty(sys.stderr.fileno())
    except (OSError, ValueError):
        return False


def _editor(history: Path, list_names: Callable[[], Sequence[str]]) -> Reader:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.output import create_output
    from prompt_toolkit.shortcuts import CompleteStyle

    names: list[str] = []

    def words() -> list[str]:
        if not names:
            names.extend([*list_names(), *KEYWORDS, *COMMANDS])
        return names

    history.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    session: PromptSession[str] = PromptSession(
        "hindlog> ",
        multiline=True,
        prompt_continuation="    ...> ",
        history=FileHistory(str(history)),
        completer=WordCompleter(words, ignore_case=True, pattern=_WORD),
        complete_while_typing=False,
        complete_style=CompleteStyle.READLINE_LIKE,
        key_bindings=_enter_ends_statements(),
        output=create_output(sys.stdout if os.isatty(sys.stdout.fileno()) else sys.stderr),
    )

    def read() -> str | None:
        while True:
            try:
                text = session.prompt(handle_sigint=False)
            except EOFError:
                return None
            except KeyboardInterrupt:  # discards the statement
                continue
            if text.strip():
                return text.strip()

    return read


def _enter_ends_statements() -> "KeyBindings":
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        at_end = not buffer.document.text_after_cursor.strip()
        if at_end and is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return bindings
