"""The stores that every contract test runs with, named in the test's id."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.stores.store import Store
from eventlog.stores.wrappers import RetryLimits, counted, limited, pace_of, retrying
from tests.eventlog.stores.places import Place, new_name, unreliable


def _memory(_request: pytest.FixtureRequest) -> Place:
    return Place(f"memory://{new_name()}")


def _local(request: pytest.FixtureRequest) -> Place:
    folder: Path = request.getfixturevalue("tmp_path") / "a store"
    folder.mkdir()
    return Place(folder.as_uri())


def _wrapped(_request: pytest.FixtureRequest) -> Place:
    """A store with all wrappers, of which every third call is unavailable at first."""

    def wrap(store: Store) -> Store:
        async def sleep(_seconds: float) -> None: ...

        store = limited(unreliable(store), pace_of(1e12), sleep, lambda _seconds: None)
        return retrying(counted(store, Counter()), RetryLimits(), lambda: 0.5, sleep=sleep)

    return Place(f"memory://{new_name()}", wrap=wrap)


STORES: dict[str, Callable[[pytest.FixtureRequest], Place]] = {
    "memory": _memory,
    "wrapped": _wrapped,
    "local": _local,
}


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest) -> Place:
    """An empty store of each kind."""
    return STORES[request.param](request)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a file that does not exist yet."""
    return tmp_path / "received"
