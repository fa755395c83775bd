"""Standard streams: replacements for closed ones, and errors that name stdout."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from typing import TextIO

STDOUT = "stdout"
"""The file name in errors of writes to stdout."""
_IS_LINE_DRAWN = [False]
_CLEAR_LINE = "\r\x1b[2K"


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


def set_drawn_line(is_drawn: bool) -> None:
    """Records whether a line is being drawn on the terminal, which messages have to replace."""
    _IS_LINE_DRAWN[0] = is_drawn


def write_stderr(line: str) -> None:
    """Writes a line to stderr. If a line is being drawn there, it is drawn again below."""
    sys.stderr.write(_CLEAR_LINE + line if _IS_LINE_DRAWN[0] else line)
    sys.stderr.flush()


def write_stderr_at_once(line: str) -> None:
    """Writes a line like `write_stderr`, also while another write is interrupted by a signal."""
    text = _CLEAR_LINE + line if _IS_LINE_DRAWN[0] else line
    with suppress(OSError, ValueError):  # it is closed, or has no reader
        try:
            os.write(sys.stderr.fileno(), text.encode("utf-8", "replace"))
        except UnsupportedOperation:  # it has no descriptor
            sys.stderr.write(text)


def stderr_width() -> int:
    """Returns the width of the terminal in characters; 80 if it is not known."""
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _null(flags: int, mode: str) -> TextIO:
    handle = os.open(os.devnull, flags)
    return open(handle, mode, encoding="utf-8", closefd=False)  # type: ignore[return-value]
