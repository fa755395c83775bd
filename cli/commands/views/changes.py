"""`changes` and `diff`: what happened between two instants."""

import fnmatch
from collections.abc import Iterator
from pathlib import Path

import click

from cli.commands.views.entity import diff
from cli.options.global_options import archive, global_options
from cli.options.time_options import resolve_since, resolve_until
from cli.output.emit import choose_output, emit, output_options


@click.command(
    epilog="Example: hindlog changes 'openrouter/model/*' --since 7d --fields",
    short_help="What appeared, changed, went and came back.",
)
@click.argument("patterns", nargs=-1)
@click.option("--since", default="1d", show_default=True, metavar="T", help="From this instant.")
@click.option("--until", metavar="T", help="Before this instant (default: now).")
@click.option("--fields", is_flag=True, help="A row per field, with its old and new value.")
@click.option("--telemetry", is_flag=True, help="Also what moves by itself: counts, uptimes.")
@click.option("--waves", is_flag=True, help="Also fields that changed on most entities at once.")
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
    """The feed of changes, oldest first, optionally only of PATTERNS (source/type/id)."""
    from cli.options.times import format_time
    from eventlog.clock import now_us
    from projector.query.change_feed import entity_changes, group_fields
    from projector.query.open_views import open_views

    begin, end = resolve_since(since) or 0, resolve_until(until)
    end = now_us() if end is None else end
    root, to = archive(), choose_output(fmt, as_json, output)
    open_views(root).close()  # or the header would come before the error
    found = entity_changes(root, begin, end, telemetry=telemetry, waves=waves)
    wanted = (each for each in found if _matches(each.entity, patterns))
    if fields:
        rows: Iterator[tuple[object, ...]] = (
            (format_time(e.at), e.entity, e.change, e.path, e.kind, e.old, e.new) for e in wanted
        )
        emit(("changed_at", "entity", "change", "path", "kind", "old", "new"), rows, to)
        return
    rows = (
        (format_time(e.at), e.entity, e.change, list(paths)) for e, paths in group_fields(wanted)
    )
    emit(("changed_at", "entity", "change", "paths"), rows, to)


def _matches(entity: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(
        fnmatch.fnmatchcase(entity, each) or entity.startswith(f"{each}/") for each in patterns
    )


COMMANDS = (changes, diff)
