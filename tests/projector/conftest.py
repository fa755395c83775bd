"""A small archive of models, for tests that read it or add to it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from projector.definition import Definition
from projector.update.update import update
from tests.made_once import made_once
from tests.projector.image_shelf import write_shelf
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import MODELS

WRITER = "0a0b0c0d"


def model(id: str, name: str, **more: object) -> Seen:
    """Returns a model as seen on a page."""
    return Seen("model", id, {"id": id, "name": name, **more})


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An archive without events."""
    (tmp_path / "log").mkdir()
    return tmp_path


@pytest.fixture
def archive(empty: Path, shared: Path) -> Path:
    """A copy of `shared` for a test that writes."""
    shutil.copytree(shared, empty, dirs_exist_ok=True)
    return empty


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that mention a version of model 11 in several ways, and the macros that find them."""
    return made_once(tmp_path_factory, "shelf", write_shelf)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` changes at hour 1, `b` is absent from hour 1 to hour 2; with views of models only."""
    return write_archive(tmp_path_factory.mktemp("shared"))


def write_archive(root: Path, definitions: Sequence[Definition] = MODELS) -> Path:
    """Writes the log of `shared` into an empty folder and builds these views. Returns `root`."""
    (root / "log").mkdir()
    a, a2, b = model("a", "A", pricing={"prompt": "0.25"}), model("a", "A2"), model("b", "B")
    listings = [
        Page(hours(0), [a, b], "r0", "/models", 1, True),
        Page(hours(1), [a2], "r1", "/models", 1, True),
        Page(hours(2), [a2, b], "r2", "/models", 1, True),
    ]
    write_log(root, "openrouter", WRITER, listings)
    assert update(root, definitions=definitions).failed == ()
    return root
