"""SQL of definitions: which shapes they read, and how these are ranked."""

from projector.definition import parse_definition
from projector.parts.part_sql import best_rank, shape_rank, shape_test

HEAD = "-- s.v: about\n-- types: thing\n-- shapes: detail* full, list*\n"


def test_the_first_group_of_shapes_has_the_highest_rank() -> None:
    definition = parse_definition(HEAD, "openrouter", "things")

    assert definition.shapes == (("detail*", "full"), ("list*",))
    assert best_rank(definition) == 1
    assert shape_rank(definition, "s") == (
        "CASE WHEN coalesce(s, '') GLOB 'detail*' OR coalesce(s, '') GLOB 'full' THEN 1 "
        "WHEN coalesce(s, '') GLOB 'list*' THEN 0 END"
    )
    assert shape_test(definition, "s").count("GLOB") == 3
