"""Workers: whatever ends the waiting ends what is under way, and nothing published is lost."""

import contextlib
import time
from concurrent.futures import CancelledError
from threading import Event

import duckdb
import pytest

from projector.engine import parquet_files
from projector.engine.connections import connect, sql_errors
from projector.engine.workers import at_work, do, go_on, workers
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(10000000) b WHERE a.range * b.range = -1"


def endless(crew, begun):
    with contextlib.closing(connect()) as connection, at_work(crew, connection):
        begun.set()
        with sql_errors("endless"):
            connection.execute(ENDLESS).fetchall()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_ends_the_waiting_ends_every_query_and_begins_no_other(error) -> None:
    begun = [Event(), Event(), Event()]
    with pytest.raises(error), workers(2) as crew:
        jobs = [do(crew, endless, crew, each) for each in begun]
        begun[0].wait()
        begun[1].wait()
        raise error

    assert [type(each.exception()) for each in jobs[:2]] == [duckdb.InterruptException] * 2
    assert jobs[2].cancelled()
    assert not begun[2].is_set()


def test_a_job_that_fails_ends_the_others() -> None:
    begun = Event()

    def failing():
        begun.wait()
        raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"), workers(2) as crew:
        other = do(crew, endless, crew, begun)
        do(crew, failing).result()

    assert isinstance(other.exception(), duckdb.InterruptException)


def test_a_loop_between_two_queries_ends_too() -> None:
    begun = Event()

    def loop(crew):
        while True:
            go_on(crew)
            begun.set()
            time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt), workers(1) as crew:
        job = do(crew, loop, crew)
        begun.wait()
        raise KeyboardInterrupt

    assert isinstance(job.exception(), CancelledError)


def test_all_is_done_where_nothing_ends_it() -> None:
    with workers(3) as crew:
        jobs = [do(crew, pow, 2, n) for n in range(20)]

    assert [each.result() for each in jobs] == [2**n for n in range(20)]


def test_an_interrupt_is_no_failure_that_takes_away_the_part_of_an_open_segment(
    empty, monkeypatch
) -> None:
    """Readers still name it: an update that is stopped leaves what there is."""
    at = [hours(0), hours(0.1)]
    pages = [Page(at[n], [model("a", str(n))], f"r{n}", "/models", 1, True) for n in range(2)]
    write_log(empty, "openrouter", WRITER, pages[:1], seal=False)
    update(empty, definitions=MODELS)
    before = sorted((empty / "views").rglob("open-*.parquet"))
    write_log(empty, "openrouter", WRITER, pages[1:], seal=False)

    def interrupted(*_given):
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    with monkeypatch.context() as patch, contextlib.suppress(duckdb.InterruptException):
        patch.setattr(parquet_files, "write", interrupted)
        update(empty, definitions=MODELS)

    assert before
    assert sorted((empty / "views").rglob("open-*.parquet")) == before
