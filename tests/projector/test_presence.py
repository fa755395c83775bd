"""The rule of presence in SQL, against the same rule in a few lines of Python."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from projector.presence import ended_after_sql

START = datetime(2026, 1, 1, tzinfo=UTC)
SCOPES = st.sampled_from("ab")
PLACES = st.integers(0, 9)
LISTINGS = st.lists(st.tuples(SCOPES, PLACES, st.integers(0, 9)), max_size=12)
"""Scope, position of the first page, and hours until the listing ended."""
POINTS = st.lists(st.tuples(SCOPES, PLACES), min_size=1, max_size=12)


def to_instant(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def first_ended(
    listings: list[tuple[str, int, int]], points: list[tuple[str, int]]
) -> set[tuple[str, int, datetime]]:
    """Returns (scope, position, end) of each point that a later complete listing followed."""
    ends = {
        (scope, position): [
            end for name, begin, end in listings if name == scope and begin > position
        ]
        for scope, position in points
    }
    return {(*point, to_instant(min(each))) for point, each in ends.items() if each}


def run_rule(
    listings: list[tuple[str, int, int]], points: list[tuple[str, int]]
) -> list[tuple[str, int, datetime]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE listing (scope VARCHAR, run VARCHAR, writer VARCHAR, begins UUID, "
            'ended STRUCT("at" TIMESTAMPTZ))'
        )
        connection.execute("CREATE TABLE point (scope VARCHAR, position UUID)")
        for number, (scope, begin, end) in enumerate(listings):
            connection.execute(
                "INSERT INTO listing VALUES (?, ?, 'w', ?, {'at': ?::TIMESTAMPTZ})",
                [scope, f"r{number}", UUID(int=begin), to_instant(end)],
            )
        for scope, position in points:
            connection.execute("INSERT INTO point VALUES (?, ?)", [scope, UUID(int=position)])
        rows = connection.execute(
            f"WITH {ended_after_sql('missed', 'point')} "
            "SELECT scope, position, ended['ended_at'] FROM missed"
        ).fetchall()
    return [(scope, position.int, end.astimezone(UTC)) for scope, position, end in rows]


@given(LISTINGS, POINTS)
def test_a_point_is_missed_by_the_listing_that_ended_first_among_those_that_began_later(
    listings: list[tuple[str, int, int]], points: list[tuple[str, int]]
) -> None:
    rows = run_rule(listings, points)

    assert len(rows) == len(set(rows))
    assert set(rows) == first_ended(listings, points)


def test_a_listing_that_begins_with_the_page_that_lists_the_entity_does_not_miss_it() -> None:
    assert run_rule([("a", 3, 4)], [("a", 3)]) == []
    assert run_rule([("a", 4, 4)], [("a", 3)]) == [("a", 3, to_instant(4))]
