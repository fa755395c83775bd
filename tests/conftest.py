"""For all tests: properties are checked without a clock, machines being noisy.

A shell ignores Ctrl-C for what it runs in the background, and so would all that tests start.
"""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.extent import IS_ALL
from tests.made_once import made_once, shared_folder
from tests.temporary import use_memory

if TYPE_CHECKING:
    from projector.update.view_columns import Columns
    from tests.object_store.server import ObjectServer

settings.register_profile("hindlog", deadline=None, max_examples=20, derandomize=True)
settings.register_profile("all", deadline=None, max_examples=30, print_blob=True)
settings.load_profile("all" if IS_ALL else "hindlog")
use_memory()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names bytes that are no text by their parameter: gzip puts the time of day into them, and
    the processes that share the tests must agree on the names."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return argname
    return None


def pytest_collection_finish() -> None:
    """Keep the collected tests out of garbage collection: they live until the end anyway."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def empty_views(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive without events, with all views: building them takes seconds."""

    def make(folder: Path) -> None:
        from projector.update.update import update

        (folder / "log").mkdir()
        assert update(folder).failed == ()

    return made_once(tmp_path_factory, "empty-views", make)


@pytest.fixture(scope="session")
def view_columns(empty_views: Path) -> "dict[str, Columns]":
    """The columns of every view."""
    from projector.definition import load_definitions
    from projector.update.view_columns import columns_of_views

    return columns_of_views(empty_views, load_definitions())


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ObjectServer]":
    """A real S3 server, one for all processes of the test run."""
    from tests.object_store.environment import CACHE, has_user_attributes
    from tests.object_store.server import running_server

    base = shared_folder(tmp_path_factory)
    if not has_user_attributes(base):
        base = CACHE / "data"
        base.mkdir(parents=True, exist_ok=True)
    with running_server(base / "object-server") as server:
        yield server
