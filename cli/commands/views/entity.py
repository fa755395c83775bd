"""`show`, `history` and `diff`: one entity as of an instant, its versions, its differences."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.commands.views.spelled_json import parse_spelled, spelled_json, spelling_changes
from cli.options.arguments import parse_entity
from cli.options.global_options import (
    archive,
    global_options,
    print_message,
    stdout_is_terminal,
    wants_color,
)
from cli.options.patterns import check_patterns
from cli.options.time_options import resolve_as_of
from cli.output.emit import choose_output, emit, output_options, prints_for_people
from cli.output.terminal.pager import paged, pager_option
from cli.process.streams import write_stdout
from eventlog.errors import Invalid

if TYPE_CHECKING:
    from projector.changes.diff import Change
    from projector.query.entity_at import EntityState, EntityVersion


@click.command(
    epilog="Example: hindlog show openrouter/model/openai/gpt-5 --as-of 2026-08-01",
    short_help="Prints the JSON of an entity, as of an instant.",
)
@click.argument("entity")
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option("--strict", is_flag=True, help="Exit with 6 if nobody looked at T.")
@pager_option
@global_options
def show(entity: str, as_of: str | None, strict: bool) -> None:
    """Prints the JSON of ENTITY (source/type/id), byte for byte as upstream sent it.

    On a terminal the JSON is indented. Exits with 6 if the entity was absent or never seen up
    to T; the message says which. If nobody looked at T, prints the last known JSON, as `sql`
    does, and on stderr since when nobody looked.
    """
    state, body = _body_at(entity, as_of, entity, strict)
    print_message(state.evidence)
    _print_body(body)


def _body_at(
    entity: str, as_of: str | None, place: str, strict: bool = False
) -> tuple["EntityState", bytes]:
    """Returns the state of an entity and its exact JSON, as of an instant.

    Raises `NotFound` if it was absent or not seen before, and with `strict` if nobody looked at
    that instant; the message begins with `place`.
    """
    from eventlog.errors import NotFound
    from eventlog.format.paths import parse_segment
    from eventlog.read.bodies import body_of
    from eventlog.read.reader import read_event_in, read_one
    from projector.query.entity_at import ABSENT, UNKNOWN, look_up_entity

    root = archive()
    source, type_, id_ = parse_entity(entity)
    state = look_up_entity(root, source, type_, id_, resolve_as_of(as_of))
    refused = (ABSENT, UNKNOWN) if strict else (ABSENT,)
    if state.state in refused or state.position is None:
        raise NotFound(f"{place}: {state.state}: {state.evidence}", _next_command(entity, state))
    writer, seq = state.position
    name = parse_segment(state.segment or "")
    record = read_event_in(root, name, seq) if name else read_one(root, source, writer, seq)
    return state, body_of(root, record.line)


def _next_command(entity: str, state: "EntityState") -> str:
    """Returns the hint for an absent entity: its history, or counts of its type if unknown.

    If its source or type is unknown, the hint names the nearest known one.
    """
    if state.last_seen_at is not None or state.first_seen_at is not None:
        return f"hindlog history {entity}"
    try:
        check_patterns(archive(), ["/".join(entity.split("/")[:2])])
    except Invalid as error:
        return error.what.removeprefix("pattern ")
    return f"hindlog log '{'/'.join(entity.split('/')[:2])}' --stats"


def _print_body(body: bytes) -> None:
    if not stdout_is_terminal():
        write_stdout(body + b"\n")
        return
    from cli.output.cells import visible
    from cli.output.indented import indent_json

    text = indent_json(body.decode("utf-8", "replace"))
    with paged() as write:
        write(visible(text, keep="\n") + "\n")


@click.command(
    epilog="Example: hindlog history openrouter/model/openai/gpt-5",
    short_help="Prints the versions of an entity.",
)
@click.argument("entity")
@click.option("--fields", is_flag=True, help="Print one row per field that changed.")
@pager_option
@output_options
@global_options
def history(entity: str, fields: bool, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Prints the versions of ENTITY, oldest first, with how each began and ended.

    With --fields, prints how each version differs from the one of the same shape before it.
    """
    from cli.options.times import format_time
    from eventlog.errors import NotFound
    from projector.query.entity_at import list_versions, look_up_entity

    root = archive()
    parts = parse_entity(entity)
    versions = list_versions(root, *parts)
    if not versions:
        state = look_up_entity(root, *parts)
        raise NotFound(f"{entity}: {state.evidence}", _next_command(entity, state))
    differences = _differences(root, parts[0], versions) if fields else None
    if prints_for_people(fmt, as_json, output):
        _print_history(versions, differences)
        return
    if differences is not None:
        columns: tuple[str, ...] = ("valid_from", "shape", "path", "kind", "old", "new")
        rows: list[tuple[object, ...]] = [
            (format_time(version.valid_from), version.shape, *_change_row(change))
            for version, changes in zip(versions, differences, strict=True)
            for change in changes
        ]
    else:
        columns = ("valid_from", "valid_to", "kind", "ends", "shape", "hash", "writer", "seq")
        rows = [
            (
                format_time(version.valid_from),
                None if version.valid_to is None else format_time(version.valid_to),
                *(version.kind, version.ends, version.shape, version.hash, *version.position),
            )
            for version in versions
        ]
    emit(columns, rows, choose_output(fmt, as_json, output))


