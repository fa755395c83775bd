"""Views of an instant: their SQL, which reads from the last keyframe on, or from the last rows.

A definition without resolved rows is worked out from the facts for every entity; one that has
them passes on the rows of what did not move since.
"""

from collections.abc import Mapping
from pathlib import Path

from projector.definition import Definition
from projector.engine.sql_text import fill, literals
from projector.parts.part import best_rank
from projector.views.file_lists import Files, expression, instant_of

OF_ENTITY = {"first_at": "entity.first_at", "last_at": "entity.last_at"}
"""Where provenance finds them, beside a row of `entity`."""
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


def same_entity(definition: Definition) -> str:
    """The columns that say which entity a row is of: a type that all share says nothing."""
    return "_id" if len(definition.types) == 1 else "_type, _id"


def type_of(definition: Definition) -> str:
    """The type of a sighting, which one type alone need not be read for."""
    return "_type" if len(definition.types) > 1 else literals(definition.types)


def first_row(definition: Definition) -> str:
    """Which rows of a body say what is said of its entity, once."""
    return "coalesce(_row, 0) <= 1" if definition.many else "true"


def once(entity: str, definition: Definition, disjoint: bool = False) -> str:
    """What makes a body count once that lies in two parts; nothing where none can."""
    row = ", body._row" if definition.many else ""
    return "" if disjoint else f"DISTINCT ON ({entity}._type, {entity}._id{row})"


def presence(common: Mapping[str, str]) -> str:
    """The tables that say which entities there are, and what is known of each."""
    given = fill("pages_until", instant=common["instant"])
    return fill("presence", listings=fill("listings", pages=common["pages"], given=given), **common)


def shown(common: Mapping[str, str]) -> str:
    """The tables that end in `shown`: what moved, worked out, and the rows of the others."""
    told = presence({**common, "one": "AND _id IN (SELECT moved._id FROM moved)"})
    named = {"named": "fresh", "writer": "fresh._writer", "seq": "fresh._seq"}
    lookup = fill("near_bodies", near=common["near"], bodies=common["bodies"], **named)
    resolved = fill("resolved", because=fill("because"), lookup=lookup, **common)
    return ",\n".join((fill("moved", **common), told, resolved))
