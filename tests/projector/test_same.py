"""Projections give the same rows each time: no aggregate may take any of several values."""

import re

import pytest

from projector.definition import Definition, load_definitions

BY_ONE_COLUMN = re.compile(r"\barg_(?:min|max)\([^(),]+(?:\{[^}]*\})?, (\w+)\)")
UNIQUE = {"id", "_position"}
"""Columns that two rows never share, in the views that are asked so."""


@pytest.mark.parametrize("definition", load_definitions(), ids=lambda each: each.name)
def test_no_aggregate_takes_any_of_several_values(definition: Definition):
    sql = definition.select
    if "HAVING count(*) = 1" not in sql:
        assert not re.search(r"\b(any_value|first|last|mode)\(", sql)
    for key in BY_ONE_COLUMN.findall(sql):
        assert key in UNIQUE, f"arg_min or arg_max by {key}: where it is equal, any row may win"
