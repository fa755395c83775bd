"""The engine: DuckDB connections, set up the same everywhere, its errors translated."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from eventlog.errors import Corrupt, Invalid
from projector.texts import statements

MEMORY_LIMIT = "300MB"
ROW_GROUP = 20_000


def builder(scratch: Path, threads: int) -> duckdb.DuckDBPyConnection:
    """A connection that makes parts: bounded memory, UTC, the casts of `macros.sql`.

    `preserve_insertion_order` is off, or every COPY would hold its whole result.
    """
    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    connection.execute("SET temp_directory = ?", [str(scratch)])
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(statements("macros"))
    return connection


def reader(views: Path, root: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the views file that reaches nothing but the archive.

    Read-only alone is no sandbox: without the next lines SQL reads any file.
    """
    connection = duckdb.connect(str(views), read_only=True)
    connection.execute("SET allowed_directories = ?", [[str(root)]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@contextmanager
def sql_errors(what: str) -> Iterator[None]:
    """A file DuckDB cannot read is `Corrupt`; a query it refuses is `Invalid`."""
    try:
        yield
    except (duckdb.IOException, duckdb.SerializationException) as error:
        raise Corrupt(f"{what}: {_first_line(error)}", "hindlog verify") from error
    except duckdb.Error as error:
        raise Invalid(f"{what}: {error}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
