"""The engine: DuckDB connections, set up the same everywhere, its errors translated."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt, HindlogError, Invalid, LocalResource
from projector.engine.duckdb_errors import damage
from projector.folders import SPILL
from projector.limits import LIMITS

LESS_MB = 150
"""Of one beside it: what puts parts together, keeps keyframes, finds neighbours."""
MUCH_MB = 4000
"""For what does not fit: SQL takes 2,048 bodies at a time, and they may all be large."""
GIVE_BACK_MB = 4
"""Freed so much, a thread gives memory back: else what one step held comes on top of the next."""
ROW_GROUP = 20_000
ROW_GROUP_BYTES = "8MB"
"""Whatever is reached first ends a group: each thread that writes holds one."""
_LOCAL = tuple(
    os.strerror(number)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)
)
"""DuckDB tells the system's reasons in the system's words."""


Opener = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
"""Opens a connection for one piece of work, and closes it."""


def connect() -> duckdb.DuckDBPyConnection:
    """A database in memory, in UTC. SQL does not see the variables of Python.

    It spills nothing: DuckDB would do that in the folder where it was called.
    """
    connection = duckdb.connect()
    connection.execute("SET temp_directory = ''")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def builder(
    scratch: Path, threads: int, memory_mb: int = LIMITS.memory_mb
) -> duckdb.DuckDBPyConnection:
    """A connection that writes files of views: bounded memory, in UTC, without macros.

    `preserve_insertion_order` is off, or every COPY would hold its whole result; what files
    hold is not kept.
    """
    connection = connect()
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute(f"SET memory_limit = '{memory_mb}MB'")
    for each in ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold"):
        connection.execute(f"SET {each} = '{GIVE_BACK_MB}MB'")
    connection.execute("SET enable_external_file_cache = false")
    connection.execute("SET temp_directory = ?", [str(scratch)])
    connection.execute("SET preserve_insertion_order = false")
    return connection


def write(connection: duckdb.DuckDBPyConnection, copy: str) -> int:
    """Run a COPY; how many rows it wrote. One that runs out of memory is given more."""
    try:
        return _rows_written(connection, copy)
    except duckdb.OutOfMemoryException:
        (given,) = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0]
    connection.execute(f"SET memory_limit = '{MUCH_MB}MB'")
    try:
        return _rows_written(connection, copy)
    finally:
        connection.execute(f"SET memory_limit = '{given}'")


def _rows_written(connection: duckdb.DuckDBPyConnection, copy: str) -> int:
    return int(connection.execute(copy).fetchall()[0][0])


def reader(views: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the views file attached read-only, in UTC.

    In memory, with the file attached: connections to one path share a database and its
    settings within a process.
    """
    connection = connect()
    spill = views.parent / f"{SPILL}{os.getpid()}"  # made when needed, gone with the connection
    connection.execute("SET temp_directory = ?", [str(spill)])
    connection.execute("ATTACH ? AS hindlog (READ_ONLY)", [str(views)])
    connection.execute("USE hindlog")
    return connection


def close_doors(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Let SQL reach nothing but the archive. Read-only alone is no sandbox."""
    connection.execute("SET allowed_directories = ?", [[str(root)]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextmanager
def sql_errors(what: str) -> Iterator[None]:
    """A file DuckDB cannot read is `Corrupt`; a query it refuses is `Invalid`.

    What this machine refuses (a full disk) is `LocalResource`; a damaged file of the views
    is named, with the command that makes it again. An interrupt stays what it is: nobody
    may take it for a failure, and go on without what was to be done.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise _translated(what, error) from error


def _translated(what: str, error: duckdb.Error) -> HindlogError:
    told = f"{what}: {_first_line(error)}"
    if any(each in str(error) for each in _LOCAL):
        return LocalResource(told, "make room there, then run it again: nothing was lost")
    found = damage(error)
    if found is not None:
        return found
    if isinstance(error, duckdb.IOException | duckdb.SerializationException):
        return Corrupt(told, "hindlog verify")
    return Invalid(f"{what}: {error}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
