"""Projections for tests of a few views: an update with all of them takes five times as long."""

from projector.definition import Definition, find_definitions, load_definitions
from projector.views.dependencies import dependencies

NEEDED = ("log.sightings", "log.pages", "log.events")
"""Views that every other view is made from."""


def chosen(*names: str) -> tuple[Definition, ...]:
    """Returns the named definitions, those that their views read, and those in `NEEDED`."""
    known = load_definitions()
    depends_on = dependencies(known)
    wanted = {definition.name for definition in find_definitions(known, (*NEEDED, *names))}
    while read := frozenset[str]().union(*(depends_on[name] for name in wanted)) - wanted:
        wanted |= read
    return tuple(definition for definition in known if definition.name in wanted)


MODELS = chosen("openrouter.models")
