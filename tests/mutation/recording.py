"""pytest plugin: records how long each test takes, and which fixtures it shares with others.

Supplements the contexts of coverage (`covering_tests.py`). Processes that a test starts are
measured, too: their context is the test's name, in `HINDLOG_TEST`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

FOLDER_VARIABLE = "HINDLOG_RECORD_TESTS"
"""Names the folder that the records are written to."""
SETTINGS_VARIABLE = "HINDLOG_RECORD_SETTINGS"
"""Names the settings of coverage for processes that tests start."""

_records: dict[str, dict[str, object]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Stores the name of the test for the processes it starts, and records its shared fixtures."""
    # Only while a test runs: this process is measured by pytest-cov.
    os.environ["COVERAGE_PROCESS_START"] = os.environ[SETTINGS_VARIABLE]
    os.environ["HINDLOG_TEST"] = item.nodeid
    manager = item.session._fixturemanager
    shared = [
        f"{definition.baseid}::{name}"
        for name in getattr(item, "fixturenames", ())
        for definition in (manager.getfixturedefs(name, item) or ())
        if definition.scope != "function" and definition.baseid
    ]
    _records[item.nodeid] = {"shared": shared, "seconds": 0.0}
    try:
        return (yield)
    finally:
        del os.environ["COVERAGE_PROCESS_START"]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Adds up the seconds of a test: setup, call and teardown."""
    record = _records.get(report.nodeid)
    if record is not None:
        record["seconds"] = float(str(record["seconds"])) + report.duration


def pytest_sessionfinish() -> None:
    """Writes the records of this process, which may be a worker of xdist."""
    if _records:
        folder = Path(os.environ[FOLDER_VARIABLE])
        (folder / f"{os.getpid()}.json").write_bytes(orjson.dumps(_records))
