"""`changes` and `diff`: what happened between two instants."""

import fnmatch
from collections.abc import Iterator
from pathlib import Path

import click

from cli.commands.entity import more_of, parts_of
from cli.options.global_options import archive, global_options, say
from cli.options.time_options import instant_of, since_of, until_of
from cli.output.emit import chosen, emit, output_options


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
    from projector.query.change_feed import feed, folded
    from projector.query.open_views import open_views

    begin, end = since_of(since) or 0, until_of(until)
    end = now_us() if end is None else end
    root, to = archive(), chosen(fmt, as_json, output)
    open_views(root).close()  # or the header would come before the error
    found = feed(root, begin, end, telemetry=telemetry, waves=waves)
    wanted = (each for each in found if _matches(each.entity, patterns))
    if fields:
        rows: Iterator[tuple[object, ...]] = (
            (format_time(e.at), e.entity, e.change, e.path, e.kind, e.old, e.new) for e in wanted
        )
        emit(("changed_at", "entity", "change", "path", "kind", "old", "new"), rows, to)
        return
    rows = ((format_time(e.at), e.entity, e.change, list(paths)) for e, paths in folded(wanted))
    emit(("changed_at", "entity", "change", "paths"), rows, to)


def _matches(entity: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(
        fnmatch.fnmatchcase(entity, each) or entity.startswith(f"{each}/") for each in patterns
    )


@click.command(
    epilog="Example: hindlog diff openrouter/model/openai/gpt-5 2026-08-01 now",
    short_help="How an entity differs between two instants.",
)
@click.argument("entity")
@click.argument("before")
@click.argument("after", default="now")
@click.option("--exit-code", is_flag=True, help="Exit with 4 if there is a difference.")
@output_options
@global_options
def diff(
    entity: str,
    before: str,
    after: str,
    exit_code: bool,
    fmt: str | None,
    as_json: bool,
    output: Path | None,
) -> int:
    """JSON Pointers with old and new values (JSON): ENTITY as of BEFORE, and as of AFTER."""
    from projector.changes.diff import ADD, REMOVE
    from projector.changes.diff import diff as compare

    old, new = _body(entity, before), _body(entity, after)
    found = compare(old, new)
    rows = [
        (
            each.path,
            each.kind,
            None if each.kind == ADD else _text(each.old),
            None if each.kind == REMOVE else _text(each.new),
        )
        for each in found
    ]
    emit(("path", "kind", "old", "new"), rows, chosen(fmt, as_json, output))
    if not found:
        say("no difference")
    return 4 if found and exit_code else 0


def _text(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def _body(entity: str, when: str) -> object:
    """The entity's value as of an instant. Raises `NotFound` where it was not there."""
    import json

    from eventlog.errors import NotFound
    from eventlog.read.bodies import body_of
    from eventlog.read.reader import read_one
    from projector.query.entity_at import PRESENT, lookup

    root = archive()
    source, type_, id_ = parts_of(entity)
    found = lookup(root, source, type_, id_, None if when == "now" else instant_of(when))
    if found.state != PRESENT or found.position is None:
        what = f"{entity} as of {when}: {found.state}: {found.because}"
        raise NotFound(what, more_of(entity, found))
    return json.loads(body_of(root, read_one(root, source, *found.position).line))


COMMANDS = (changes, diff)
