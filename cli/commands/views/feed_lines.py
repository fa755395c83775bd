"""The change feed for people: instants, and below each what changed.

    2026-11-29T05:30:00Z  7 min ago
      + openrouter/model/x/a
      ~ openrouter/model/x/b
          ~ /pricing/prompt  "0.25" → "0.5"  +100 %
      - openrouter/model/x/c

Pure.
"""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from cli.options.times import format_time
from cli.output.cells import visible
from cli.output.terminal.short_values import short_instant
from cli.output.terminal.value_diff import BOLD, DIM, GREEN, RED, YELLOW, change_lines, styled
from eventlog.clock import DAY

if TYPE_CHECKING:
    from projector.query.change_feed import EntityChange

SIGNS = {
    "appeared": ("+", GREEN),
    "back": ("+", GREEN),
    "changed": ("~", YELLOW),
    "gone": ("-", RED),
}
"""Sign and color of each kind of change."""


def feed_lines(
    changes: "Iterator[EntityChange]", with_values: bool, now: int, width: int, color: bool
) -> Iterator[str]:
    """Yields the lines of a feed; with values one line per field, else only its paths.

    `changes`: by instant and entity. Only long texts are wider than `width`.
    """
    for at, same_instant in groupby(changes, key=lambda change: change.at):
        yield instant_line(at, now, color)
        grouped = groupby(same_instant, key=lambda change: (change.entity, change.change))
        for (entity, kind), fields in grouped:
            sign, style = SIGNS[kind]
            note = "" if kind in ("appeared", "changed", "gone") else f"  {kind}"
            yield f"  {styled(sign, style, color)} {styled(visible(entity), BOLD, color)}{note}"
            yield from _field_lines(list(fields), with_values, width, color)


def instant_line(at: int, now: int, color: bool) -> str:
    """Returns an exact instant, with its age if that is less than a day."""
    age = f"  {short_instant(at, now)}" if abs(now - at) < DAY else ""
    return styled(f"{format_time(at)}{age}", DIM, color)


def _field_lines(
    fields: "list[EntityChange]", with_values: bool, width: int, color: bool
) -> Iterator[str]:
    known = [field for field in fields if field.path is not None]
    if with_values:
        for field in known:
            lines = change_lines(
                field.path or "", field.kind or "", field.old, field.new, width - 6, color
            )
            yield from (f"      {line}" for line in lines)
        return
    paths = ", ".join(visible(path) for path in dict.fromkeys(field.path or "" for field in known))
    yield from textwrap.wrap(
        paths,
        width,
        initial_indent=" " * 6,
        subsequent_indent=" " * 6,
        break_long_words=False,
        break_on_hyphens=False,
    )
