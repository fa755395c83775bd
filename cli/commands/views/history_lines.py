"""The versions of an entity for people: one line each, and below it what changed.

    + 2026-11-29T05:30:00Z  list  c1:42c57d9374e5  appeared
    ~ 2026-11-29T07:30:00Z  list  c1:0b2bdf7c11a0  changed
        ~ /pricing/prompt  "0.25" → "0.5"  +100 %
    - 2026-11-30T09:30:00Z  list                   gone

Pure.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cli.commands.views.feed_lines import SIGNS
from cli.options.times import format_time
from cli.output.cells import visible
from cli.output.terminal.short_values import short_instant, short_value
from cli.output.terminal.value_diff import DIM, change_lines, styled
from eventlog.clock import DAY

if TYPE_CHECKING:
    from projector.query.entity_at import EntityVersion

FieldChange = tuple[str, str, str | None, str | None]
"""JSON Pointer, kind, old and new value as JSON."""


def history_lines(
    versions: "Sequence[EntityVersion]",
    fields: Sequence[Sequence[FieldChange]] | None,
    now: int,
    width: int,
    color: bool,
) -> Iterator[str]:
    """Yields the lines of versions, oldest first. `fields`: the changes of each, or None."""
    shape_width = max(len(version.shape) for version in versions)
    for number, version in enumerate(versions):
        digest = short_value("hash", version.hash, now)
        shape = visible(version.shape).ljust(shape_width)
        yield _line(version.kind, version.valid_from, f"{shape}  {digest}", now, color)
        for change in () if fields is None else fields[number]:
            yield from (f"    {line}" for line in change_lines(*change, width - 4, color))
        if version.ends == "gone" and version.valid_to is not None:
            blank = " " * len(digest)
            yield _line("gone", version.valid_to, f"{shape}  {blank}", now, color)


def _line(kind: str, at: int, details: str, now: int, color: bool) -> str:
    sign, style = SIGNS[kind]
    age = f", {short_instant(at, now)}" if abs(now - at) < DAY else ""
    end = f"{kind}{styled(age, DIM, color)}"
    return f"{styled(sign, style, color)} {format_time(at)}  {details}  {end}"
