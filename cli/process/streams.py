"""The standard streams: there even where the shell closed them, and named when they fail."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

STDOUT = "stdout"


def open_streams() -> None:
    """Stand in for streams that are closed (`>&-`).

    Else the next file that is opened would take a closed one's place. Writing to such
    an stdout fails; what goes to such an stderr is lost.
    """
    if sys.stdin is None:
        sys.stdin = _null(os.O_RDONLY, "r")
    if sys.stdout is None:
        sys.stdout = _null(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _null(os.O_WRONLY, "w")


@contextmanager
def naming_stdout() -> Iterator[None]:
    """Let an error of a write say that it was stdout: a command writes to others too."""
    try:
        yield
    except OSError as error:
        name_stdout(error)
        raise


def name_stdout(error: OSError) -> None:
    """Add to an error of a write that it was stdout, unless it names a file."""
    error.filename = error.filename or STDOUT


def write_stdout(data: bytes) -> None:
    """Write bytes to stdout as they are, at once. An error says that it was stdout."""
    with naming_stdout():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def let_go_of_stdout() -> None:
    """Keep Python from flushing what is left at its own end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _null(flags: int, mode: str) -> TextIO:
    handle = os.open(os.devnull, flags)
    return open(handle, mode, encoding="utf-8", closefd=False)  # type: ignore[return-value]
