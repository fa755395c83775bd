"""Projections for tests of a few views: an update with all of them takes four times as long."""

from projector.definition import Definition, find_definitions, load_definitions
from projector.views.dependencies import with_dependencies


def chosen(*names: str) -> tuple[Definition, ...]:
    """Returns the named definitions, those that their views read, and the log's own."""
    known = load_definitions()
    return tuple(with_dependencies(known, find_definitions(known, names)))


MODELS = chosen("openrouter.models")
