"""Shows how far a command is, and answers SIGUSR1.

    terminal   one line, drawn by rich and removed at the end
    elsewhere  one line per minute
    -q         nothing; SIGUSR1 is answered, since it is a question

The functions that work report their steps (`eventlog/progress.py`); most are not shown.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import attrs

from cli.options.global_options import (
    GlobalOptions,
    current_options,
    message_line,
    message_printer,
    options_wants_color,
)
from cli.output.progress.bar import Bar, open_bar
from cli.output.progress.line import Step, cut_off, describe_step, duration_text, next_step
from cli.process.signals import answer_sigusr1
from cli.process.streams import stderr_width, write_stderr_at_once
from eventlog.clock import Clock
from eventlog.progress import ReportProgress

_EVERY_TERMINAL_US = 100_000
_EVERY_PIPE_US = 60_000_000
_DELAY_US = 500_000
"""Duration from which on a terminal shows a line: what ends earlier needs none."""


@attrs.define
class Display:
    """The progress of a command."""

    clock: Clock
    options: GlobalOptions
    shown_at: int
    step: Step | None = None
    bar: Bar | None = None
    is_open: bool = True
    lock: Lock = attrs.field(factory=Lock)


_LATEST: list[Step] = []
"""The latest step of this process, for SIGUSR1: empty, or one."""


@contextmanager
def progress(clock: Clock) -> Iterator[ReportProgress]:
    """Yields a function that takes each step of the block and shows it on stderr."""
    display = open_display(clock, current_options())
    try:
        yield lambda unit, done, total: report_step(display, unit, done, total)
    finally:
        close_display(display)


def open_display(clock: Clock, options: GlobalOptions) -> Display:
    """Returns a display that shows nothing yet."""
    return Display(clock, options, clock())


def report_step(display: Display, unit: str, done: int, total: int | None) -> None:
    """Shows a step, if it is time for that. May be called in any thread."""
    with display.lock:
        if not display.is_open:
            return  # a thread of the block that has not ended
        now = display.clock()
        step = display.step = next_step(display.step, unit, done, total, now)
        _LATEST[:] = [step]
        if not display.options.quiet:
            _show(display, step, now)


def _show(display: Display, step: Step, now: int) -> None:
    is_drawn = draws_lines(display.options)
    first_us = _DELAY_US if display.bar is None else _EVERY_TERMINAL_US
    if now - display.shown_at < (first_us if is_drawn else _EVERY_PIPE_US):
        return
    display.shown_at = now
    if not is_drawn:
        message_printer(display.options)(describe_step(step, now))
        return
    display.bar = display.bar or open_bar(options_wants_color(display.options, True))
    display.bar.draw(lambda width: describe_step(step, now, width), step.done, step.total)


def close_display(display: Display) -> None:
    """Removes the line."""
    with display.lock:
        display.is_open = False
        if display.bar is not None:
            display.bar.close()
            display.bar = None


def draws_lines(options: GlobalOptions) -> bool:
    """Returns whether stderr is a terminal on which a line can be overwritten."""
    is_dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return sys.stderr.isatty() and options.log_format == "text" and not is_dumb


@contextmanager
def answering_sigusr1(clock: Clock, options: Callable[[], GlobalOptions]) -> Iterator[None]:
    """Prints one line about the latest step on each SIGUSR1, also with `-q`.

    `options`: the global options, as far as they are known then.
    """
    began = clock()
    _LATEST.clear()

    def answer() -> None:
        now = clock()
        step = next(iter(_LATEST), None)
        width = stderr_width() if sys.stderr.isatty() else None
        text = (
            cut_off(f"running for {duration_text((now - began) / 1e6)}", width or 80)
            if step is None
            else describe_step(step, now, width)
        )
        write_stderr_at_once(message_line(text, options()))

    with answer_sigusr1(answer):
        yield
