"""SQL of a definition: the SELECT that makes its rows from events, and tests of shapes. Pure."""

from collections.abc import Iterator, Sequence

from projector.definition import CASTS, LINE_ROWS, Column, Definition
from projector.engine.sql_text import fill, list_literal, literal


def select(definition: Definition) -> str:
    """Returns the SQL that makes the rows of a definition from the relation `line`."""
    if definition.reads == LINE_ROWS:
        return definition.select
    numbered = list(enumerate(definition.columns, 1))
    failed = [f"({_failed(n, column)})" for n, column in numbered]
    return fill(
        "event",
        pointers=list_literal(column.pointer for column in definition.columns) + "::VARCHAR[]",
        types=list_literal(definition.types),
        shapes=shape_test(definition, "shape"),
        columns="".join(
            f"{_value(n, column)} AS {column.name},\n        " for n, column in numbered
        ),
        any_error=" OR ".join(failed) or "false",
        errors=", ".join(
            f"CASE WHEN {test} THEN {{path: {literal(column.pointer)}, value: told[{n}]}} END"
            for test, (n, column) in zip(failed, numbered, strict=True)
        )
        or "NULL",
        more_errors="".join(f", {errors}" for errors in _more_errors(definition)),
        select=definition.select,
    )


def shape_test(definition: Definition, column: str) -> str:
    """Returns the condition that a shape is among those that the definition reads."""
    return " OR ".join(_is_of(group, column) for group in definition.shapes)


def shape_rank(definition: Definition, column: str) -> str:
    """Returns an expression for the rank of a shape: the first group of shapes has the highest."""
    groups = enumerate(reversed(definition.shapes))
    tests = (f"WHEN {_is_of(group, column)} THEN {rank}" for rank, group in groups)
    return "CASE " + " ".join(reversed(list(tests))) + " END"


def best_rank(definition: Definition) -> int:
    """Returns the rank of the shapes in the first group."""
    return len(definition.shapes) - 1


def _is_of(group: Sequence[str], column: str) -> str:
    return " OR ".join(f"coalesce({column}, '') GLOB {literal(pattern)}" for pattern in group)


def _value(number: int, column: Column) -> str:
    cast = f"as_{column.cast}(told[{number}])::{CASTS[column.cast]}"
    if column.cast != "text":
        return cast
    odd = f"is_odd(told[{number}], body, {literal(column.pointer)})"
    return f"CASE WHEN {odd} THEN NULL ELSE {cast} END"


def _more_errors(definition: Definition) -> Iterator[str]:
    """Yields lists of the errors that no column shows by being NULL."""
    if definition.key[1] != "VARCHAR":
        yield "CASE WHEN as_int(_id) IS NULL THEN [{'path': '/id', 'value': _id}] END"
    for number, column in enumerate(definition.columns, 1):
        if column.cast == "int_stubs":
            yield f"odd_stubs(told[{number}], {literal(column.pointer)})"


def _failed(number: int, column: Column) -> str:
    return f"told[{number}] IS NOT NULL AND {column.name} IS NULL"
