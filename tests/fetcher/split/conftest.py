"""Fixture: the splitter processes that a test starts."""

import select

import pytest

from fetcher.split import pool
from fetcher.split.pool import SplitterProcess
from tests.fetcher.split.splitting import Started


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The splitters that a test starts; each start waits until the splitter is ready."""
    start_splitter, splitters = pool._start_splitter, Started()

    def start(source: str) -> SplitterProcess:
        splitter = start_splitter(source)
        assert select.select([splitter.connection], [], [], 60)[0]
        splitters.append(splitter)
        return splitter

    monkeypatch.setattr(pool, "_start_splitter", start)
    return splitters
