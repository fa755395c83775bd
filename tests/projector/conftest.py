"""An archive with an hour or three of models, for tests that look at it."""

import shutil
from pathlib import Path

import pytest

from projector.update.update import update
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import MODELS

WRITER = "0a0b0c0d"


def model(id: str, name: str, **more: object) -> Seen:
    return Seen("model", id, {"id": id, "name": name, **more})


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path


@pytest.fixture
def archive(empty: Path, shared: Path) -> Path:
    """A copy of `shared` for a test that writes."""
    shutil.copytree(shared, empty, dirs_exist_ok=True)
    return empty


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` changes at one o'clock, `b` is away from one to two; with views of models only."""
    root = tmp_path_factory.mktemp("shared")
    (root / "log").mkdir()
    return write_archive(root)


def write_archive(root: Path) -> Path:
    a, a2, b = model("a", "A", pricing={"prompt": "0.25"}), model("a", "A2"), model("b", "B")
    listings = [
        Page(hours(0), [a, b], "r0", "/models", 1, True),
        Page(hours(1), [a2], "r1", "/models", 1, True),
        Page(hours(2), [a2, b], "r2", "/models", 1, True),
    ]
    write_log(root, "openrouter", WRITER, listings)
    assert update(root, definitions=MODELS).failed == ()
    return root
