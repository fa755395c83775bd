"""DuckDB connections with the same settings everywhere, and the translation of DuckDB's errors."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt, HindlogError, Invalid, LocalResource
from projector.engine.duckdb_errors import find_damaged_file
from projector.folders import SPILL, has_backslash
from projector.limits import LIMITS

SMALL_MEMORY_MB = 150
"""Memory limit in MB of a connection that runs beside those that build parts: for compaction,
keyframes and differences."""
RETRY_MEMORY_MB = 4000
"""Memory limit in MB with which a COPY is repeated after it ran out of memory. DuckDB processes
vectors of 2,048 rows, and all bodies of one vector may be large."""
FLUSH_THRESHOLD_MB = 4
"""Amount of freed memory in MB after which a thread returns it to the OS, so that the peaks of
consecutive steps do not add up."""
ROW_GROUP = 20_000
"""Rows of a row group in Parquet files, unless `ROW_GROUP_BYTES` is reached first."""
ROW_GROUP_BYTES = "8MB"
"""Size of a row group in Parquet files; every writing thread holds one group in memory."""
_LOCAL_CAUSES = tuple(
    os.strerror(number)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)
)
"""Texts of the operating system's errors that are no fault of the data; DuckDB repeats them."""


Opener = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
"""Opens a connection for one piece of work; leaving the context closes it."""


def connect() -> duckdb.DuckDBPyConnection:
    """Returns a connection to a new in-memory database, in UTC.

    SQL cannot refer to Python variables. Nothing is spilled to disk: by default DuckDB would
    spill into the current directory.
    """
    connection = duckdb.connect()
    connection.execute("SET temp_directory = ''")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def builder(
    scratch: Path, threads: int, memory_mb: int = LIMITS.memory_mb
) -> duckdb.DuckDBPyConnection:
    """Returns a connection that writes files of views, with bounded memory and without macros.

    `scratch` is the folder into which it spills. `preserve_insertion_order` is off, because a
    COPY would otherwise hold its whole result. Files that were read are not cached.
    """
    connection = connect()
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute(f"SET memory_limit = '{memory_mb}MB'")
    for setting in ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold"):
        connection.execute(f"SET {setting} = '{FLUSH_THRESHOLD_MB}MB'")
    connection.execute("SET enable_external_file_cache = false")
    connection.execute("SET temp_directory = ?", [str(scratch)])
    connection.execute("SET preserve_insertion_order = false")
    return connection


def run_copy(connection: duckdb.DuckDBPyConnection, copy: str) -> int:
    """Runs a COPY and returns the number of rows written.

    A COPY that runs out of memory is repeated once with `RETRY_MEMORY_MB`.
    """
    try:
        return _rows_written(connection, copy)
    except duckdb.OutOfMemoryException:
        ((usual,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    connection.execute(f"SET memory_limit = '{RETRY_MEMORY_MB}MB'")
    try:
        return _rows_written(connection, copy)
    finally:
        connection.execute(f"SET memory_limit = '{usual}'")


def _rows_written(connection: duckdb.DuckDBPyConnection, copy: str) -> int:
    return int(connection.execute(copy).fetchall()[0][0])


def reader(views: Path) -> duckdb.DuckDBPyConnection:
    """Returns a connection with the views file attached read-only, in UTC.

    The database is in memory and the file is attached to it, because within a process all
    connections to one path share a database and its settings.
    """
    connection = connect()
    # created when something is spilled, deleted when the connection is closed
    spill = f"{SPILL}{os.getpid()}"
    parent = views.parent
    folder = (
        Path(tempfile.gettempdir(), f"hindlog-{spill}") if has_backslash(parent) else parent / spill
    )
    connection.execute("SET temp_directory = ?", [str(folder)])
    attach_read_only(connection, views, "hindlog")
    connection.execute("USE hindlog")
    return connection


def attach_read_only(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attaches a database file under a name from code."""
    with openable(path) as file:  # stays open in DuckDB
        connection.execute(f"ATTACH ? AS {name} (READ_ONLY)", [str(file)])


@contextmanager
def openable(path: Path, *, writes: bool = False) -> Iterator[Path]:
    """Yields the path at which DuckDB opens a database file.

    A file that DuckDB cannot open at its path is opened as a copy in a temporary folder. With
    `writes` the copy replaces the content of the file afterwards; the file may be missing before.
    """
    if not has_backslash(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="hindlog-") as folder:
        copy = Path(folder) / "copy.duckdb"
        if path.exists():
            shutil.copyfile(path, copy)
        yield copy
        if writes:
            shutil.copyfile(copy, path)


def restrict_access(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Restricts SQL to files of the archive and locks the settings of the connection.

    A read-only database alone would not keep SQL from reading other files.
    """
    connection.execute("SET allowed_directories = ?", [[str(root)]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextmanager
def sql_errors(place: str) -> Iterator[None]:
    """Translates DuckDB's errors; `place` begins their messages.

    `Corrupt`: DuckDB cannot read a file. If it is a file of the views, the message names it and
    the hint names the command that builds it again. `LocalResource`: this machine refused
    something, for example because the disk is full. `Invalid`: DuckDB rejects the query.
    `duckdb.InterruptException` passes unchanged, so that no caller treats an interrupt as a
    failure and continues without the interrupted step.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise _translated(place, error) from error


def _translated(place: str, error: duckdb.Error) -> HindlogError:
    text = f"{place}: {_first_line(error)}"
    if any(cause in str(error) for cause in _LOCAL_CAUSES):
        return LocalResource(text, "make room there, then run it again: nothing was lost")
    damaged = find_damaged_file(error)
    if damaged is not None:
        return damaged
    if isinstance(error, duckdb.IOException | duckdb.SerializationException):
        return Corrupt(text, "hindlog verify")
    return Invalid(f"{place}: {error}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
