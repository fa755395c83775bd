"""The views file: `views/hindlog.duckdb`, which contains only views and macros over the parts.

It names the archive's absolute path and every file it reads. It is replaced in one step, and
a reader that has it open keeps its snapshot. The text of its statements is stored beside it
(`hindlog.sql`). If that text is unchanged, nothing is written. If only file lists differ, as
after every hour, the statements that name them are replaced in a copy.
"""

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt, Invalid
from eventlog.files.publish import replace_file
from projector.engine.connections import connect, openable, reader, sql_errors
from projector.views.columns.comments import Comments, comment_statements
from projector.views.script import Script
from projector.views.statement import Statement, differ_in_files_only, named_files

FILE = "hindlog.duckdb"
SCRIPT = "hindlog.sql"
_BEFORE_ALL = "0001-01-01 00:00:00+00"
_SEPARATOR = f"\n-- {'-' * 72}\n"
"""Text between two statements of `hindlog.sql`."""
_UNFINISHED = "-- of the file that is being replaced"
"""Last entry of `hindlog.sql` while the views file is replaced. No script contains it, so that
after a crash at this point the next update writes the complete file."""


def write_views(target: Path, script: Script, errors: list[str] | None = None) -> bool:
    """Writes the views file into a folder, unless it is current. Returns whether it wrote.

    A view over views that DuckDB refuses is left out, and its error is appended to
    `errors`. Without that list it raises `Invalid`.
    """
    statements = (*script.statements, *script.derived)
    texts = script.texts
    stored = read_script(target)
    readable = _is_readable(target / FILE)
    if stored == texts and readable:
        return False
    temporary = target / f".{FILE}.{os.getpid()}.tmp"
    for leftover in target.glob(f".{FILE}.*"):  # only one process builds: its owner is dead
        leftover.unlink(missing_ok=True)
    with sql_errors(FILE):
        if readable and all_differ_in_files_only(stored, texts):
            shutil.copyfile(target / FILE, temporary)
            changed = [new for old, new in zip(stored, statements, strict=False) if old != new.text]
            _replace(temporary, changed, script.comments)
        else:
            _create(temporary, script, errors)
    replace_file(target / SCRIPT, _SEPARATOR.join((*stored, _UNFINISHED)).encode())
    temporary.replace(target / FILE)
    # errors become part of the script, so that the next update differs and reports them again
    entries = (*texts, *(f"-- {message!r}" for message in errors or ()))
    replace_file(target / SCRIPT, _SEPARATOR.join(entries).encode())
    return True


def all_differ_in_files_only(stored: Sequence[str], texts: Sequence[str]) -> bool:
    """Returns whether the same statements follow each other, with other file lists at most."""
    return len(stored) == len(texts) and all(map(differ_in_files_only, stored, texts))


def read_script(target: Path) -> tuple[str, ...]:
    """Returns the stored texts of the statements in a folder; empty if there are none."""
    try:
        return tuple((target / SCRIPT).read_text().split(_SEPARATOR))
    except FileNotFoundError:
        return ()


def files_of_views(target: Path) -> frozenset[str]:
    """Returns the paths, relative to a folder, of all files that its views file reads."""
    return named_files(read_script(target))


@contextlib.contextmanager
def _attached(path: Path, options: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """Yields a connection whose default database is the file."""
    with openable(path, writes=True) as file, contextlib.closing(connect()) as memory:
        memory.execute(f"ATTACH ? AS made {options}", [str(file)])
        memory.execute("USE made")
        # DuckDB plans each view when it is created, and for that reads the footers of the files
        # it would read: as of an instant before all others these are only files without rows.
        memory.execute("SET VARIABLE as_of = ?", [_BEFORE_ALL])
        yield memory
        memory.execute("USE memory")
        memory.execute("DETACH made")


def _create(path: Path, script: Script, errors: list[str] | None) -> None:
    with _attached(path, "(STORAGE_VERSION 'v1.4.0')") as memory:
        memory.execute("BEGIN")
        for statement in script.statements:
            memory.execute(statement.text)
        memory.execute("COMMIT")
        for view in script.derived:
            _create_derived(memory, view, errors)
        _comment(memory, script.comments)


def _replace(path: Path, statements: Sequence[Statement], comments: Comments) -> None:
    """Replaces views and macros in a views file, with their comments, which a replacement loses."""
    with _attached(path) as memory:
        memory.execute("BEGIN")
        for statement in statements:
            memory.execute(statement.replacing)
        memory.execute("COMMIT")
        _comment(memory, comments, {each.name.replace('"', "") for each in statements})


def _comment(
    memory: duckdb.DuckDBPyConnection, comments: Comments, changed: Collection[str] | None = None
) -> None:
    memory.execute("BEGIN")
    for comment in [*comment_statements(memory, comments, changed)]:
        memory.execute(comment)
    memory.execute("COMMIT")


def _is_readable(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with sql_errors(str(path)):
            reader(path).close()
    except Corrupt:
        return False
    return True


def _create_derived(
    memory: duckdb.DuckDBPyConnection, view: Statement, errors: list[str] | None
) -> None:
    try:
        with sql_errors(view.title):
            memory.execute(view.text)
    except Invalid as error:
        if errors is None:
            raise
        errors.append(error.what)
