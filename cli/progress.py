"""Progress: one line that moves on a terminal, a line per minute elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.options import settings

_EVERY_TERMINAL_S = 0.1
_EVERY_PIPE_S = 60.0


@contextmanager
def progress(clock: Callable[[], int]) -> Iterator[Callable[[str], None]]:
    """A function to be told how things stand, as often as one likes; on stderr."""
    terminal = sys.stderr.isatty()
    every_us = int((_EVERY_TERMINAL_S if terminal else _EVERY_PIPE_S) * 1e6)
    shown = [clock()]
    if settings().quiet:
        yield lambda _text: None
        return

    def tell(text: str) -> None:
        if clock() - shown[0] >= every_us:
            shown[0] = clock()
            sys.stderr.write(f"\r\x1b[K{text}" if terminal else f"{text}\n")
            sys.stderr.flush()

    try:
        yield tell
    finally:
        if terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
