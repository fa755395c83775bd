"""`changes`: prints the feed of changes between two instants."""

from collections.abc import Iterator
from pathlib import Path

import click

from cli.options.global_options import archive, global_options
from cli.options.patterns import check_patterns
from cli.options.time_options import resolve_range
from cli.output.emit import choose_output, emit, output_options


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
    """Prints the feed of changes, oldest first.

    With PATTERNS, globs over source/type/id as in `log`, only those of matching entities. A
    change that both the list and the detail of an entity show is printed once.
    """
    from cli.options.times import format_time
    from eventlog.clock import now_us
    from eventlog.read.event_filter import compile_patterns
    from projector.query.change_feed import entity_changes, group_fields

    begin, end = resolve_range(since, until)
    end = now_us() if end is None else end
    root, to = archive(), choose_output(fmt, as_json, output)
    check_patterns(root, patterns)
    all_changes = entity_changes(root, begin or 0, end, telemetry=telemetry, waves=waves)
    pattern = compile_patterns(patterns)
    matching = (e for e in all_changes if pattern is None or pattern.fullmatch(e.entity))
    if fields:
        rows: Iterator[tuple[object, ...]] = (
            (format_time(e.at), e.entity, e.change, e.path, e.kind, e.old, e.new) for e in matching
        )
        emit(("changed_at", "entity", "change", "path", "kind", "old", "new"), rows, to)
        return
    rows = (
        (format_time(e.at), e.entity, e.change, list(paths)) for e, paths in group_fields(matching)
    )
    emit(("changed_at", "entity", "change", "paths"), rows, to)


COMMANDS = (changes,)
