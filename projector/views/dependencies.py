"""Dependencies between definitions: the other definitions whose views each one reads. Pure.

DuckDB parses the SELECT of a definition. Only the names after FROM and JOIN count:
a column, a CTE, a comment or a name that merely begins like another view's is no dependency.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from eventlog.errors import Invalid
from projector.definition import LOG, Definition
from projector.engine.connections import connect

SIBLINGS = (("at", ""), ("all", "_all"), ("versions", "_versions"), ("changes", "_changes"))
"""The views of a definition of entities: template of each, and suffix of its name."""
BASE = ("log.sightings", "log.pages", "log.events")
"""Views of the log whose rows every view of entities is made from."""


def with_dependencies(known: Sequence[Definition], named: Sequence[Definition]) -> list[Definition]:
    """Returns what `with_inputs` returns and all views of the log, in known order."""
    return with_inputs(known, [*named, *(each for each in known if each.source == LOG)])


def with_inputs(known: Sequence[Definition], named: Sequence[Definition]) -> list[Definition]:
    """Returns the named definitions, those that they read, and those in `BASE`, in known order."""
    depends_on = dependencies(known)
    wanted = {definition.name for definition in named}
    pending = list(wanted)
    while pending:
        added = depends_on[pending.pop()] - wanted
        wanted |= added
        pending += added
    return [definition for definition in known if definition.name in {*wanted, *BASE}]


def in_dependency_order(definitions: Sequence[Definition]) -> list[Definition]:
    """Returns the definitions, each after those that it reads. Raises `Invalid` for a cycle."""
    depends_on = dependencies(definitions)
    waiting, ordered = list(definitions), list[Definition]()
    while waiting:
        names = {definition.name for definition in waiting}
        ready = [
            definition
            for definition in waiting
            if not depends_on[definition.name] & names - {definition.name}
        ]
        if not ready:
            raise Invalid(f"views that need each other: {', '.join(d.name for d in waiting)}")
        ordered += ready
        waiting = [definition for definition in waiting if definition not in ready]
    return ordered


def dependencies(definitions: Sequence[Definition]) -> dict[str, frozenset[str]]:
    """Returns for each definition the names of those, of the same ones, that it reads.

    A definition with parts reads the log only, and depends on none.
    """
    provider = {
        name: definition.name for definition in definitions for name in _provided(definition)
    }
    tables = referenced_tables(
        tuple(definition.select for definition in definitions if not definition.has_parts)
    )
    return {
        definition.name: frozenset(
            provider[name] for name in tables.get(definition.select, ()) if name in provider
        )
        for definition in definitions
    }


def _provided(definition: Definition) -> Iterator[str]:
    """Yields the names of the views and macros that a definition makes, as `source.name`."""
    yield definition.name
    if definition.has_parts and definition.source != LOG:
        for _, suffix in SIBLINGS:
            yield f"{definition.name}{suffix}"
            yield f"{definition.name}{suffix}_at"


@lru_cache(8)
def referenced_tables(selects: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    """Returns for each SELECT the tables, views and table macros it reads, as `schema.name`.

    Names are in lower case, as DuckDB compares them, and those without a schema are left out.
    A SELECT that DuckDB cannot parse reads nothing: creating its view reports the error.
    """
    with contextlib.closing(connect()) as connection:
        rows = connection.execute(
            "SELECT text, json_serialize_sql(text) FROM (SELECT unnest(?::VARCHAR[]) AS text)",
            [list(selects)],
        ).fetchall()
    return {str(text): frozenset(_tables(json.loads(tree))) for text, tree in rows}


def _tables(node: Any) -> Iterator[str]:
    """Yields the qualified names below a node of DuckDB's syntax tree."""
    match node:
        case {"type": "BASE_TABLE", "schema_name": str(schema), "table_name": str(name)} if schema:
            yield f"{schema}.{name}".lower()
        case {
            "type": "TABLE_FUNCTION",
            "function": {"schema": str(schema), "function_name": str(name)},
        } if schema:
            yield f"{schema}.{name}".lower()
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _tables(child)
