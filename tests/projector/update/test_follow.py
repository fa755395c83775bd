"""Following: the views are updated while the log grows."""

from projector.update.follow import follow_log
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS


def test_views_follow_the_log_until_they_are_stopped(empty):
    reports = []

    def wait(_seconds):
        n = len(reports)
        write_log(empty, "openrouter", WRITER, [Page(hours(n), [model("a", str(n))])], seal=False)

    follow_log(
        empty,
        ["openrouter.models"],
        definitions=MODELS,
        stopped=lambda: len(reports) == 3,
        on_update=reports.append,
        wait=wait,
    )

    assert rows(empty, MODEL_NAMES) == [("a", "2")]
