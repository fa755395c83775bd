"""`show` and `history`: one entity, as it stood and as it came to be."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.moments import instant_of
from cli.options import archive, global_options, say, stdout_is_terminal
from cli.output import chosen, emit, output_options
from cli.streams import naming_stdout

if TYPE_CHECKING:
    from projector.asof import Found


def parts_of(entity: str) -> tuple[str, str, str]:
    """Source, type and id of `source/type/id`; ids hold slashes. Raises `Invalid`."""
    from eventlog.errors import Invalid

    source, _, rest = entity.partition("/")
    type_, _, id_ = rest.partition("/")
    if not (source and type_ and id_) or not _is_text(entity):
        what = f"entity {entity!a}: expected source/type/id in UTF-8"
        raise Invalid(what, "hindlog show openrouter/model/openai/gpt-5")
    return source, type_, id_


def _is_text(word: str) -> bool:
    """Whether it came as UTF-8: other bytes stand in it as lone surrogates."""
    return not any("\ud800" <= each <= "\udfff" for each in word)


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
    from eventlog.bodies import body_of
    from eventlog.errors import NotFound
    from eventlog.reader import read_one
    from projector.asof import PRESENT, lookup

    root = archive()
    source, type_, id_ = parts_of(entity)
    found = lookup(root, source, type_, id_, instant_of(as_of))
    if found.state != PRESENT or found.position is None:
        raise NotFound(f"{entity}: {found.state}: {found.because}", more_of(entity, found))
    say(found.because)
    _print_body(body_of(root, read_one(root, source, *found.position).line))


def more_of(entity: str, found: "Found") -> str:
    """Where to look on: at its history, or where it has none, at what there is."""
    if found.last_seen_at is not None or found.first_seen_at is not None:
        return f"hindlog history {entity}"
    return f"hindlog log '{'/'.join(entity.split('/')[:2])}' --stats"


def _print_body(body: bytes) -> None:
    if not stdout_is_terminal():
        with naming_stdout():
            sys.stdout.buffer.write(body + b"\n")
            sys.stdout.buffer.flush()
        return
    import json

    from cli.cells import visible

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
    from cli.times import format_time
    from eventlog.errors import NotFound
    from projector.asof import history as versions_of
    from projector.asof import lookup

    root = archive()
    parts = parts_of(entity)
    found = versions_of(root, *parts)
    if not found:
        told = lookup(root, *parts)
        raise NotFound(f"{entity}: {told.because}", more_of(entity, told))
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
    emit(columns, rows, chosen(fmt, as_json, output))


COMMANDS = (show, history)
