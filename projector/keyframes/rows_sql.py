"""SQL shared by the row cache and the views: the rows of an entity. Pure."""

from collections.abc import Mapping

from projector.definition import Definition
from projector.engine.sql_text import fill, literals
from projector.presence import presence_sql

OF_ENTITY = {"first_at": "entity.first_at", "last_at": "entity.last_at"}
"""SQL of the instants of provenance in a row of the table `entity`."""


def entity_key(definition: Definition) -> str:
    """Returns the columns that identify an entity: without the type if all have the same."""
    return "_id" if len(definition.types) == 1 else "_type, _id"


def type_sql(definition: Definition) -> str:
    """Returns the SQL of a sighting's type: a literal if there is one type, else the column."""
    return "_type" if len(definition.types) > 1 else literals(definition.types)


def first_row_condition(definition: Definition) -> str:
    """Returns the condition that selects one row of each body."""
    return "coalesce(_row, 0) <= 1" if definition.has_many_rows else "true"


def distinct_clause(entity: str, definition: Definition, disjoint: bool = False) -> str:
    """Returns the DISTINCT clause that removes copies of a body in two parts.

    `entity`: the table of the entities. Empty if the parts are disjoint.
    """
    row = ", body._row" if definition.has_many_rows else ""
    return "" if disjoint else f"DISTINCT ON ({entity}._type, {entity}._id{row})"


_MOVED = "SELECT unnest(list(moved._id)) FROM moved"
"""Ids of the entities that are evaluated from all sightings. DuckDB expects one row of this, so
that it looks up the sightings of these ids; of `moved` itself it expects more rows than there
are sightings, and puts all of them into a hash table."""


def shown_sql(common: Mapping[str, str]) -> str:
    """Returns the tables up to `shown`: cached rows, and evaluated ones of changed entities."""
    changed = presence_sql({**common, "one": f"AND _id IN ({_MOVED})"})
    named = {"named": "fresh", "writer": "fresh._writer", "seq": "fresh._seq"}
    lookup = fill("near_bodies", near=common["near"], bodies=common["bodies"], **named)
    resolved = fill("resolved", because=fill("because"), lookup=lookup, **common)
    return ",\n".join((fill("moved", **common), changed, resolved))
