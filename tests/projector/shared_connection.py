"""One DuckDB for tests that need only its SQL: a start takes longer than a small query."""

from functools import cache

import duckdb

from projector.engine.connections import connect


@cache
def shared_connection() -> duckdb.DuckDBPyConnection:
    """Returns the connection of this process, in UTC. Tests leave no table and no setting in it."""
    connection = connect()
    connection.execute("SET enable_external_file_cache = false")  # tests replace files
    return connection
