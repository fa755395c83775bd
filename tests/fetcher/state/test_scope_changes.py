"""What complete listings change, against the same rule in plain Python."""

import sqlite3
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.clock import HOUR, format_us, parse_us
from fetcher.state.scope_changes import SCHEMA, ScopeChanges, apply_listing, find_changes
from tests.extent import few_or_all

START = parse_us("2026-11-21T00:00:00Z")
Listed = tuple[str, int, frozenset[str]]
"""A complete listing: its scope, hours since the start, and the ids on it."""

STEPS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(1, 4), st.frozensets(st.sampled_from("abc"))),
    max_size=14,
)
"""Scope, hours since the listing before, and ids."""


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    opened = new_database()
    yield opened
    opened.close()


def new_database() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    return db


def apply(db: sqlite3.Connection, scope: str, hour: int, ids: str) -> ScopeChanges:
    """Applies a listing; returns what it changed."""
    at = format_us(START + hour * HOUR)
    names = [("model", id_) for id_ in ids]
    changes = find_changes(db, scope, at, names)
    apply_listing(db, scope, at, names)
    return changes


def ids_of(changes: ScopeChanges) -> tuple[str, str]:
    return "".join(id_ for _, id_ in changes.absent), "".join(id_ for _, id_ in changes.returned)


def is_absent(history: Sequence[Listed], id_: str) -> bool:
    """Whether an entity is absent after these listings, by the reference model."""
    shown = [(hour, scope) for scope, hour, ids in history if id_ in ids]
    if not shown:
        return False
    last, decides = max(shown)
    own = [hour for scope, hour, _ in history if scope == decides and hour <= last]
    for scope, hour, _ in history:
        if hour <= last:
            continue
        if scope == decides:
            return True
        if scope not in {scope for _, scope in shown}:
            continue
        before = [each for name, each, _ in history if name == scope and each < hour]
        pace = own[-1] - own[-2] if len(own) >= 2 else hour - before[-1]
        if hour - last > 2 * pace:
            return True
    return False


@given(STEPS)
@settings(max_examples=few_or_all(100, 2000))
def test_a_listing_changes_what_the_reference_model_says(
    steps: list[tuple[str, int, frozenset[str]]],
) -> None:
    db = new_database()
    history: list[Listed] = []
    hour = 0
    for scope, hours, ids in steps:
        hour += hours
        before = {id_ for id_ in "abc" if is_absent(history, id_)}
        history.append((scope, hour, ids))
        after = {id_ for id_ in "abc" if is_absent(history, id_)}

        absent, returned = ids_of(apply(db, scope, hour, "".join(sorted(ids))))
        assert set(absent) == after - before
        assert set(returned) == before - after
    db.close()


def test_one_scope_makes_absent_what_it_lacks_and_shows_it_again(db: sqlite3.Connection) -> None:
    assert ids_of(apply(db, "x", 0, "ab")) == ("", "")
    assert ids_of(apply(db, "x", 1, "b")) == ("a", "")
    assert ids_of(apply(db, "x", 2, "b")) == ("", "")
    assert ids_of(apply(db, "x", 3, "ab")) == ("", "a")


def test_two_lists_of_which_one_lost_an_entity_do_not_make_it_come_and_go(
    db: sqlite3.Connection,
) -> None:
    for hour in range(0, 20, 2):
        assert ids_of(apply(db, "site", hour, "ab" if hour < 6 else "b")) == ("", "")
        assert ids_of(apply(db, "api", hour + 1, "ab")) == ("", "")
    assert ids_of(apply(db, "site", 20, "b")) == ("", "")
    assert ids_of(apply(db, "api", 21, "b")) == ("a", "")


def test_a_list_that_was_left_alone_keeps_nothing_present(db: sqlite3.Connection) -> None:
    apply(db, "site", 0, "a")
    apply(db, "api", 1, "a")
    apply(db, "api", 2, "a")

    assert [ids_of(apply(db, "site", hour, ""))[0] for hour in (3, 4, 5, 6)] == ["", "", "a", ""]
