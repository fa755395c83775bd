"""SQL of the types of entities that changed since an instant: others need not be read. Pure.

A query of all changes reads the whole history of a type. This one reads one keyframe, which has
the state of every entity, and the parts since then.

Law: a type that it omits has no change at or after the instant. It may name one that has none.
"""

from collections.abc import Sequence
from pathlib import Path

from projector.definition import Definition
from projector.engine.sql_text import fill, identifier, literals
from projector.presence import presence_sql, spans_sql
from projector.views.file_lists import FileLists, all_bodies_sql, list_since_sql
from projector.views.statement import Statement

_PARAMETER = "changed_since"
"""No column has this name: DuckDB would take one for the other."""
_END = "TIMESTAMPTZ '9999-01-01 00:00:00+00'"


def types_changed_macro(
    root: Path, source: str, definitions: Sequence[Definition], files: FileLists
) -> Statement:
    """Returns the macro of the types of a source of which an entity changed since an instant."""
    near = {
        name: list_since_sql(root, files[source, f"near log.{name}"], _PARAMETER)
        for name in ("sightings", "pages")
    }
    types = {type_ for each in definitions if each.source == source for type_ in each.types}
    common = {
        **near,
        "instant": _END,
        "events": all_bodies_sql(root, files[source, "log.events"]),
        "types": literals(sorted(types)) or "NULL",
        "shapes": "true",
        "rank": "0",
        "one": f"AND (_at >= {_PARAMETER} OR (_type, _id, _position) IN (FROM kept))",
        "one_event": "AND (writer, seq) IN (SELECT (_writer, _seq) FROM sighting)",
    }
    body = fill(
        "types_changed",
        sightings=near["sightings"],
        types=common["types"],
        presence=presence_sql(common, absences=False),
        spans=spans_sql(common),
        since=_PARAMETER,
    )
    return Statement(
        "MACRO", f"{identifier(source)}._types_changed", f"({_PARAMETER}) AS TABLE\n{body}"
    )
