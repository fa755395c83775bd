"""One small archive with its views, shared by all these tests, and copies that may change."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.clock import MINUTE
from projector.definition import load_definitions
from projector.kept_answers import ANSWERS
from projector.update.update import update
from tests.cli.making import copy_archive, new_archive
from tests.projector.logs import Gone, Page, Seen, hours, write_log

WRITER = "0a0b0c0d"
VIEWS = ("civitai.models", "openrouter.models")
"""The views that are built besides those of the log; others would only take time."""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the variables of the machine that change what a command does."""
    for name in os.environ:
        if name.startswith("HINDLOG_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "400")


def model(id: str, name: str, prompt: str = "0.25") -> Seen:
    """A model of OpenRouter with its price per prompt token."""
    body = {"id": id, "name": name, "created": 1, "pricing": {"prompt": prompt}}
    return Seen("model", id, body)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three hours of two sources: `x/a` changes at 01:00, `x/b` is absent from 01:00 to 02:00.

    The last hour of civitai is an open segment; `x/c` is probed at 02:01 and gone.
    """
    root = new_archive(tmp_path_factory.mktemp("shared") / "archive")
    a, a2, b, c = model("x/a", "A"), model("x/a", "A2", "0.5"), model("x/b", "B"), model("x/c", "C")
    listings = [
        Page(hours(0), [a, b, c], "r0", "/models", 1, True),
        Page(hours(1), [a2, c], "r1", "/models", 1, True),
        Page(hours(2), [a2, b], "r2", "/models", 1, True),
        Gone(hours(2) + MINUTE, "model", "x/c"),
    ]
    write_log(root, "openrouter", WRITER, listings)
    pages = [
        Page(
            hours(hour),
            [Seen("model", "7", {"id": 7, "name": f"M{hour}"})],
            f"c{hour}",
            "/models",
            1,
            True,
        )
        for hour in range(3)
    ]
    write_log(root, "civitai", WRITER, pages, seal=False)
    definitions = [
        definition
        for definition in load_definitions()
        if definition.source == "log" or definition.name in VIEWS
    ]
    update(root, definitions=definitions)
    before = files_of(root)
    yield root
    assert files_of(root) == before, "a test changed the archive that all of them share"


def files_of(root: Path) -> dict[Path, int]:
    """Returns the files of the log and the views, with their sizes, without kept answers."""
    paths = [*(root / "log").rglob("*"), *(root / "views").rglob("*")]
    return {
        path: path.stat().st_size
        for path in paths
        if path.is_file() and path.parent != root / "views" / ANSWERS
    }


@pytest.fixture
def archive(shared: Path, tmp_path: Path) -> Path:
    """A copy of `shared` that a test may change."""
    return copy_archive(shared, tmp_path / "archive")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An archive without events."""
    return new_archive(tmp_path / "empty")
