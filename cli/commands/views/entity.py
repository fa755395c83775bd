"""`show` and `history`: one entity, as it stood and as it came to be."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options.arguments import parse_entity
from cli.options.global_options import archive, global_options, print_message, stdout_is_terminal
from cli.options.time_options import resolve_as_of
from cli.output.emit import choose_output, emit, output_options
from cli.process.streams import write_stdout

if TYPE_CHECKING:
    from projector.query.entity_at import EntityState


@click.command(
    epilog="Example: hindlog show openrouter/model/openai/gpt-5 --as-of 2026-08-01",
    short_help="An entity's JSON as it stood.",
)
@click.argument("entity")
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@global_options
def show(entity: str, as_of: str | None) -> None:
    """The JSON of ENTITY (source/type/id), byte for byte as upstream sent it.

    On a terminal it is indented. Exit 6 where it was absent, or where nobody looked:
    it says which.
    """
    from eventlog.errors import NotFound
    from eventlog.read.bodies import body_of
    from eventlog.read.reader import read_one
    from projector.query.entity_at import PRESENT, look_up_entity

    root = archive()
    source, type_, id_ = parse_entity(entity)
    found = look_up_entity(root, source, type_, id_, resolve_as_of(as_of))
    if found.state != PRESENT or found.position is None:
        raise NotFound(f"{entity}: {found.state}: {found.evidence}", next_command(entity, found))
    print_message(found.evidence)
    _print_body(body_of(root, read_one(root, source, *found.position).line))


def next_command(entity: str, found: "EntityState") -> str:
    """Where to look on: at its history, or where it has none, at what there is."""
    if found.last_seen_at is not None or found.first_seen_at is not None:
        return f"hindlog history {entity}"
    return f"hindlog log '{'/'.join(entity.split('/')[:2])}' --stats"


def _print_body(body: bytes) -> None:
    if not stdout_is_terminal():
        write_stdout(body + b"\n")
        return
    import json

    from cli.output.cells import visible

    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        text = body.decode("utf-8", "replace")
    sys.stdout.write(visible(text, keep="\n") + "\n")


@click.command(
    epilog="Example: hindlog history openrouter/model/openai/gpt-5",
    short_help="An entity's versions.",
)
@click.argument("entity")
@output_options
@global_options
def history(entity: str, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """The versions of ENTITY, oldest first: from when to when, how each began and ended."""
    from cli.options.times import format_time
    from eventlog.errors import NotFound
    from projector.query.entity_at import list_versions, look_up_entity

    root = archive()
    parts = parse_entity(entity)
    found = list_versions(root, *parts)
    if not found:
        told = look_up_entity(root, *parts)
        raise NotFound(f"{entity}: {told.evidence}", next_command(entity, told))
    columns = ("valid_from", "valid_to", "kind", "ends", "shape", "hash", "writer", "seq")
    rows = [
        (
            format_time(each.valid_from),
            None if each.valid_to is None else format_time(each.valid_to),
            each.kind,
            each.ends,
            each.shape,
            each.hash,
            *each.position,
        )
        for each in found
    ]
    emit(columns, rows, choose_output(fmt, as_json, output))


COMMANDS = (show, history)


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
    emit(("path", "kind", "old", "new"), rows, choose_output(fmt, as_json, output))
    if not found:
        print_message("no difference")
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
    from projector.query.entity_at import PRESENT, look_up_entity

    root = archive()
    source, type_, id_ = parse_entity(entity)
    found = look_up_entity(root, source, type_, id_, None if when == "now" else resolve_as_of(when))
    if found.state != PRESENT or found.position is None:
        what = f"{entity} as of {when}: {found.state}: {found.evidence}"
        raise NotFound(what, next_command(entity, found))
    return json.loads(body_of(root, read_one(root, source, *found.position).line))
