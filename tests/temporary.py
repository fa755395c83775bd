"""Where tests write: into memory if there is room, so that no test waits for a disk.

Every fsync is called there, too. What a power failure would lose is tested on a simulated disk
(`tests/crash/simulated_disk.py`), never by the file system below the tests.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
"""A file system in memory, on Linux."""
ROOM_BYTES = 2_000_000_000
"""Free bytes that it must have: some times what a run keeps at once."""


def use_memory() -> None:
    """Makes this process, and all that it starts, write temporary files into memory."""
    folder = choose_folder()
    if folder is not None:
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None  # chosen anew


def choose_folder(memory: Path = MEMORY, room_bytes: int = ROOM_BYTES) -> Path | None:
    """Returns the folder for temporary files. None: the usual one, which TMPDIR may name."""
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return None
    return memory if shutil.disk_usage(memory).free >= room_bytes else None
