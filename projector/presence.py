"""SQL of presence: which entities there are, since when, and why others are absent. Pure.

The rule is in three templates: `listings.sql` finds the complete listings, `ended_after.sql` the
first of them that missed an entity, and `presence.sql` applies both to every entity.
"""

from collections.abc import Mapping

from projector.engine.sql_text import fill


def presence_sql(common: Mapping[str, str]) -> str:
    """Returns the tables of presence: the last sighting of each entity, and its absence."""
    given = fill("pages_until", instant=common["instant"])
    return fill(
        "presence",
        listings=fill("listings", pages=common["pages"], given=given),
        ended_after=ended_after_sql("ended_after", "asked"),
        **common,
    )


def spans_sql(common: Mapping[str, str]) -> str:
    """Returns the tables of spans: from when to when each version was the current one."""
    return fill("spans", wait_ended=ended_after_sql("wait_ended", "wait"), **common)


def ended_after_sql(name: str, points: str) -> str:
    """Returns the table `name`: the complete listing that ended first after each of `points`."""
    return fill("ended_after", name=name, points=points)