def _differences(root: Path, source: str, versions: "list[EntityVersion]") -> "list[list[Change]]":
    """Returns how each version differs from the one of the same shape before it."""
    from eventlog.read.bodies import body_of
    from eventlog.read.reader import read_one
    from projector.changes.diff import diff as diff_values

    latest: dict[str, Any] = {}
    differences = []
    for version in versions:
        value = parse_spelled(body_of(root, read_one(root, source, *version.position).line))
        before = latest.get(version.shape)
        differences.append([] if before is None else diff_values(before, value))
        latest[version.shape] = value
    return differences


def _print_history(
    versions: "list[EntityVersion]", differences: "list[list[Change]] | None"
) -> None:
    from cli.commands.views.history_lines import history_lines
    from eventlog.clock import now_us

    rows = None
    if differences is not None:
        rows = [list(map(_change_row, changes)) for changes in differences]
    width, color = shutil.get_terminal_size().columns, wants_color(True)
    with paged() as write:
        for line in history_lines(versions, rows, now_us(), width, color):
            write(line + "\n")


def _change_row(change: "Change") -> tuple[str, str, str | None, str | None]:
    """Returns path, kind, old and new value of a change, as JSON."""
    from projector.changes.diff import ADD, REMOVE

    return (
        change.path,
        change.kind,
        None if change.kind == ADD else spelled_json(change.old),
        None if change.kind == REMOVE else spelled_json(change.new),
    )


@click.command(
    epilog="Example: hindlog diff openrouter/model/openai/gpt-5 2026-08-01 now",
    short_help="Prints how an entity differs between two instants.",
)
@click.argument("entity")
@click.argument("before")
@click.argument("after", default="now")
@click.option("--exit-code", is_flag=True, help="Exit with 4 if there is a difference.")
@pager_option
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
    """Compares ENTITY as of BEFORE with ENTITY as of AFTER.

    Prints the JSON Pointer of each difference, with the old and the new value as JSON. Numbers
    are compared by value: 1.0 and 1.00 are equal; stderr names those that are only written
    differently.
    """
    from projector.changes.diff import diff as diff_values

    old, new = _value_at(entity, before), _value_at(entity, after)
    rows = list(map(_change_row, diff_values(old, new)))
    if prints_for_people(fmt, as_json, output):
        _print_diff(entity, before, after, rows)
    else:
        emit(
            ("path", "kind", "old", "new"), rows, choose_output(fmt, as_json, output), is_data=True
        )
    if not rows:
        print_message("no difference")
    for path, spelled, respelled in spelling_changes(old, new):
        print_message(f"equal, but written differently: {path}  {spelled} → {respelled}")
    return 4 if rows and exit_code else 0


def _print_diff(
    entity: str, before: str, after: str, rows: "list[tuple[str, str, str | None, str | None]]"
) -> None:
    from cli.output.cells import visible
    from cli.output.terminal.value_diff import BOLD, change_lines, styled

    width, color = shutil.get_terminal_size().columns, wants_color(True)
    with paged() as write:
        for sign, when in (("---", before), ("+++", after)) if rows else ():
            write(styled(f"{sign} {visible(entity)} as of {when}", BOLD, color) + "\n")
        for row in rows:
            for line in change_lines(*row, width, color):
                write(line + "\n")


def _value_at(entity: str, when: str) -> Any:
    """Returns the JSON value of an entity as of an instant, its numbers as they are spelled.

    Raises `NotFound` if it was absent. If nobody looked at that instant, the last known value,
    with a message on stderr.
    """
    from projector.query.entity_at import UNKNOWN

    as_of = None if when == "now" else when
    place = f"{entity} as of {when}"
    state, body = _body_at(entity, as_of, place)
    if state.state == UNKNOWN:
        print_message(f"{place}: {state.evidence}")
    return parse_spelled(body)


COMMANDS = (show, history, diff)
