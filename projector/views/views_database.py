"""The views file: `views/hindlog.duckdb`, only views and macros over the parts.

It names the archive's absolute path and every file it reads, and is swapped in one
step: a reader that has it open keeps its snapshot. The text that made it lies beside
it (`hindlog.sql`); where that would be the same, nothing is written, and where only lists
of files differ, as after every hour, only what names them is made anew, in a copy.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt, Invalid
from eventlog.files.disk import replace_file
from projector.engine.connections import connect, reader, sql_errors
from projector.views.script import Script

FILE = "hindlog.duckdb"
SCRIPT = "hindlog.sql"
_NEVER = "0001-01-01 00:00:00+00"
_PART = re.compile(r"parts[-0-9]*/[^~,']+\.parquet")
_FOLDER = re.compile(r"(parts[-0-9]*/[^~,']+/)[^~,'/]+\.parquet")
_BETWEEN = f"\n-- {'-' * 72}\n"
"""Between two statements of the script."""
_UNFINISHED = "-- of the file that is being replaced"
_LIST = re.compile(r"'(?:[^']*\.parquet[^']*|[\dT,]*)'(?:, (?='))?")
"""A text that names files, or instants of files; of several in a row all."""


def write_views(target: Path, script: Script, wrong: list[str] | None = None) -> bool:
    """Write the views file in a folder anew if it would say something else; whether it did.

    A view over views that does not fit them is left out and told in `wrong`; without
    that list it is an error.
    """
    statements = (*script.statements, *script.plain)
    held = _statements(target)
    sound = _opens(target / FILE)
    if held == statements and sound:
        return False
    temporary = target / f".{FILE}.{os.getpid()}.tmp"
    for left in target.glob(f".{FILE}.*"):  # only one process builds: the others are dead
        left.unlink(missing_ok=True)
    with sql_errors(FILE):
        if sound and all_alike(held, statements):
            shutil.copyfile(target / FILE, temporary)
            _replace(
                temporary, [new for old, new in zip(held, statements, strict=True) if old != new]
            )
        else:
            _make(temporary, script, wrong)
    # ended between the two, the file is another than the script: then it is made as a whole
    replace_file(target / SCRIPT, _BETWEEN.join((*held, _UNFINISHED)).encode())
    temporary.replace(target / FILE)
    # with what is wrong the text is another one, so that the next update says it again
    told = (*statements, *(f"-- {each!r}" for each in wrong or ()))
    replace_file(target / SCRIPT, _BETWEEN.join(told).encode())
    return True


def all_alike(held: Sequence[str], statements: Sequence[str]) -> bool:
    """Whether statements differ in lists of files of the same folders at most.

    Then each gives the columns it gave: files of one folder have the same.
    """
    return len(held) == len(statements) and all(
        old == new or _shape(old) == _shape(new) for old, new in zip(held, statements, strict=True)
    )


def _shape(statement: str) -> tuple[str, frozenset[str]]:
    blank = _LIST.sub("\0", statement)
    return re.sub("\0+", "\0", blank), frozenset(_FOLDER.findall(statement))


def _statements(target: Path) -> tuple[str, ...]:
    try:
        return tuple((target / SCRIPT).read_text().split(_BETWEEN))
    except FileNotFoundError:
        return ()


@contextlib.contextmanager
def _attached(path: Path, options: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(connect()) as memory:
        memory.execute(f"ATTACH ? AS made {options}", [str(path)])
        memory.execute("USE made")
        # DuckDB plans each view as it is made, and reads the footers of what it would read: as
        # of an instant before all others only files without rows.
        memory.execute("SET VARIABLE as_of = ?", [_NEVER])
        yield memory
        memory.execute("USE memory")
        memory.execute("DETACH made")


def _make(path: Path, script: Script, wrong: list[str] | None) -> None:
    with _attached(path, "(STORAGE_VERSION 'v1.4.0')") as memory:
        memory.execute("BEGIN")
        for each in script.statements:
            memory.execute(each)
        memory.execute("COMMIT")
        for view in script.plain:
            _add(memory, view, wrong)


def _replace(path: Path, statements: Sequence[str]) -> None:
    with _attached(path) as memory:
        memory.execute("BEGIN")
        for each in statements:
            memory.execute(each.replace("CREATE ", "CREATE OR REPLACE ", 1))
        memory.execute("COMMIT")


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
