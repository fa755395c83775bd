"""Following: the views are updated while the log grows, and an idle log costs a few stamps."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.catalog import file_watch
from eventlog.catalog.stream_watch import StreamWatch
from projector.update import follow
from projector.update.follow import LogWatch, follow_log, log_may_have_changed
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows
from tests.projector.logs import Page, hours, write_log
from tests.projector.mishaps import settle
from tests.projector.projections import MODELS

OTHER = "feedbee5"


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


def append(root: Path) -> None:
    write_log(root, "openrouter", WRITER, [Page(hours(5), [model("a", "B")])], seal=False)


def begin_stream(root: Path) -> None:
    write_log(root, "civitai", OTHER, [Page(hours(1), [model("a", "B")])])


def copy_old_day(root: Path) -> None:
    write_log(root / "other", "openrouter", OTHER, [Page(hours(-99), [model("a", "B")])])
    shutil.copytree(root / "other" / "log", root / "log", dirs_exist_ok=True)
    settle(root)


def remove_heads(root: Path) -> None:
    shutil.rmtree(root / "state" / "heads")


def remove_log(root: Path) -> None:
    shutil.rmtree(root / "log" / "openrouter")


@pytest.mark.parametrize(
    "change",
    [append, begin_stream, copy_old_day, remove_heads, remove_log],
    ids=lambda c: c.__name__,
)
def test_every_change_of_the_log_is_noticed(
    archive: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SETTLED_S", "REREAD_S"):
        monkeypatch.setattr(file_watch, name, 0.0)
    append(archive)
    settle(archive)
    watch = LogWatch(StreamWatch(archive))
    for _ in range(3):
        log_may_have_changed(watch)
    assert not any(log_may_have_changed(watch) for _ in range(120))
    change(archive)

    assert any(log_may_have_changed(watch) for _ in range(50))


def test_an_update_follows_only_if_the_log_has_other_segments(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls, updates = [], []
    monkeypatch.setattr(follow, "update", lambda *_, **__: None)

    def wait(_seconds: float) -> None:
        polls.append(1)
        if len(polls) == 2:
            (archive / "log" / "openrouter" / "2026-11-01" / "x").touch()
        if len(polls) == 4:
            append(archive)

    follow_log(archive, stopped=lambda: len(polls) == 6, on_update=updates.append, wait=wait)

    assert len(updates) == 2
