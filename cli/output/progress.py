"""Progress: one line that moves on a terminal, a line per minute elsewhere."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.options.global_options import settings, teller

_EVERY_TERMINAL_S = 0.1
_EVERY_PIPE_S = 60.0


@contextmanager
def progress(clock: Callable[[], int]) -> Iterator[Callable[[str], None]]:
    """A function to be told how things stand, as often as one likes; on stderr.

    SIGUSR1 shows the latest at once.
    """
    terminal = sys.stderr.isatty() and settings().log_format == "text"
    every_us = int((_EVERY_TERMINAL_S if terminal else _EVERY_PIPE_S) * 1e6)
    shown, latest = [clock()], [""]
    if settings().quiet:
        yield lambda _text: None
        return
    say = teller()
    signal.signal(signal.SIGUSR1, lambda *_: say(latest[0] or "nothing done yet"))

    def tell(text: str) -> None:
        latest[0] = text
        if clock() - shown[0] >= every_us:
            shown[0] = clock()
            if terminal:
                sys.stderr.write(f"\r\x1b[K{text}")
                sys.stderr.flush()
            else:
                say(text)

    try:
        yield tell
    finally:
        if terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
