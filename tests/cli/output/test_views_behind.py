"""Commands that read views say on stderr when the log has events that the views lack."""

import os
from pathlib import Path

import pytest

from eventlog.clock import HOUR, now_us
from projector.update.last_update import record_path, unread_segments
from projector.update.update import update
from tests.cli.making import hindlog
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import MODELS

QUERY = "SELECT count(*) FROM openrouter.models"


@pytest.fixture
def behind(empty: Path) -> Path:
    """An archive whose views were updated two hours ago, before the last page."""
    seen = Seen("model", "x/a", {"id": "x/a"})
    write_log(empty, "openrouter", "0a0b0c0d", [Page(hours(0), [seen], "r0", "/models", 1, True)])
    update(empty, definitions=MODELS)
    assert unread_segments(empty) is None
    write_log(empty, "openrouter", "0a0b0c0d", [Page(hours(1), [seen], "r1", "/models", 1, True)])
    set_age(empty, 2 * HOUR)
    return empty


def set_age(root: Path, age_us: int) -> None:
    """Lets the record of the last update be this old."""
    at = (now_us() - age_us) * 1000
    os.utime(record_path(root), ns=(at, at))


@pytest.mark.parametrize(
    "words",
    [("sql", QUERY), ("export", "openrouter.models", "--to", "out"), ("changes", "--since", "1h")],
)
def test_a_command_says_how_far_the_views_are_behind(
    behind: Path, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert (
        "the views are behind the log: updated 2 hours ago, 1 segment has new events since: "
        "hindlog view update\n"
    ) in hindlog(*words, at=behind).err
    assert "behind" not in hindlog(*words, "-q", at=behind).err


def test_nothing_is_said_of_views_that_follow_the_log_or_of_an_earlier_instant(
    behind: Path,
) -> None:
    assert "behind" not in hindlog("sql", "--as-of", "3h", QUERY, at=behind).err
    set_age(behind, 0)
    assert "behind" not in hindlog("sql", QUERY, at=behind).err


def test_an_open_segment_that_has_grown_is_unread(behind: Path) -> None:
    update(behind, definitions=MODELS)
    seen = Seen("model", "x/b", {"id": "x/b"})
    pages = [Page(hours(2), [seen], "r2", "/models", 1, True)]
    write_log(behind, "openrouter", "0a0b0c0d", pages, seal=False)
    grown = unread_segments(behind)
    update(behind, definitions=MODELS)

    assert grown is not None and grown[1] == 1
    assert unread_segments(behind) is None
