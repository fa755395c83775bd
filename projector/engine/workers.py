"""Workers: threads that build, and what ends their work before it is done.

Python runs the handlers of signals in its main thread and between its own steps. So that
thread only waits; whatever ends the waiting, a signal or an error of one job, ends the
queries of all the others.
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

Given = TypeVar("Given")

_AGAIN_S = 0.05
"""DuckDB forgets an interrupt that comes between two queries."""


@attrs.frozen
class Workers:
    """Threads, what they were given to do, and the connections they do it with."""

    pool: ThreadPoolExecutor
    given: list[Future[Any]]
    live: set[duckdb.DuckDBPyConnection]
    guard: Lock
    """Held to change `live`, and to interrupt: what is closed was taken out before."""
    ended: Event
    """Whether what is under way is no longer wanted."""


@contextlib.contextmanager
def workers(jobs: int) -> Iterator[Workers]:
    """So many threads. Where an error or a signal ends the work, they stop at once."""
    crew = Workers(ThreadPoolExecutor(max(1, jobs)), [], set(), Lock(), Event())
    try:
        yield crew
    except BaseException:
        _end(crew)
        raise
    finally:
        crew.pool.shutdown()


def do(crew: Workers, work: Callable[..., Given], *given: object) -> "Future[Given]":
    """Let the next free thread do it."""
    future = crew.pool.submit(work, *given)
    crew.given.append(future)
    return future


@contextlib.contextmanager
def at_work(crew: Workers, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Meanwhile the connection is interrupted if the work is to end."""
    with crew.guard:
        crew.live.add(connection)
    try:
        yield
    finally:
        with crew.guard:
            crew.live.discard(connection)


@contextlib.contextmanager
def opened(
    crew: Workers, scratch: Path, threads: int, memory_mb: int = LIMITS.memory_mb
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A `builder` for one job of the workers: at work as long as it is open."""
    with (
        contextlib.closing(builder(scratch, threads, memory_mb)) as connection,
        at_work(crew, connection),
    ):
        yield connection


def go_on(crew: Workers) -> None:
    """Raises `CancelledError` where the work is to end: for loops between two queries."""
    if crew.ended.is_set():
        raise CancelledError


def _end(crew: Workers) -> None:
    crew.ended.set()
    crew.pool.shutdown(wait=False, cancel_futures=True)
    while running := [each for each in crew.given if not each.done()]:
        with crew.guard:
            for connection in crew.live:
                connection.interrupt()
        wait(running, _AGAIN_S)  # for all it would wait for those that never began
