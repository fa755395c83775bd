"""Worker threads that build, and their cancellation.

Python runs signal handlers in the main thread only, between two bytecode instructions. The main
thread therefore only waits. Whatever ends its wait, a signal or the error of one job, interrupts
the queries of all other jobs.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeVar

import attrs
import duckdb

from projector.engine.connections import builder
from projector.limits import LIMITS

JobResult = TypeVar("JobResult")

_INTERRUPT_INTERVAL_S = 0.05
"""Seconds between two interrupts. One is not enough: DuckDB ignores an interrupt that arrives
between two queries."""


@attrs.frozen
class Workers:
    """Threads, the jobs submitted to them and the connections these use."""

    pool: ThreadPoolExecutor
    futures: list[Future[Any]]
    connections: set[duckdb.DuckDBPyConnection]
    """Open connections, which cancellation interrupts."""
    lock: Lock
    """Guards `connections`: a connection leaves the set before it is closed, so no closed
    connection is interrupted."""
    cancelled: Event
    """Set when the jobs are to end early."""


@contextlib.contextmanager
def workers(jobs: int) -> Iterator[Workers]:
    """Yields `jobs` threads, at least one. An error or a signal in the context cancels all jobs."""
    crew = Workers(ThreadPoolExecutor(max(1, jobs)), [], set(), Lock(), Event())
    try:
        yield crew
    except BaseException:
        _cancel(crew)
        raise
    finally:
        crew.pool.shutdown()


def submit(
    crew: Workers, work: Callable[..., JobResult], *arguments: object
) -> "Future[JobResult]":
    """Schedules a call on the next free thread."""
    future = crew.pool.submit(work, *arguments)
    crew.futures.append(future)
    return future


@contextlib.contextmanager
def interrupted_on_cancel(crew: Workers, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Lets cancellation interrupt the connection inside the context."""
    with crew.lock:
        crew.connections.add(connection)
    try:
        yield
    finally:
        with crew.lock:
            crew.connections.discard(connection)


@contextlib.contextmanager
def job_builder(
    crew: Workers, scratch: Path, threads: int, memory_mb: int = LIMITS.memory_mb
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yields a `builder` for one job; cancellation interrupts it, leaving the context closes it."""
    with (
        contextlib.closing(builder(scratch, threads, memory_mb)) as connection,
        interrupted_on_cancel(crew, connection),
    ):
        yield connection


def raise_if_cancelled(crew: Workers) -> None:
    """Raises `CancelledError` if the jobs are to end early; for loops that run no query."""
    if crew.cancelled.is_set():
        raise CancelledError


def _cancel(crew: Workers) -> None:
    """Cancels the jobs that have not begun and interrupts the others until all have ended."""
    crew.cancelled.set()
    crew.pool.shutdown(wait=False, cancel_futures=True)
    while running := [future for future in crew.futures if not future.done()]:
        with crew.lock:
            for connection in crew.connections:
                connection.interrupt()
        # `running`, not all futures: a wait for those that never began would not end
        wait(running, _INTERRUPT_INTERVAL_S)
