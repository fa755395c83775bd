"""Shows that the log is read for the catalog, which may take long before a command begins."""

import threading
from collections.abc import Callable

import click

from cli.options.global_options import current_options, print_message
from cli.output.progress.display import (
    Display,
    close_display,
    draws_lines,
    open_display,
    report_step,
)
from eventlog.clock import Clock

_DELAY_US = 1_000_000
"""Duration of reading days from which on it is reported."""
_MANY_DAYS = 30


def days_reporter(clock: Clock) -> Callable[[str, int, int], None]:
    """Returns a function that shows on stderr that the log is read for the catalog.

    It takes a source, the number of its days that were read, and of those to read. If these are
    many, it shows a line of progress after a second, or prints one message if stderr is no
    terminal.
    """
    began, announced = [0], [False]
    displays: dict[str, Display] = {}

    def show(source: str, done: int, total: int) -> None:
        if done == 1:
            began[0] = clock()
        if total < _MANY_DAYS or threading.current_thread() is not threading.main_thread():
            return
        if click.get_current_context(silent=True) is None:
            return
        options = current_options()
        if not draws_lines(options):
            if not announced[0] and clock() - began[0] >= _DELAY_US:
                announced[0] = True
                print_message(f"reading {total:,} days of {source} that the catalog lacks")
            return
        display = displays.setdefault(source, open_display(clock, options))
        report_step(display, f"days of {source} read", done, total)
        if done == total:
            close_display(displays.pop(source))

    return show
