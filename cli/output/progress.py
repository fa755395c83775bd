"""Progress: one line that is overwritten on a terminal, one line per minute elsewhere."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.options.global_options import current_options, message_printer

_EVERY_TERMINAL_S = 0.1
_EVERY_PIPE_S = 60.0


@contextmanager
def progress(clock: Callable[[], int]) -> Iterator[Callable[[str], None]]:
    """Yields a function that takes the current progress and shows it on stderr.

    It may be called often: most calls show nothing. SIGUSR1 shows the latest text at once.
    """
    terminal = sys.stderr.isatty() and current_options().log_format == "text"
    every_us = int((_EVERY_TERMINAL_S if terminal else _EVERY_PIPE_S) * 1e6)
    shown, latest = [clock()], [""]
    if current_options().quiet:
        yield lambda _text: None
        return
    print_message = message_printer()
    signal.signal(signal.SIGUSR1, lambda *_: print_message(latest[0] or "no progress yet"))

    def show(text: str) -> None:
        latest[0] = text
        if clock() - shown[0] >= every_us:
            shown[0] = clock()
            if terminal:
                sys.stderr.write(f"\r\x1b[K{text}")
                sys.stderr.flush()
            else:
                print_message(text)

    try:
        yield show
    finally:
        if terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
