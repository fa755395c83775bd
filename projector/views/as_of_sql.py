"""Views of an instant: their SQL, which reads from the last keyframe on, or from the last rows.

A definition without resolved rows is worked out from the facts for every entity; one that has
them passes on the rows of what did not move since.
"""

from collections.abc import Mapping
from pathlib import Path

from projector.definition import Definition
from projector.engine.sql_text import fill
from projector.keyframes.rows_sql import (
    OF_ENTITY,
    first_row,
    once,
    presence,
    same_entity,
    shown,
    type_of,
)
from projector.parts.part_sql import best_rank
from projector.views.file_lists import Files, expression, instant_of

_OF_ROWS = {f"{name}_at": f"body._{name}_at" for name in ("seen", "first", "last")}
_ABSENCE = ("_absent_since", "_absent_because")
_KEPT = ("_seen_at", "_first_at", "_last_at", *_ABSENCE)
"""Columns of rows beside those of bodies."""

Texts = dict[str, tuple[str, dict[str, str]]]


def texts_of_an_instant(
    root: Path,
    definition: Definition,
    files: Mapping[tuple[str, str], Files],
    common: Mapping[str, str],
) -> Texts:
    """For the view and the one with absent entities: a template and what to fill it with."""
    source = definition.source
    near = {
        **common,
        **{
            name: expression(root, files[source, f"near log.{name}"])
            for name in ("sightings", "pages")
        },
    }
    bodies = files[source, f"near {definition.name}"]
    if (source, f"rows {definition.name}") in files:
        return _from_rows(root, definition, files, near)
    told = {
        "presence": presence(near),
        "body": f"read_parquet({common['bodies']})",
        "provenance": fill("provenance", seen_at="winner.best['at']", **OF_ENTITY),
        "because": fill("because"),
        "once": once("winner", definition, bodies.disjoint),
    }
    if bodies.keyframes:
        named = {"named": "winner", "writer": "winner.best['writer']", "seq": "winner.best['seq']"}
        lookup = fill(
            "near_bodies", near=expression(root, bodies), bodies=common["bodies"], **named
        )
        told |= {"presence": f"{told['presence']},\n{lookup}", "body": "near_or_far"}
    return {"at": ("at", told), "all": ("all", told)}


def _from_rows(
    root: Path,
    definition: Definition,
    files: Mapping[tuple[str, str], Files],
    near: Mapping[str, str],
) -> Texts:
    every = {
        kind: files[definition.source, f"{kind} {definition.name}"]
        for kind in ("near", "rows", "delta", "fresh")
    }
    disjoint = files[definition.source, definition.name].disjoint
    values = {
        **near,
        **{kind: expression(root, each) for kind, each in every.items()},
        "since": instant_of(every["fresh"]),
        "best": str(best_rank(definition)),
        "same": same_entity(definition),
        "type": type_of(definition),
        "first": first_row(definition),
        "once": once("fresh", definition, disjoint),
        "join": "JOIN",
    }
    told = {
        "shown": shown(values),
        "provenance": fill("provenance", **_OF_ROWS),
        "resolved": ", ".join(_KEPT),
    }
    present = {**told, "which": "body._absent_since IS NULL", "absence": ""}
    absence = "".join(f", body.{name}" for name in _ABSENCE)
    return {
        "at": ("rows_at", present),
        "all": ("rows_at", {**told, "which": "true", "absence": absence}),
    }
