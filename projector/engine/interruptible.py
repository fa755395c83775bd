"""Waiting: work of DuckDB that a signal or a time limit ends.

Python runs the handlers of signals in its main thread and between its own steps, and a
query is one such step. So the query runs in a thread of its own, and whoever waits for
it can be interrupted.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import duckdb

Given = TypeVar("Given")

_AGAIN_S = 0.05
"""DuckDB forgets an interrupt that comes before the query has begun."""


def waited_for(
    connection: duckdb.DuckDBPyConnection,
    work: Callable[[], Given],
    *,
    pool: ThreadPoolExecutor | None = None,
    deadline: float | None = None,
) -> Given:
    """What `work` on a connection gives, done by a thread.

    Whatever ends the waiting ends the query too: an exception that a signal's handler
    raises, or the deadline (of `time.monotonic`), as `TimeoutError`.
    """
    if pool is None:
        with ThreadPoolExecutor(1) as own:
            return waited_for(connection, work, pool=own, deadline=deadline)
    future = pool.submit(work)
    try:
        return future.result(None if deadline is None else max(0, deadline - time.monotonic()))
    finally:
        while not future.done():
            connection.interrupt()
            wait([future], _AGAIN_S)


def fetched(
    connection: duckdb.DuckDBPyConnection, query: str, values: object = None
) -> list[tuple[Any, ...]]:
    """All rows of a query, waited for: a signal ends it at once."""
    return waited_for(connection, lambda: connection.execute(query, values).fetchall())
