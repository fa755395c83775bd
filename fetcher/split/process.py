"""Starts a process that shares a file and a socket with this one, for pages and their parts."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_MALLOC_SETTINGS = {
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
    "MALLOC_TOP_PAD_": str(16 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1024 * 1024),
}
"""Settings of glibc: memory of one page is reused for the next instead of returned to the OS."""


def create_shared_file() -> int:
    """Returns the descriptor of an anonymous file, in memory if the system supports that."""
    memfd_create: Callable[[str], int] | None = getattr(os, "memfd_create", None)
    if memfd_create is not None:
        return memfd_create("hindlog-pages")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def start_process(
    program: str, source: str, socket_fd: int, shared_file: int
) -> subprocess.Popen[bytes]:
    """Starts a Python program with the two descriptors and the name of a source as arguments.

    The program can import what this process can.
    """
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join((root, *(entry or str(Path.cwd()) for entry in sys.path)))
    return subprocess.Popen(
        # -S: the path already contains what `site` would add, which takes a third of the start.
        [sys.executable, "-S", "-P", "-c", program, str(socket_fd), str(shared_file), source],
        pass_fds=(socket_fd, shared_file),
        env={**os.environ, **_MALLOC_SETTINGS, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # signals from the terminal are for this process only
    )
