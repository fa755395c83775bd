"""The engine: DuckDB connections, set up the same everywhere, its errors translated."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt, HindlogError, Invalid, LocalResource
from projector.texts import statements

MEMORY_LIMIT = "1GB"
ROW_GROUP = 20_000
_LOCAL = tuple(
    os.strerror(number)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)
)
"""DuckDB tells the system's reasons in the system's words."""
_NO_PART = ("too small to be a Parquet file", "No magic bytes")


def connect() -> duckdb.DuckDBPyConnection:
    """A database in memory, in UTC. SQL does not see the variables of Python."""
    connection = duckdb.connect()
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def builder(scratch: Path, threads: int) -> duckdb.DuckDBPyConnection:
    """A connection that makes parts: bounded memory, UTC, the casts of `macros.sql`.

    `preserve_insertion_order` is off, or every COPY would hold its whole result.
    """
    connection = connect()
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    connection.execute("SET temp_directory = ?", [str(scratch)])
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(statements("macros"))
    return connection


def reader(views: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the views file attached read-only, in UTC.

    In memory, with the file attached: connections to one path share a database and its
    settings within a process.
    """
    connection = connect()
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

    What this machine refuses (a full disk) is `LocalResource`.
    """
    try:
        yield
    except duckdb.Error as error:
        raise _translated(what, error) from error


def _translated(what: str, error: duckdb.Error) -> HindlogError:
    told = f"{what}: {_first_line(error)}"
    if any(each in str(error) for each in _LOCAL):
        return LocalResource(told, "make room there, then run it again: nothing was lost")
    if isinstance(error, duckdb.IOException | duckdb.SerializationException):
        return Corrupt(told, "hindlog verify")
    if any(each in str(error) for each in _NO_PART):
        return Corrupt(told, "hindlog view rebuild")
    return Invalid(f"{what}: {error}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
