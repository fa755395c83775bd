"""Standard streams: replacements for closed ones, and errors that name stdout."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

STDOUT = "stdout"
"""The file name in errors of writes to stdout."""


def replace_closed_streams() -> None:
    """Replaces standard streams that the shell closed (`>&-`).

    Otherwise the next opened file would get the file descriptor of the closed stream. A
    write to the replaced stdout fails; output to the replaced stderr is discarded.
    """
    if sys.stdin is None:
        sys.stdin = _null(os.O_RDONLY, "r")
    if sys.stdout is None:
        sys.stdout = _null(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _null(os.O_WRONLY, "w")


@contextmanager
def name_stdout_errors() -> Iterator[None]:
    """Names stdout in the `OSError`s of its block: a command also writes to other files."""
    try:
        yield
    except OSError as error:
        name_stdout_error(error)
        raise


def name_stdout_error(error: OSError) -> None:
    """Names stdout in an error, unless the error already names a file."""
    error.filename = error.filename or STDOUT


def write_stdout(data: bytes) -> None:
    """Writes bytes to stdout unchanged and flushes. Errors name stdout."""
    with name_stdout_errors():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def stdout_has_no_reader() -> bool:
    """Returns whether stdout is a pipe whose reading end is closed."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):  # no descriptor: replaced by another stream, or closed
        return False


def discard_stdout() -> None:
    """Redirects stdout to /dev/null, so that Python's last flush cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _null(flags: int, mode: str) -> TextIO:
    handle = os.open(os.devnull, flags)
    return open(handle, mode, encoding="utf-8", closefd=False)  # type: ignore[return-value]
