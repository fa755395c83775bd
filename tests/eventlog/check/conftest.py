"""Fixtures of the checks: a large log without damage, built once."""

import shutil
from pathlib import Path

import pytest

from tests.eventlog.check.damaged_logs import write_large_log


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large_log(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def log(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    return tmp_path
