"""`sql --open`: replaces this process by the program `duckdb`, read-only on the views."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from eventlog.clock import format_us
from eventlog.errors import LocalResource

PROGRAM = "duckdb"
_INSTALL = """\
install it, then run this again:
    uv tool install duckdb-cli      or: pipx install duckdb-cli, brew install duckdb
  or without it: hindlog sql"""


def run_duckdb(
    root: Path, as_of: int | None, start: Callable[[str, list[str]], object] = os.execv
) -> None:
    """Starts the program on the views of an archive, as of an instant (µs; None: the present).

    It takes the place of this process, so Ctrl-C, the terminal and the exit code are its own.
    Raises `LocalResource` if it is not installed, and `NotFound` if there are no views yet.
    """
    from projector.folders import find_views_file

    root = root.resolve()
    views = find_views_file(root / "views")
    program = shutil.which(PROGRAM)
    if program is None:
        raise LocalResource(f"expected the program {PROGRAM} on your PATH, found none", _INSTALL)
    sys.stdout.flush()
    sys.stderr.flush()
    start(program, [PROGRAM, "-readonly", *_settings(root, as_of), str(views)])


def _settings(root: Path, as_of: int | None) -> list[str]:
    """Returns arguments that run statements before the first prompt."""
    values = {"hindlog_root": str(root)} | ({} if as_of is None else {"as_of": format_us(as_of)})
    statements = [f"SET VARIABLE {name} = {_quoted(value)};" for name, value in values.items()]
    statements.append("SET TimeZone = 'UTC';")
    return [argument for statement in statements for argument in ("-cmd", statement)]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
