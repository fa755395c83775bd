"""Keyframing: build the keyframes that are due, each from the one before.

    sightings of the base + of parts since ──> s-…   per key the greatest
    its pages + pages since ──────────────────> p-…   those that may still decide
    its bodies + bodies since ────────────────> k-…   those named by s-…

The sightings appear last, by rename: what a crash leaves before that is no keyframe.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from eventlog.clock import HOUR
from projector import keyframes as keyframes_of
from projector.build import Context
from projector.definition import LOG, Definition
from projector.engine import sql_errors
from projector.keyframes import Due, Keyframe, Source, is_late, load_source
from projector.parts import (
    SCHEMA,
    Part,
    choose,
    compact_instant,
    folder_of,
    list_parts,
    publish,
)
from projector.plan import Listing
from projector.texts import fill, literals


def build_keyframes(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    definitions: Sequence[Definition],
) -> int:
    """Build what is due of a source; how many keyframes that made."""
    made = 0
    while True:
        source = load_source(connection, context.parts, listing, definitions)
        hours = [
            (compact_instant(n.starts_at), compact_instant(n.starts_at + HOUR))
            for n in listing.open
        ]

        def is_busy(instant: str, hours: Sequence[tuple[str, str]] = hours) -> bool:
            return any(begin <= instant < end for begin, end in hours)

        due = keyframes_of.due(source.sightings, source.rows, source.keyframes, is_busy)
        if due is None:
            break
        with sql_errors(f"keyframe of {listing.source}"):
            _build(connection, source, due, _page_schema(context, listing, definitions))
        made += 1
    mine = [each for each in definitions if each.has_parts and each.source == listing.source]
    for definition in mine:
        with sql_errors(definition.name):
            _build_bodies(context, connection, listing, source, definition)
    return made


def make_schema(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """A file without rows, so that views always have one to read."""
    path = folder / keyframes_of.SEEN_SCHEMA
    if not path.exists():
        publish(connection, fill("keyframe_schema"), path, [], folder.name)


def _page_schema(context: Context, listing: Listing, definitions: Sequence[Definition]) -> Path:
    pages = next(each for each in definitions if each.name == f"{LOG}.pages")
    return folder_of(context.parts, listing.source, pages) / SCHEMA


def _build(
    connection: duckdb.DuckDBPyConnection, source: Source, due: Due, page_schema: Path
) -> None:
    base = due.base
    path = source.folder / due.name
    covers = sorted(due.covers)
    new = Keyframe(path, due.instant, due.covers, 0)
    held = base.covers if base else frozenset[str]()
    seen = fill(
        "keyframe_seen",
        keyframe=_list([source.folder / keyframes_of.SEEN_SCHEMA, *([base.path] if base else [])]),
        sightings=_list(_since(source.sightings, due.covers, held)),
    )
    # Built under another name first: the pages are chosen by it, and it has to appear last.
    waiting = path.with_name(f"n-{new.stem}")
    publish(connection, seen, waiting, covers, source.folder.name)
    whole = base is None or is_late(source, base)
    pages = _since(source.pages, due.covers, frozenset() if whole else held)
    if not whole and base is not None:
        pages.append(base.pages)
    query = fill(
        "keyframe_pages",
        seen=_list([waiting]),
        schema=_list([page_schema]),
        listings=fill("listings", pages=_list([page_schema, *pages]), given="true"),
    )
    publish(connection, query, new.pages, covers, source.folder.name)
    waiting.replace(path)


def _since(parts: Sequence[Part], covers: frozenset[str], held: frozenset[str]) -> list[Path]:
    """The parts of what a keyframe covers and the one before it does not."""
    return [each.path for each in parts if each.covers & covers and not each.covers <= held]


def _build_bodies(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    source: Source,
    definition: Definition,
) -> None:
    """The bodies that keyframes name, where they are due by the half rule.

    Only what is likely to be asked for: a view that misses one looks through all parts.
    """
    if not source.keyframes:
        return
    folder = folder_of(context.parts, listing.source, definition)
    parts = choose(list_parts(connection, folder), listing.sealed_names)
    rows = keyframes_of.count_rows(connection, folder.glob("[0-9k]*.parquet"))
    base: Keyframe | None = None
    for keyframe in source.keyframes:
        made = keyframe.bodies(folder)
        if not made.exists():
            since = _since(parts, keyframe.covers, base.covers if base else frozenset())
            before = [base.bodies(folder)] if base else []
            limit = max(keyframes_of.LEAST_ROWS, sum(rows[str(path)] for path in before) // 2)
            if sum(rows[str(path)] for path in since) <= limit:
                continue
            query = fill(
                "keyframe_bodies",
                seen=_list([keyframe.path]),
                types="[" + literals(definition.types) + "]",
                bodies=_list([folder / SCHEMA, *before, *since]),
            )
            covers = sorted(keyframe.covers)
            rows[str(made)] = publish(connection, query, made, covers, folder.name)
        base = keyframe


def _list(paths: Sequence[Path]) -> str:
    return "[" + literals(map(str, paths)) + "]"
