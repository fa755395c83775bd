"""Cancellable queries: a deadline or an exception ends the query itself, not only the wait."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import duckdb
import pytest

from projector.engine import interruptible
from projector.engine.interruptible import fetch_all, run_cancellable

ENDLESS = "SELECT count(*) FROM range(10_000_000) AS a, range(10_000_000) AS b WHERE a <> b"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_a_query_returns_its_rows(connection: duckdb.DuckDBPyConnection) -> None:
    assert fetch_all(connection, "SELECT $a, $b", {"a": 1, "b": "x"}) == [(1, "x")]


def test_an_error_of_the_query_reaches_the_caller(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.CatalogException, match="nothing_here"):
        fetch_all(connection, "FROM nothing_here")


def test_a_deadline_ends_the_query_and_the_connection_can_be_used_again(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(TimeoutError):
        run_cancellable(
            connection,
            lambda: connection.execute(ENDLESS).fetchall(),
            deadline=time.monotonic() + 0.2,
        )

    assert fetch_all(connection, "SELECT 1") == [(1,)]


def test_a_deadline_in_the_past_ends_a_query_that_has_not_begun(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(TimeoutError):
        run_cancellable(
            connection, lambda: connection.execute(ENDLESS).fetchall(), deadline=time.monotonic()
        )


def test_an_interrupt_that_arrives_before_the_query_has_begun_is_repeated(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    def begin_late() -> object:
        time.sleep(3 * interruptible._INTERRUPT_INTERVAL_S)
        return connection.execute(ENDLESS).fetchall()

    with pytest.raises(TimeoutError):
        run_cancellable(connection, begin_late, deadline=time.monotonic())


def test_work_runs_in_the_pool_of_the_caller(connection: duckdb.DuckDBPyConnection) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert run_cancellable(connection, lambda: 7, pool=pool) == 7
        assert pool.submit(lambda: 8).result() == 8, "the pool was not shut down"


def test_a_second_signal_does_not_return_while_the_connection_is_busy(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second signal arrives in the wait for the end of the interrupted query."""
    signals = [KeyboardInterrupt("second")]

    def wait_with_signal(futures: list[Future[object]], timeout_s: float) -> None:
        if signals:
            raise signals.pop()
        wait(futures, timeout_s)

    monkeypatch.setattr(interruptible, "wait", wait_with_signal)
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyboardInterrupt, match="second"):
            run_cancellable(
                connection,
                lambda: connection.execute(ENDLESS).fetchall(),
                pool=pool,
                deadline=time.monotonic() + 0.2,
            )
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
