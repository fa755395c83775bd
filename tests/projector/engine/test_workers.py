"""Workers: an error or a signal cancels all jobs, and no published file is lost."""

import contextlib
import time
from concurrent.futures import CancelledError
from threading import Event

import duckdb
import pytest

from projector.engine import parquet_files
from projector.engine.connections import connect, sql_errors
from projector.engine.workers import interrupted_on_cancel, raise_if_cancelled, submit, workers
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(10000000) b WHERE a.range * b.range = -1"


def endless(crew, begun):
    with contextlib.closing(connect()) as connection, interrupted_on_cancel(crew, connection):
        begun.set()
        with sql_errors("endless"):
            connection.execute(ENDLESS).fetchall()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_interrupts_running_queries_and_starts_no_other(error) -> None:
    begun = [Event(), Event(), Event()]
    with pytest.raises(error), workers(2) as crew:
        jobs = [submit(crew, endless, crew, event) for event in begun]
        begun[0].wait()
        begun[1].wait()
        raise error

    assert [type(job.exception()) for job in jobs[:2]] == [duckdb.InterruptException] * 2
    assert jobs[2].cancelled()
    assert not begun[2].is_set()


def test_a_job_that_fails_cancels_the_others() -> None:
    begun = Event()

    def failing():
        begun.wait()
        raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"), workers(2) as crew:
        other = submit(crew, endless, crew, begun)
        submit(crew, failing).result()

    assert isinstance(other.exception(), duckdb.InterruptException)


def test_a_loop_without_queries_is_cancelled_too() -> None:
    begun = Event()

    def loop(crew):
        while True:
            raise_if_cancelled(crew)
            begun.set()
            time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt), workers(1) as crew:
        job = submit(crew, loop, crew)
        begun.wait()
        raise KeyboardInterrupt

    assert isinstance(job.exception(), CancelledError)


def test_all_jobs_finish_without_an_error() -> None:
    with workers(3) as crew:
        jobs = [submit(crew, pow, 2, n) for n in range(20)]

    assert [job.result() for job in jobs] == [2**n for n in range(20)]


def test_an_interrupted_update_keeps_the_part_of_an_open_segment(empty, monkeypatch) -> None:
    """Readers still use that part; only a failed build may delete it."""
    at = [hours(0), hours(0.1)]
    pages = [Page(at[n], [model("a", str(n))], f"r{n}", "/models", 1, True) for n in range(2)]
    write_log(empty, "openrouter", WRITER, pages[:1], seal=False)
    update(empty, definitions=MODELS)
    before = sorted((empty / "views").rglob("open-*.parquet"))
    write_log(empty, "openrouter", WRITER, pages[1:], seal=False)

    def interrupted(*_arguments):
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    with monkeypatch.context() as patch, contextlib.suppress(duckdb.InterruptException):
        patch.setattr(parquet_files, "run_copy", interrupted)
        update(empty, definitions=MODELS)

    assert before
    assert sorted((empty / "views").rglob("open-*.parquet")) == before
