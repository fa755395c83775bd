"""SQL of the rows of an entity, executed in DuckDB on tables of few rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from projector.definition import Definition, parse_definition
from projector.engine.connections import connect
from projector.engine.sql_text import literal, literals
from projector.keyframes.rows_sql import (
    distinct_clause,
    entity_key,
    first_row_condition,
    shown_sql,
    type_sql,
)
from projector.parts.part_sql import best_rank, shape_rank, shape_test
from tests.projector.compare_views import THINGS
from tests.projector.keyframes.row_archives import PIECES
from tests.projector.keyframes.tiny_tables import (
    BODY,
    CACHED,
    PAGE,
    SIGHTING,
    Row,
    body,
    cached,
    complete_listing,
    listed,
    sighting,
    write_table,
)

TWO_TYPES = parse_definition(
    "-- shop.goods: goods\n-- types: thing, book\n-- shapes: list*\n", "shop", "goods"
)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(connect()) as connection:
        yield connection


@pytest.mark.parametrize(
    ("definition", "types_of_seven"),
    [(THINGS, [("thing",)]), (TWO_TYPES, [("book",), ("thing",)])],
    ids=["one type", "two types"],
)
def test_entities_are_grouped_by_type_only_if_there_are_several(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    types_of_seven: list[tuple[str]],
) -> None:
    entities = connection.execute(
        f"SELECT {type_sql(definition)} AS _type, _id "
        "FROM (VALUES ('thing', '7'), ('thing', '7'), ('book', '7')) AS seen(_type, _id) "
        f"WHERE _type IN ({literals(definition.types)}) "
        f"GROUP BY {entity_key(definition)} ORDER BY 1"
    ).fetchall()

    assert [(type_,) for type_, _ in entities] == types_of_seven


def test_the_only_type_is_a_literal_so_that_rows_need_no_column_of_the_type(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert entity_key(THINGS) == "_id"
    assert connection.execute(f"SELECT {type_sql(THINGS)}").fetchall() == [("thing",)]


def test_one_row_of_each_body_meets_the_condition_of_the_first_row(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """0 marks a body without rows; NULL is the row of an entity whose body is missing."""
    rows = "(VALUES (0), (NULL), (1), (2), (3)) AS body(_row)"

    def selected(definition: Definition) -> list[Any]:
        query = f"SELECT _row FROM {rows} WHERE {first_row_condition(definition)}"
        return [row for (row,) in connection.execute(query).fetchall()]

    assert selected(PIECES) == [0, None, 1]
    assert selected(THINGS) == [0, None, 1, 2, 3]


COPIES = (
    "(SELECT 'thing' AS _type, 't1' AS _id, unnest(range(2)) AS part) AS winner "
    "CROSS JOIN (VALUES (1), (2)) AS body(_row)"
)
"""Two rows of a body, each in two parts."""


@pytest.mark.parametrize(
    ("definition", "disjoint", "count"),
    [(THINGS, False, 1), (PIECES, False, 2), (THINGS, True, 4), (PIECES, True, 4)],
)
def test_copies_in_two_parts_count_once_but_the_rows_of_a_body_stay(
    connection: duckdb.DuckDBPyConnection, definition: Definition, disjoint: bool, count: int
) -> None:
    once = distinct_clause("winner", definition, disjoint)

    rows = connection.execute(f"SELECT {once} winner._id, body._row FROM {COPIES}").fetchall()
    assert len(rows) == count


def test_parts_count_as_overlapping_unless_the_caller_knows_better() -> None:
    assert distinct_clause("fresh", THINGS) == distinct_clause("fresh", THINGS, disjoint=False)
    assert distinct_clause("fresh", THINGS) != ""


def test_entities_of_other_types_with_the_same_id_are_no_copies(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    once = distinct_clause("fresh", TWO_TYPES)
    table = "(VALUES ('thing', '7'), ('book', '7')) AS fresh(_type, _id)"

    assert len(connection.execute(f"SELECT {once} _id FROM {table}").fetchall()) == 2


SCHEMAS: Mapping[str, Mapping[str, str]] = {
    "sightings": SIGHTING,
    "fresh": SIGHTING,
    "pages": PAGE,
    "rows": CACHED,
    "near": BODY,
    "bodies": BODY,
}
"""The files that `shown_sql` reads, and their columns."""


def shown(
    connection: duckdb.DuckDBPyConnection, folder: Path, join: str = "JOIN", **tables: Sequence[Row]
) -> dict[str, tuple[Any, ...]]:
    """Returns the value, body and absence of each shown thing, by id."""
    files = {
        name: literal(str(write_table(folder / f"{name}.parquet", columns, tables.get(name, ()))))
        for name, columns in SCHEMAS.items()
    }
    tables_sql = shown_sql(
        {
            **files,
            "types": literals(THINGS.types),
            "shapes": shape_test(THINGS, "_shape"),
            "rank": shape_rank(THINGS, "_shape"),
            "best": str(best_rank(THINGS)),
            "same": entity_key(THINGS),
            "type": type_sql(THINGS),
            "first": first_row_condition(THINGS),
            "once": distinct_clause("fresh", THINGS),
            "instant": "TIMESTAMPTZ '9999-01-01 00:00:00+00'",
            "since": "TIMESTAMPTZ '2026-11-01 01:00:00+00'",
            "join": join,
        }
    )
    rows = connection.execute(
        f"WITH {tables_sql} SELECT _id, value, _seq, _absent_because FROM shown ORDER BY _id"
    ).fetchall()
    assert len({id for id, *_ in rows}) == len(rows), "each thing is shown once"
    return {id: tuple(values) for id, *values in rows}


def test_a_thing_seen_since_names_a_body_that_is_near_or_if_it_must_be_far(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fresh = [sighting(2, "t1", 4), sighting(2, "t2", 5), sighting(2, "t3", 3)]
    things = shown(
        connection,
        tmp_path,
        rows=[cached(0, "t1", 1, 10), cached(0, "t2", 2, 20), cached(0, "t3", 3, 30)],
        fresh=fresh,
        sightings=[*(sighting(0, f"t{n}", n) for n in (1, 2, 3)), *fresh],
        near=[body("t1", 4, 11)],
        bodies=[body("t1", 4, 99), body("t2", 5, 21), body("t3", 3, 99)],
    )

    assert things == {"t1": (11, 4, None), "t2": (21, 5, None), "t3": (30, 3, None)}


def test_a_thing_whose_body_is_missing_is_shown_without_values_if_the_join_keeps_it(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fresh = [sighting(2, "t1", 4)]

    assert shown(connection, tmp_path, sightings=fresh, fresh=fresh) == {}
    assert shown(connection, tmp_path, "LEFT JOIN", sightings=fresh, fresh=fresh) == {
        "t1": (None, None, None)
    }


def test_a_complete_listing_since_makes_the_cached_things_absent_that_it_missed(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    again = listed(2, "t1", 1)
    things = shown(
        connection,
        tmp_path,
        rows=[cached(0, "t1", 1, 10), cached(0, "t2", 2, 20), cached(0, "t3", 3, 30)],
        sightings=[listed(0, "t1", 1), listed(0, "t2", 2), sighting(0, "t3", 3), again],
        fresh=[again],
        pages=[complete_listing(0), complete_listing(2)],
    )

    missed = "not on the complete listing /x of run r2"
    assert things == {"t1": (10, 1, None), "t2": (20, 2, missed), "t3": (30, 3, None)}
