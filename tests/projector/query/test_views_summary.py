"""The summary of the views: what was kept equals what a query returns."""

from pathlib import Path

import pytest

from eventlog.catalog.day import SETTLED_US
from eventlog.clock import now_us
from projector.kept_answers import views_state
from projector.query.drift import summarize_views
from projector.query.views_summary import (
    ViewsSummary,
    is_known_quiet,
    keep_quiet,
    keep_summary,
    known_summary,
)
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.few import rows
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen

VIEWS = chosen("log.drift")


def settled(root: Path) -> bytes | None:
    """Returns the state of the views as it is when they have not changed for a while."""
    return views_state(root, lambda: now_us() + 2 * SETTLED_US)


def page(hour: float, **body: object) -> Page:
    seen = [Seen("model", str(n), {"n": n, "at": hour, **body}) for n in range(6)]
    return Page(hours(hour), seen, f"r{hour}", "/models", 1, True)


@pytest.mark.slow
def test_a_kept_summary_equals_a_query_until_the_views_change(empty: Path) -> None:
    pages = [page(0, price="1"), page(30, price=1), page(60, price=1, new=1)]
    write_log(empty, "openrouter", WRITER, pages)
    assert update(empty, definitions=VIEWS).failed == ()
    state = settled(empty)
    summary = summarize_views(empty, hours(20))
    keep_summary(empty, summary, state)

    assert [(path.path, path.change) for path in summary.drift] == [
        ("/price", "retyped"),
        ("/new", "new"),
    ]
    assert [(path.segment, path.seq) for path in summary.drift] == rows(
        empty,
        f"SELECT segment, seq FROM log.drift WHERE epoch_us(changed_at) >= {hours(20)} "
        "ORDER BY changed_at, path",
    )
    for hour in (30, 30.1):
        assert known_summary(empty, hours(hour), state) == summarize_views(empty, hours(hour))
    assert known_summary(empty, hours(19), state) is None  # there may be more before
    assert known_summary(empty, hours(20), None) is None

    write_log(empty, "openrouter", "0b0b0b0b", [page(90, price="1", new=1)])
    assert update(empty, definitions=VIEWS).failed == ()
    later = settled(empty)
    assert known_summary(empty, hours(20), later) is None
    assert summarize_views(empty, hours(20)).last_instant == hours(90)


def test_views_without_drift_have_a_summary(empty: Path) -> None:
    write_log(empty, "openrouter", WRITER, [page(0)])
    assert update(empty, definitions=chosen("openrouter.models")).failed == ()
    summary = summarize_views(empty, hours(0))
    keep_summary(empty, summary, settled(empty))

    assert summary == ViewsSummary(hours(0), hours(0), ())
    assert known_summary(empty, hours(0), settled(empty)) == summary


def test_views_that_are_quiet_since_an_instant_are_quiet_since_later_ones(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "hindlog.duckdb").write_bytes(b"1")
    state = settled(tmp_path)
    keep_quiet(tmp_path, 7, state)
    (tmp_path / "views" / "hindlog.duckdb").write_bytes(b"12")

    assert [is_known_quiet(tmp_path, since, state) for since in (6, 7, 8)] == [False, True, True]
    assert not is_known_quiet(tmp_path, 7, settled(tmp_path))
