"""The stores that every contract test runs with, named in the test's id."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eventlog.stores.store import Store
from eventlog.stores.wrappers import RetryLimits, counted, limited, pace_of, retrying
from tests.eventlog.stores.places import BucketPlace, Place, buckets, new_name, unreliable
from tests.object_store.server import ObjectServer


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


def _bucket(request: pytest.FixtureRequest) -> BucketPlace:
    return request.getfixturevalue("new_bucket_place")()


def _bucket_tls(request: pytest.FixtureRequest) -> BucketPlace:
    return request.getfixturevalue("new_tls_place")()


STORES: dict[str, Callable[[pytest.FixtureRequest], Place | BucketPlace]] = {
    "memory": _memory,
    "wrapped": _wrapped,
    "local": _local,
    "s3": _bucket,
    "s3-tls": _bucket_tls,
}


NewPlace = Callable[[], BucketPlace]


@pytest.fixture(scope="session")
def new_bucket_place(object_server: ObjectServer) -> Iterator[NewPlace]:
    with buckets(object_server, "http") as new_place:
        yield new_place


@pytest.fixture(scope="session")
def new_tls_place(object_server: ObjectServer) -> Iterator[NewPlace]:
    with buckets(object_server, "https", "a prefix/") as new_place:
        yield new_place


SLOW = {"s3-tls"}
"""Stores that `make test` leaves out: they differ from another one below the requests only."""


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in STORES]
)
def place(request: pytest.FixtureRequest) -> Place | BucketPlace:
    """An empty store of each kind."""
    return STORES[request.param](request)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a file that does not exist yet."""
    return tmp_path / "received"
