"""Syncing a whole file system, where that is reliable."""

import os
from pathlib import Path

import pytest

from eventlog.files import file_system
from eventlog.files.file_system import sync_file_system


def test_the_file_system_of_an_open_folder_is_synced_or_nothing_happens() -> None:
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else "."
    handle = os.open(folder, os.O_RDONLY)
    try:
        assert sync_file_system(handle) in (True, False)
    finally:
        os.close(handle)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_a_file_system_that_is_not_known_is_not_synced() -> None:
    handle = os.open("/proc/self", os.O_RDONLY)
    try:
        assert not sync_file_system(handle)
    finally:
        os.close(handle)


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="calls the C library of Linux")
def test_an_error_of_the_system_is_raised() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        file_system._call("syncfs", -1)
