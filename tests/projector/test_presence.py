"""The rule of presence in SQL, against the same rule in plain Python."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import duckdb
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.format.event import Position
from projector.presence import missed_sql
from tests.projector.reference_model import Listing, Sighting, misses

START = datetime(2026, 1, 1, tzinfo=UTC)
SCOPES = st.sampled_from("abc")
HOURS = st.integers(0, 12)
LISTINGS = st.lists(st.tuples(SCOPES, HOURS, st.integers(0, 2)), max_size=14)
"""Scope, hour of the first page, and hours until the listing ended."""
SIGHTINGS = st.lists(
    st.tuples(st.sampled_from([*"abc", None]), HOURS),
    min_size=1,
    max_size=6,
    unique_by=lambda s: s[1],
)
"""Scope and hour of the sightings of one entity."""


SIGHTED = 99
"""Seq of every sighting: it comes after the pages of its hour."""


def to_instant(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def as_uuid(hours: int, seq: int) -> UUID:
    return UUID(int=(hours << 72) + seq)


def first_missed(
    listings: list[tuple[str, int, int]], sightings: list[tuple[str | None, int]]
) -> datetime | None:
    """Returns when an entity is missed, by the reference model."""
    seen = [
        Sighting(Position(hour, "w", SIGHTED), "thing", "a", "list", scope, True, ("w", 0))
        for scope, hour in sightings
    ]
    every = [
        Listing(scope, Position(begin, "w", seq + 1), Position(begin + hours, "w", seq + 1))
        for seq, (scope, begin, hours) in enumerate(listings)
    ]
    ends = [each.ends.observed_at for each in every if misses(each, seen, every)]
    return to_instant(min(ends)) if ends else None


def run_rule(
    listings: list[tuple[str, int, int]], sightings: list[tuple[str | None, int]]
) -> datetime | None:
    """Returns when an entity is missed, by the SQL of the views."""
    named = [(scope, hour) for scope, hour in sightings if scope is not None]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE listing (scope VARCHAR, run VARCHAR, writer VARCHAR, begins UUID, "
            'began_at TIMESTAMPTZ, ended STRUCT("position" UUID, "at" TIMESTAMPTZ));'
            "CREATE TABLE shown (_type VARCHAR, _id VARCHAR, position UUID, shown_at TIMESTAMPTZ, "
            "scope VARCHAR);"
            "CREATE TABLE known (_type VARCHAR, _id VARCHAR, _scope VARCHAR, since UUID)"
        )
        for seq, (scope, begin, hours) in enumerate(listings):
            end = {"position": as_uuid(begin + hours, seq + 1), "at": to_instant(begin + hours)}
            connection.execute(
                "INSERT INTO listing VALUES (?, ?, 'w', ?, ?, ?)",
                [scope, f"r{seq}", as_uuid(begin, seq + 1), to_instant(begin), end],
            )
        last = max(hour for _, hour in sightings)
        decides = max(named, key=lambda each: each[1])[0] if named else None
        connection.execute(
            "INSERT INTO shown VALUES ('thing', 'a', ?, ?, ?)",
            [as_uuid(last, SIGHTED), to_instant(last), decides],
        )
        for scope in {scope for scope, _ in named}:
            connection.execute(
                "INSERT INTO known VALUES ('thing', 'a', ?, ?)", [scope, as_uuid(0, 0)]
            )
        rows = connection.execute(
            f"WITH {missed_sql('missed', shown='shown', known='known')} "
            "SELECT ended['ended_at'] FROM missed"
        ).fetchall()
    assert len(rows) <= 1
    return rows[0][0].astimezone(UTC) if rows else None


HOURLY = [("a", hour, 0) for hour in range(4)]


@given(LISTINGS, SIGHTINGS)
@example([*HOURLY, ("b", 6, 0)], [("b", 0), ("a", 3)])
@example([*HOURLY, ("b", 5, 0)], [("b", 0), ("a", 3)])
@example([("b", 0, 0), ("b", 2, 0), ("a", 3, 0), ("b", 5, 0), ("b", 6, 0)], [("b", 2), ("a", 3)])
def test_an_entity_is_missed_as_in_the_reference_model(
    listings: list[tuple[str, int, int]], sightings: list[tuple[str | None, int]]
) -> None:
    assert run_rule(listings, sightings) == first_missed(listings, sightings)


def test_a_listing_that_begins_with_the_page_that_shows_the_entity_does_not_miss_it() -> None:
    assert run_rule([("a", 3, 1)], [("a", 4)]) is None
    assert run_rule([("a", 4, 1)], [("a", 3)]) == to_instant(5)


def test_the_scope_that_showed_an_entity_last_decides() -> None:
    both = [("a", 0, 0), ("b", 0, 0), ("a", 2, 0), ("b", 2, 0)]
    assert run_rule([*both, ("b", 3, 0)], [("b", 1), ("a", 2)]) is None
    assert run_rule([*both, ("a", 3, 0)], [("b", 1), ("a", 2)]) == to_instant(3)


def test_a_scope_that_was_left_alone_decides_no_longer() -> None:
    listings = [*HOURLY, *(("b", hour, 0) for hour in range(4, 8))]
    assert run_rule(listings, [("b", 0), ("a", 3)]) == to_instant(6)


def test_a_scope_that_was_listed_once_borrows_the_time_between_listings_of_the_other() -> None:
    listings = [("a", 1, 0), *(("b", hour, 0) for hour in (0, 2, 4, 6))]
    assert run_rule(listings, [("b", 0), ("a", 1)]) == to_instant(6)


def test_a_scope_in_which_the_entity_was_never_seen_proves_nothing() -> None:
    assert run_rule([("a", 0, 0), ("b", 3, 0), ("b", 9, 0)], [("a", 0)]) is None
