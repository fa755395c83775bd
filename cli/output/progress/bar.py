"""The line of progress on a terminal, drawn by rich, which is imported when a line is drawn."""

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import attrs

from cli.process.streams import set_drawn_line

if TYPE_CHECKING:
    from rich.progress import Progress

_REFRESHES_PER_S = 4
_BAR_WIDTHS = ((120, 30), (70, 10), (0, 0))
"""From a width of the terminal on, that of the bar."""
_CLOCK_WIDTH, _MIN_WIDTH_OF_CLOCK = len("0:00:00"), 50


@attrs.frozen
class Bar:
    """A line that is drawn until it is closed."""

    draw: Callable[[Callable[[int], str], int, int | None], None]
    """Takes a function from a width to a text of at most this width, and done and total."""
    close: Callable[[], None]
    """Removes the line."""


def open_bar(color: bool) -> Bar:
    """Draws an empty line on stderr, which has to be a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(file=sys.stderr, no_color=not color, highlight=False)
    bar_width = next(size for width, size in _BAR_WIDTHS if console.width >= width)
    has_clock = console.width >= _MIN_WIDTH_OF_CLOCK
    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
    progress = Progress(
        *([TimeElapsedColumn()] if has_clock else []),
        *([BarColumn(bar_width)] if bar_width else []),
        text,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        refresh_per_second=_REFRESHES_PER_S,
    )
    task = progress.add_task("", total=None)
    progress.start()
    console.show_cursor(True)  # a process that ends at once would leave the terminal without it
    set_drawn_line(True)
    others = bar_width + bool(bar_width) + (_CLOCK_WIDTH + 1) * has_clock

    def draw(describe: Callable[[int], str], done: int, total: int | None) -> None:
        width = max(1, console.width - others - 1)
        progress.update(task, description=describe(width), completed=done, total=total)
        progress.refresh()

    return Bar(draw, partial(_close, progress))


def _close(progress: "Progress") -> None:
    progress.stop()
    set_drawn_line(False)
