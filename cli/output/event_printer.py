"""Selects events by pattern and kind, and prints them."""

import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from cli.options.global_options import stdout_is_terminal, wants_color
from cli.process.streams import name_stdout, naming_stdout
from eventlog.errors import Invalid

if TYPE_CHECKING:
    from eventlog.read.event_filter import Select
    from eventlog.read.reader import Record


def selection(patterns: tuple[str, ...], kinds: tuple[str, ...]) -> "Select":
    """What patterns and kinds ask for. Raises `Invalid` for a kind that is none."""
    from eventlog.format.event import KINDS
    from eventlog.read.event_filter import Select

    for kind in kinds:
        if kind not in KINDS:
            raise Invalid(f"--kind {kind}: expected one of {', '.join(KINDS)}")
    return Select(kinds=frozenset(kinds), patterns=patterns)


def printer() -> "Callable[[Record], None]":
    """How an event is shown: untouched in a pipe, readable on a terminal."""
    if not stdout_is_terminal():
        out = sys.stdout.buffer
        return lambda record: _write(out.write, record.line)
    from cli.output.event_line import event_line

    color = wants_color(True)
    width = shutil.get_terminal_size((100, 24)).columns
    return lambda record: click.echo(event_line(record.line, color, width), color=color)


def _write(write: Callable[[bytes], int], line: bytes) -> None:
    # Not `naming_stdout`: a context manager takes 2.5 us, twice as long as the line itself.
    try:
        write(line)
        write(b"\n")
    except OSError as error:
        name_stdout(error)
        raise


def flush() -> None:
    """Hand over what is held back for stdout."""
    with naming_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.flush()
