"""The instant of a query: one in the future is refused, by every view and in every type."""

import contextlib
from pathlib import Path

import duckdb
import pytest

from eventlog.clock import HOUR, now_us
from eventlog.errors import Invalid
from projector.query.open_views import open_views
from projector.query.view_info import set_as_of_last
from projector.update.update import update
from tests.projector.conftest import WRITER, model, write_archive
from tests.projector.few import rows
from tests.projector.logs import Page, write_log
from tests.projector.projections import MODELS, chosen


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of that name, with views over the views of the log."""
    definitions = chosen("openrouter.models", "log.listings", "log.paths")
    return write_archive(tmp_path_factory.mktemp("listed"), definitions)


FUTURE = (
    "'2099-01-01'",
    "'2099-01-01T00:00:00+02:00'",
    "'infinity'",
    "DATE '2099-01-01'",
    "TIMESTAMP '2099-01-01'",
    "TIMESTAMPTZ '2099-01-01 00:00:00Z'",
    "now() + INTERVAL 1 MINUTE",
)


@pytest.mark.parametrize("instant", FUTURE)
def test_an_instant_in_the_future_is_refused(shared: Path, instant: str) -> None:
    for sibling in ("", "_all", "_versions", "_changes"):
        with pytest.raises(Invalid, match=r"as of .*: that is in the future"):
            rows(shared, f"SELECT count(*) FROM openrouter.models{sibling}_at({instant})")


@pytest.mark.parametrize("instant", FUTURE)
def test_a_variable_in_the_future_is_refused_by_every_view(shared: Path, instant: str) -> None:
    with contextlib.closing(open_views(shared)) as connection:
        connection.execute(f"SET VARIABLE as_of = {instant}")
        for view in ("openrouter.models", "log.events", "log.listings", "log.paths"):
            with pytest.raises(duckdb.ConversionException, match="that is in the future"):
                connection.execute(f"SELECT count(*) FROM {view}").fetchall()


def test_now_and_the_end_of_time_are_no_future(shared: Path) -> None:
    newest = rows(shared, "FROM openrouter.models")

    assert rows(shared, "FROM openrouter.models_at(now())") == newest
    assert rows(shared, "FROM openrouter.models_at(NULL)") == newest


def test_the_last_instant_of_a_log_that_is_ahead_of_this_clock_is_now(empty: Path) -> None:
    pages = [Page(now_us() - HOUR, [model("a", "A")]), Page(now_us() + HOUR, [model("b", "B")])]
    write_log(empty, "openrouter", WRITER, pages)
    update(empty, definitions=MODELS)

    with contextlib.closing(open_views(empty)) as connection:
        set_as_of_last(connection)
        assert connection.execute("SELECT id FROM openrouter.models").fetchall() == [("a",)]
