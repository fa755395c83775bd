"""SQL shared by the row cache and the views: presence, and the rows of an entity. Pure."""

from collections.abc import Mapping

from projector.definition import Definition
from projector.engine.sql_text import fill, literals

OF_ENTITY = {"first_at": "entity.first_at", "last_at": "entity.last_at"}
"""Where provenance finds them, beside a row of `entity`."""


def same_entity(definition: Definition) -> str:
    """The columns that say which entity a row is of: a type that all share says nothing."""
    return "_id" if len(definition.types) == 1 else "_type, _id"


def type_of(definition: Definition) -> str:
    """The type of a sighting, which one type alone need not be read for."""
    return "_type" if len(definition.types) > 1 else literals(definition.types)


def first_row(definition: Definition) -> str:
    """Which rows of a body say what is said of its entity, once."""
    return "coalesce(_row, 0) <= 1" if definition.has_many_rows else "true"


def once(entity: str, definition: Definition, disjoint: bool = False) -> str:
    """What makes a body count once that lies in two parts; nothing where none can."""
    row = ", body._row" if definition.has_many_rows else ""
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
