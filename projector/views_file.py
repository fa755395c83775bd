"""The views file: `views/hindlog.duckdb`, only views and macros over the parts.

It names the archive's absolute path and every file it reads, and is swapped in one
step: a reader that has it open keeps its snapshot. The text that made it lies beside
it (`hindlog.sql`); where that would be the same, nothing is written.
"""

import contextlib
import os
import re
from pathlib import Path

import duckdb

from eventlog.disk import replace_file
from eventlog.errors import Corrupt, Invalid
from projector.engine import connect, reader, sql_errors
from projector.views import Script

FILE = "hindlog.duckdb"
SCRIPT = "hindlog.sql"
_NEVER = "0001-01-01 00:00:00+00"
_PART = re.compile(r"parts[-0-9]*/[^~,']+\.parquet")


def write_views(target: Path, script: Script, wrong: list[str] | None = None) -> bool:
    """Write the views file in a folder anew if it would say something else; whether it did.

    A view over views that does not fit them is left out and told in `wrong`; without
    that list it is an error.
    """
    text = "".join((script.text, *(f"{each}\n" for each in script.plain)))
    held = target / SCRIPT
    if held.exists() and held.read_text() == text and _opens(target / FILE):
        return False
    temporary = target / f".{FILE}.{os.getpid()}.tmp"
    for left in target.glob(f".{FILE}.*"):  # only one process builds: the others are dead
        left.unlink(missing_ok=True)
    with contextlib.closing(connect()) as memory, sql_errors(FILE):
        memory.execute("ATTACH ? AS made (STORAGE_VERSION 'v1.4.0')", [str(temporary)])
        memory.execute("USE made")
        # DuckDB plans each view as it is made, and reads the footers of what it would read: as
        # of an instant before all others only files without rows.
        memory.execute("SET VARIABLE as_of = ?", [_NEVER])
        memory.execute(script.text)
        for view in script.plain:
            _add(memory, view, wrong)
        memory.execute("USE memory")
        memory.execute("DETACH made")
    temporary.replace(target / FILE)
    # with what is wrong the text is another one, so that the next update says it again
    replace_file(held, "".join((text, *(f"-- {each!r}\n" for each in wrong or ()))).encode())
    return True


def _opens(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with sql_errors(str(path)):
            reader(path).close()
    except Corrupt:
        return False
    return True


def _add(memory: duckdb.DuckDBPyConnection, view: str, wrong: list[str] | None) -> None:
    try:
        with sql_errors(view.partition(" AS\n")[0]):
            memory.execute(view)
    except Invalid as error:
        if wrong is None:
            raise
        wrong.append(error.what)


def named_by(target: Path) -> frozenset[str]:
    """The parts that the views file in a folder names."""
    try:
        text = (target / SCRIPT).read_text()
    except FileNotFoundError:
        return frozenset()
    return frozenset(_PART.findall(text))
