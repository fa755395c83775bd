"""`changes`: prints the feed of changes between two instants."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options.global_options import archive, global_options, print_message, wants_color
from cli.options.patterns import check_patterns
from cli.options.time_options import resolve_range
from cli.output.emit import choose_output, emit, output_options, prints_for_people
from cli.output.terminal.pager import paged, pager_option
from cli.output.views_behind import say_if_behind
from eventlog.clock import now_us

if TYPE_CHECKING:
    from projector.query.change_feed import EntityChange

_COLUMNS = ("changed_at", "entity", "change", "paths")
_FIELD_COLUMNS = ("changed_at", "entity", "change", "path", "kind", "old", "new")


@click.command(
    epilog="Example: hindlog changes 'openrouter/model/*' --since 7d --fields",
    short_help="Prints which entities appeared, changed, vanished or returned.",
)
@click.argument("patterns", nargs=-1)
@click.option("--since", default="1d", show_default=True, metavar="T", help="Start, inclusive.")
@click.option("--until", metavar="T", help="End, exclusive (default: now).")
@click.option("--fields", is_flag=True, help="Print one row per field, with its old and new value.")
@click.option("--telemetry", is_flag=True, help="Also telemetry: counts, uptimes.")
@click.option(
    "--waves", is_flag=True, help="Also waves: fields that changed on most entities at once."
)
@pager_option
@output_options
@global_options
def changes(
    patterns: tuple[str, ...],
    since: str,
    until: str | None,
    fields: bool,
    telemetry: bool,
    waves: bool,
    fmt: str | None,
    as_json: bool,
    output: Path | None,
) -> None:
    """Prints the feed of changes, oldest first: + appeared or back, - gone, ~ changed.

    With PATTERNS, globs over source/type/id as in `log`, only those of matching entities. A
    change that both the list and the detail of an entity show is printed once.
    """
    from projector.kept_answers import views_state
    from projector.query.views_summary import is_known_quiet

    begin, end = resolve_range(since, until)
    end = now_us() if end is None else end
    root, to = archive(), choose_output(fmt, as_json, output)
    check_patterns(root, patterns)
    say_if_behind(root, end)
    columns = _FIELD_COLUMNS if fields else _COLUMNS
    for_people = prints_for_people(fmt, as_json, output)
    if is_known_quiet(root, begin or 0, views_state(root)):
        if for_people:
            print_message("no changes")
        else:
            emit(columns, (), to)
        return
    from projector.query.change_feed import entity_changes  # imports DuckDB

    found = entity_changes(root, begin or 0, end, telemetry=telemetry, waves=waves)
    matching = _matching(found, patterns)
    if for_people:
        _print_for_people(matching, fields, now_us())
    else:
        emit(columns, _rows(matching, fields), to)


def _matching(
    all_changes: "Iterator[EntityChange]", patterns: tuple[str, ...]
) -> "Iterator[EntityChange]":
    from eventlog.read.event_filter import compile_patterns

    pattern = compile_patterns(patterns)
    return (e for e in all_changes if pattern is None or pattern.fullmatch(e.entity))


def _print_for_people(matching: "Iterator[EntityChange]", fields: bool, now: int) -> None:
    """Prints changes below their instants, page by page if they are many."""
    from cli.commands.views.feed_lines import feed_lines

    width, color = shutil.get_terminal_size().columns, wants_color(True)
    is_empty = True
    with paged() as write:
        for line in feed_lines(matching, fields, now, width, color):
            write(line + "\n")
            is_empty = False
    if is_empty:
        print_message("no changes")


def _rows(matching: "Iterator[EntityChange]", fields: bool) -> Iterator[tuple[object, ...]]:
    """Yields the rows of changes, one per field or one per entity."""
    from cli.options.times import format_time
    from projector.query.change_feed import group_fields

    if fields:
        for e in matching:
            yield format_time(e.at), e.entity, e.change, e.path, e.kind, e.old, e.new
        return
    for e, paths in group_fields(matching):
        yield format_time(e.at), e.entity, e.change, list(paths)


COMMANDS = (changes,)
