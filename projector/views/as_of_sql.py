"""SQL of `X_at(t)`: starts from the last keyframe or row cache before t, then applies what
came after.

A definition without a row cache is evaluated from sightings and pages for every entity. One
that has a row cache copies the rows of the entities that did not change since.
"""

from collections.abc import Mapping
from pathlib import Path

from projector.definition import Definition
from projector.engine.sql_text import fill
from projector.keyframes.rows_sql import (
    OF_ENTITY,
    distinct_clause,
    entity_key,
    first_row_condition,
    shown_sql,
    type_sql,
)
from projector.parts.part_sql import best_rank
from projector.presence import presence_sql
from projector.views.file_lists import FileLists, as_of_list_sql, row_cache_instant_sql

_OF_ROWS = {f"{name}_at": f"body._{name}_at" for name in ("first", "last")}
"""SQL of the instants of provenance in a row of the row cache."""
_ABSENCE = ("_absent_since", "_absent_because")
_CACHE_COLUMNS = ("_seen_at", "_first_at", "_last_at", *_ABSENCE)
"""Columns of the row cache that bodies do not have."""

Templates = dict[str, tuple[str, dict[str, str]]]
"""Template, and the values of its placeholders, by sibling."""


def as_of_templates(
    root: Path,
    definition: Definition,
    files: FileLists,
    common: Mapping[str, str],
) -> Templates:
    """Returns the templates of the two siblings with one row per entity: `at` and `all`."""
    source = definition.source
    near = {
        **common,
        **{
            name: as_of_list_sql(root, files[source, f"near log.{name}"])
            for name in ("sightings", "pages")
        },
    }
    if (source, f"rows {definition.name}") in files:
        return _from_row_cache(root, definition, files, near)
    bodies = files[source, f"near {definition.name}"]
    values = {
        "presence": presence_sql(near),
        "body": f"read_parquet({common['bodies']})",
        **seen_since_sql(common, "winner.best['at']", OF_ENTITY),
        "because": fill("because"),
        "once": distinct_clause("winner", definition, bodies.disjoint),
    }
    if bodies.keyframes:
        lookup = fill(
            "near_bodies",
            near=as_of_list_sql(root, bodies),
            bodies=common["bodies"],
            named="winner",
            writer="winner.best['writer']",
            seq="winner.best['seq']",
        )
        values |= {"presence": f"{values['presence']},\n{lookup}", "body": "near_or_far"}
    return {"at": ("at", values), "all": ("all", values)}


def _from_row_cache(
    root: Path,
    definition: Definition,
    files: FileLists,
    near: Mapping[str, str],
) -> Templates:
    """Returns the templates of a definition with a row cache."""
    lists = {
        kind: files[definition.source, f"{kind} {definition.name}"]
        for kind in ("near", "rows", "fresh")
    }
    disjoint = files[definition.source, definition.name].disjoint
    placeholders = {
        **near,
        **{kind: as_of_list_sql(root, file_list) for kind, file_list in lists.items()},
        "since": row_cache_instant_sql(lists["fresh"]),
        "best": str(best_rank(definition)),
        "same": entity_key(definition),
        "type": type_sql(definition),
        "first": first_row_condition(definition),
        "once": distinct_clause("fresh", definition, disjoint),
        "join": "JOIN",
    }
    values = {
        "shown": shown_sql(placeholders),
        **seen_since_sql(near, "body._seen_at", _OF_ROWS),
        "resolved": ", ".join(_CACHE_COLUMNS),
    }
    present = {**values, "which": "body._absent_since IS NULL", "absence": ""}
    absence = "".join(f", body.{name}" for name in _ABSENCE)
    return {
        "at": ("rows_at", present),
        "all": ("rows_at", {**values, "which": "true", "absence": absence}),
    }


def seen_since_sql(
    common: Mapping[str, str], seen_at: str, instants: Mapping[str, str]
) -> dict[str, str]:
    """Returns the columns of provenance, and the join with the starts of values that they need.

    `seen_at`: SQL of the instant of the sighting that names the body.
    """
    return {
        "provenance": fill("provenance", seen_at=seen_at, **instants),
        "start": fill("value_start", starts=common["starts"], seen_at=seen_at),
    }
