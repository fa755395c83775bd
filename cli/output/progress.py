"""Progress: one line that is overwritten on a terminal, one line per minute elsewhere."""

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from cli.options.global_options import current_options, message_printer, print_message

_EVERY_TERMINAL_S = 0.1
_EVERY_PIPE_S = 60.0
_DELAY_US = 1_000_000
"""Duration of reading days from which on it is reported."""
_MANY_DAYS = 30


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
                _overwrite(text)
            else:
                print_message(text)

    try:
        yield show
    finally:
        if terminal:
            _overwrite("")


def _overwrite(text: str) -> None:
    """Replaces the current line of the terminal; a longer text is cut off at its width."""
    width = max(1, shutil.get_terminal_size().columns - 1)
    sys.stderr.write(f"\r\x1b[K{text if len(text) <= width else text[: width - 1] + '…'}")
    sys.stderr.flush()


def days_reporter(clock: Callable[[], int]) -> Callable[[str, int, int], None]:
    """Returns a function that shows on stderr that the log is read for the catalog.

    It takes a source, the number of its days that were read, and of those to read. If these are
    many, it shows after a second a line that is overwritten, or one message if stderr is no
    terminal.
    """
    began, shown = [0], [False]

    def show(source: str, done: int, total: int) -> None:
        if done == 1:
            began[0] = clock()
        if total < _MANY_DAYS or clock() - began[0] < _DELAY_US:
            return
        if click.get_current_context(silent=True) is None:
            return  # in a thread
        options = current_options()
        if sys.stderr.isatty() and options.log_format == "text" and not options.quiet:
            text = f"reading day {done} of {total} of {source}, which the catalog of segments lacks"
            _overwrite(text if done < total else "")
        elif not shown[0]:
            shown[0] = True
            print_message(f"reading {total} days of {source}, which the catalog of segments lacks")

    return show
