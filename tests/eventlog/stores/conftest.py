"""The stores that every contract test runs with, named in the test's id."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventlog.stores.places import Place, new_name


def _memory(_request: pytest.FixtureRequest) -> Place:
    return Place(f"memory://{new_name()}")


STORES: dict[str, Callable[[pytest.FixtureRequest], Place]] = {
    "memory": _memory,
}


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest) -> Place:
    """An empty store of each kind."""
    return STORES[request.param](request)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a file that does not exist yet."""
    return tmp_path / "received"
