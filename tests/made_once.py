"""Folders that the processes of one test run share: the first that needs one makes it."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Path:
    """Returns the folder `name` of this test run, which `make` has filled. Not to be changed."""
    base = shared_folder(tmp_path_factory)
    folder = base / name
    with (base / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed
        if not (base / f".{name}.made").exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
            folder.mkdir()
            make(folder)
            (base / f".{name}.made").touch()
    return folder


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder that all processes of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
