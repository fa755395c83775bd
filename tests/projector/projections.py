"""Projections for tests of a few views: an update with all of them takes five times as long."""

from projector.definition import Definition, find_definitions, load_definitions
from projector.views.dependencies import with_inputs


def chosen(*names: str) -> tuple[Definition, ...]:
    """Returns the named definitions and those that their views are made from."""
    known = load_definitions()
    return tuple(with_inputs(known, find_definitions(known, names)))


MODELS = chosen("openrouter.models")
