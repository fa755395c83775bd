"""What a complete listing changes: the entities that it makes absent, and those that return.

The rule is that of the views (`docs/architecture.md`, presence): the scope that last showed an
entity decides. A listing of another scope that lacks the entity counts only if the deciding scope
has not been listed for more than twice the time between its last two listings.
"""

import sqlite3
from collections.abc import Collection, Iterable

import attrs

from eventlog.clock import parse_us

Name = tuple[str, str]
"""Type and id of an entity."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS listed (
    scope TEXT, type TEXT, id TEXT, is_there INTEGER, shown_at TEXT,
    PRIMARY KEY (scope, type, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS listed_by_name ON listed (type, id);
CREATE TABLE IF NOT EXISTS scopes (
    scope TEXT PRIMARY KEY, listed_at TEXT, before TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS absent (
    type TEXT, id TEXT, since TEXT, PRIMARY KEY (type, id)) WITHOUT ROWID
"""
"""`listed`: the entities that a scope ever contained. `shown_at`: the listing that showed one
last, if the last listing did not. `scopes`: the instants of the last two complete listings."""


@attrs.frozen
class ScopeChanges:
    """What a complete listing changes, each part in the order of the names."""

    absent: tuple[Name, ...]
    returned: tuple[Name, ...]


NO_CHANGES = ScopeChanges((), ())


def find_changes(
    db: sqlite3.Connection, scope: str, at: str, names: Collection[Name]
) -> ScopeChanges:
    """Returns what a complete listing of a scope changes that ends at an instant."""
    here = _last_listings(db, scope)
    listed = set(names)
    absent = [
        (type_, id_)
        for type_, id_, is_there, shown_at in db.execute(
            "SELECT type, id, is_there, shown_at FROM listed WHERE scope = ? AND NOT EXISTS "
            "(SELECT 1 FROM absent WHERE absent.type = listed.type AND absent.id = listed.id) "
            "AND (is_there OR EXISTS (SELECT 1 FROM listed AS other "
            "WHERE other.type = listed.type AND other.id = listed.id AND other.is_there)) "
            "ORDER BY type, id",
            (scope,),
        ).fetchall()
        if (type_, id_) not in listed
        and _is_missed(db, scope, (type_, id_), here[0] if is_there else shown_at, at, here[0])
    ]
    search = "SELECT 1 FROM absent WHERE type = ? AND id = ?"
    marked = names_found(db, search, names)
    returned = [name for name in dict.fromkeys(names) if name in marked]
    return ScopeChanges(tuple(absent), tuple(returned))


def names_found(db: sqlite3.Connection, search: str, names: Iterable[Name]) -> set[Name]:
    """Returns those of the entities for which a query by type and id finds a row.

    Searches for each entity, so that the cost does not grow with the table.
    """
    return {name for name in names if db.execute(search, name).fetchone()}


def _last_listings(db: sqlite3.Connection, scope: str) -> tuple[str | None, str | None]:
    """Returns when a scope was last listed, and when before that."""
    row = db.execute("SELECT listed_at, before FROM scopes WHERE scope = ?", (scope,)).fetchone()
    return row or (None, None)


def _is_missed(
    db: sqlite3.Connection,
    scope: str,
    name: Name,
    shown_at: str | None,
    at: str,
    listed_before: str | None,
) -> bool:
    """Whether a listing of this scope that lacks an entity makes it absent.

    `shown_at`: when the scope last showed it; `listed_before`: when the scope was last listed.
    """
    other = db.execute(
        "SELECT scopes.listed_at, scopes.before FROM listed JOIN scopes USING (scope) "
        "WHERE listed.type = ? AND listed.id = ? AND is_there AND scope <> ? "
        "ORDER BY scopes.listed_at DESC LIMIT 1",
        (*name, scope),
    ).fetchone()
    if other is None or (shown_at is not None and other[0] <= shown_at):
        return True
    last, before = other
    if before is None:  # the scope borrows the time between the last two listings of this one
        last_pace = parse_us(at) - parse_us(listed_before) if listed_before else None
    else:
        last_pace = parse_us(last) - parse_us(before)
    return last_pace is not None and parse_us(at) - parse_us(last) > 2 * last_pace


def apply_listing(db: sqlite3.Connection, scope: str, at: str, names: Collection[Name]) -> None:
    """Updates the tables from a complete listing of a scope that ends at an instant."""
    changes = find_changes(db, scope, at, names)
    db.executemany(
        "INSERT OR REPLACE INTO absent VALUES (?, ?, ?)", [(*name, at) for name in changes.absent]
    )
    db.executemany("DELETE FROM absent WHERE type = ? AND id = ?", changes.returned)
    last, _ = _last_listings(db, scope)
    before = listed_names(db, scope)
    listed = set(names)
    rows: list[tuple[str, str, str, int, str | None]] = [
        (scope, *name, 1, None) for name in listed if not before.get(name)
    ]
    rows += [
        (scope, *name, 0, last)
        for name, is_there in before.items()
        if is_there and name not in listed
    ]
    db.executemany("INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?, ?)", rows)
    db.execute("INSERT OR REPLACE INTO scopes VALUES (?, ?, ?)", (scope, at, last))


def listed_names(db: sqlite3.Connection, scope: str) -> dict[Name, bool]:
    """Returns every entity that a scope ever contained, and whether its last complete listing
    contained it."""
    rows = db.execute("SELECT type, id, is_there FROM listed WHERE scope = ?", (scope,))
    return {(type_, id_): bool(is_there) for type_, id_, is_there in rows}
