"""Cancellable queries: a signal or a deadline ends a running query.

Python runs signal handlers in the main thread only, and only between two bytecode instructions;
a DuckDB query is a single instruction. Each query therefore runs in another thread, and the
thread that waits for it stays interruptible.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import duckdb

WorkResult = TypeVar("WorkResult")

_INTERRUPT_INTERVAL_S = 0.05
"""Seconds between two interrupts. One is not enough: DuckDB ignores an interrupt that arrives
before the query has begun."""


def run_cancellable(
    connection: duckdb.DuckDBPyConnection,
    work: Callable[[], WorkResult],
    *,
    pool: ThreadPoolExecutor | None = None,
    deadline: float | None = None,
) -> WorkResult:
    """Runs `work`, which uses the connection, in another thread and returns its result.

    Whatever ends the wait also interrupts the query: an exception raised by a signal handler,
    or `TimeoutError` at the deadline, an instant of `time.monotonic`.
    """
    if pool is None:
        with ThreadPoolExecutor(1) as own_pool:
            return run_cancellable(connection, work, pool=own_pool, deadline=deadline)
    future = pool.submit(work)
    try:
        return future.result(None if deadline is None else max(0, deadline - time.monotonic()))
    finally:
        _interrupt_until_done(connection, future)


def _interrupt_until_done(connection: duckdb.DuckDBPyConnection, future: Future[Any]) -> None:
    """Interrupts a query until it has ended, also if another signal arrives meanwhile.

    Until then the connection is busy, and whoever closes or uses it would get an error.
    """
    try:
        while not future.done():
            connection.interrupt()
            wait([future], _INTERRUPT_INTERVAL_S)
    except BaseException:
        _interrupt_until_done(connection, future)
        raise


def fetch_all(
    connection: duckdb.DuckDBPyConnection, query: str, values: object = None
) -> list[tuple[Any, ...]]:
    """Returns all rows of a query; a signal cancels it at once."""
    return run_cancellable(connection, lambda: connection.execute(query, values).fetchall())
