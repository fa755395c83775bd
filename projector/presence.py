"""SQL of presence: which entities there are, since when, and why others are absent. Pure.

The rule is in three templates: `listings.sql` finds the complete listings, `missed.sql` says which
of them miss an entity after a sighting of it, and `ended_after.sql` finds the first that ended.
`presence.sql` applies the rule to the last sighting of each entity, `spans.sql` to every sighting.
"""

from collections.abc import Mapping

from projector.engine.sql_text import fill

_NEVER_MISSED = "missed AS (SELECT _type, _id, NULL AS ended FROM shown_last WHERE false)"


def presence_sql(common: Mapping[str, str], *, absences: bool = True) -> str:
    """Returns the tables of presence: the last sighting of each entity, and its absence.

    Without `absences` no entity is absent: `spans_sql` finds them for every version.
    """
    given = fill("pages_until", instant=common["instant"])
    return fill(
        "presence",
        listings=fill("listings", pages=common["pages"], given=given),
        missed=missed_sql("missed", shown="shown_last", known="shown_on")
        if absences
        else _NEVER_MISSED,
        **common,
    )


def spans_sql(common: Mapping[str, str]) -> str:
    """Returns the tables of spans: from when to when each version was the current one."""
    missed = missed_sql("unlisted", shown="listed", known="listed_on")
    return fill("spans", missed=missed, **common)


def missed_sql(name: str, *, shown: str, known: str) -> str:
    """Returns the table `name`: the sightings in `shown` after which the entity was missed.

    `known` is the table of the scopes of entities that were seen on more than one. Other tables
    whose names begin with `name` come before it.
    """
    first = {
        "decided_ended": (f"{name}_decided", "listing", "begins"),
        "waiting_ended": (f"{name}_waiting", "listing", "began_at"),
        "borrowed_ended": (f"{name}_borrowing", f"{name}_borrowed", "counts_after"),
    }
    ended = {
        part: fill("ended_after", name=f"{name}_{part}", points=points, listings=listings, key=key)
        for part, (points, listings, key) in first.items()
    }
    return fill("missed", name=name, shown=shown, known=known, **ended)
