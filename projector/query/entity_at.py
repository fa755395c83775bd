"""One entity as of an instant: present, absent with the evidence, or unknown."""

import contextlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import duckdb

from eventlog.clock import format_us, instant_at
from projector.engine.connections import sql_errors
from projector.engine.interruptible import run_cancellable
from projector.engine.sql_text import identifier
from projector.query.open_views import open_views

PRESENT, ABSENT, UNKNOWN = "present", "absent", "unknown"

NamedRow = Mapping[str, Any]
"""A row of a query, by column."""


@attrs.frozen
class EntityState:
    """State of an entity at an instant. Instants are in microseconds."""

    state: str
    """`present`, `absent`, or `unknown`: never seen, or no listing covers the instant."""
    evidence: str
    """Why it is in that state, as a sentence for users."""
    position: tuple[str, int] | None = None
    """Writer and seq of the event with the last bytes seen, also if it is absent."""
    segment: str | None = None
    shape: str | None = None
    hash: str | None = None
    first_seen_at: int | None = None
    last_seen_at: int | None = None
    since: int | None = None
    """If absent, the instant from which on; if unknown, when it was last seen."""


@attrs.frozen
class EntityVersion:
    """A period in which an entity had one value."""

    shape: str
    hash: str
    valid_from: int
    """First instant of the period, in microseconds."""
    valid_to: int | None
    """End of the period, exclusive; None while it lasts."""
    position: tuple[str, int]
    """Writer and seq of the event with the bytes."""
    kind: str
    """How it began: `appeared`, `changed`, or `back`."""
    ends: str | None
    """How it ended: `changed`, `gone`, or None while it lasts."""


def look_up_entity(
    root: Path, source: str, type: str, id: str, as_of: int | None = None
) -> EntityState:
    """Returns the state of an entity.

    `as_of` None is the present: the last known state counts, however old it is (`evidence`
    states its time). A past instant that no complete listing covers gives `unknown`; if the
    entity was seen before, with the position of its last known bytes.
    Raises `NotFound` if there are no views.
    """
    with contextlib.closing(open_views(root, as_of)) as connection:
        if not _has_source(connection, source):
            return EntityState(UNKNOWN, f"nothing of {source!r} is in the archive")
        row = _first_row(
            connection,
            f"FROM {identifier(source)}._entity(?, ?, getvariable('as_of'))",
            [type, id],
        )
        if row is None:
            return _not_seen(connection, source, type, id, as_of)
        covered_to = _covered_to(connection, source, row["scopes"] or [])
    return _state(row, covered_to, as_of)


def _state(row: NamedRow, covered_to: int | None, as_of: int | None) -> EntityState:
    """Returns the state of an entity that was seen.

    `covered_to`: end of the last complete listing that could have shown it.
    """
    last_seen = _us(row["last_at"])
    present = EntityState(
        PRESENT,
        f"last seen {format_us(last_seen or 0)}",
        (row["writer"], row["seq"]),
        row["segment"],
        row["shape"],
        row["hash"],
        _us(row["first_at"]),
        last_seen,
    )
    listed_at, gone_at = _us(row["listed_at"]), _us(row["gone_at"])
    if gone_at is not None and (listed_at is None or gone_at <= listed_at):
        evidence = f"probed and gone at {format_us(gone_at)}; {present.evidence}"
        return attrs.evolve(present, state=ABSENT, evidence=evidence, since=gone_at)
    if listed_at is not None:
        run = f" of run {row['run']}" if row["run"] else ""
        evidence = (
            f"not on the listing {row['scope']}{run}, complete at {format_us(listed_at)}; "
            f"{present.evidence}"
        )
        return attrs.evolve(present, state=ABSENT, evidence=evidence, since=listed_at)
    if as_of is not None and covered_to is not None and as_of > max(covered_to, last_seen or 0):
        evidence = f"nobody looked at {format_us(as_of)}, nor since {format_us(last_seen or 0)}"
        return attrs.evolve(
            present, state=UNKNOWN, evidence=f"{evidence}, when it was last seen", since=last_seen
        )
    return present


def _not_seen(
    connection: duckdb.DuckDBPyConnection, source: str, type: str, id: str, as_of: int | None
) -> EntityState:
    """Returns the state of an entity that was not seen by the instant, but perhaps later."""
    if as_of is None:
        return EntityState(UNKNOWN, "never seen")
    connection.execute("RESET VARIABLE as_of")
    row = _first_row(connection, f"FROM {identifier(source)}._entity(?, ?, NULL)", [type, id])
    if row is None:
        return EntityState(UNKNOWN, "never seen")
    first_seen = _us(row["first_at"])
    return EntityState(
        UNKNOWN,
        f"not seen up to {format_us(as_of)}; first seen {format_us(first_seen or 0)}",
        first_seen_at=first_seen,
    )


def list_versions(
    root: Path, source: str, type: str, id: str, as_of: int | None = None
) -> list[EntityVersion]:
    """Returns the versions of an entity, oldest first; an empty list if it was never seen."""
    with contextlib.closing(open_views(root, as_of)) as connection:
        if not _has_source(connection, source):
            return []
        rows = _rows(
            connection,
            f"FROM {identifier(source)}._history(?, ?, getvariable('as_of')) "
            "ORDER BY shape, valid_from",
            [type, id],
        )
    versions = [
        _version(before, row, after)
        for (before, row), (_, after) in pairwise(pairwise([None, *rows, None]))
        if row is not None
    ]
    return sorted(versions, key=lambda version: (version.valid_from, version.shape))


def _version(before: NamedRow | None, row: NamedRow, after: NamedRow | None) -> EntityVersion:
    """Returns the version in a row; `before` and `after` are its neighbours by shape and time."""
    if before is None or before["shape"] != row["shape"]:
        kind = "appeared"
    else:
        kind = "changed" if before["valid_to"] == row["valid_from"] else "back"
    is_continued = (
        after is not None
        and after["shape"] == row["shape"]
        and after["valid_from"] == row["valid_to"]
    )
    ends = None if row["valid_to"] is None else ("changed" if is_continued else "gone")
    return EntityVersion(
        row["shape"],
        row["hash"],
        _us(row["valid_from"]) or 0,
        _us(row["valid_to"]),
        (row["writer"], row["seq"]),
        kind,
        ends,
    )


def _covered_to(
    connection: duckdb.DuckDBPyConnection, source: str, scopes: Sequence[str]
) -> int | None:
    """Returns the end of the coverage of these scopes; None if none is listed regularly."""
    row = _first_row(
        connection,
        "SELECT max(covered_to) AS covered_to FROM log.coverage "
        "WHERE source = ? AND list_contains(?::VARCHAR[], scope) AND is_regular",
        [source, scopes],
    )
    return _us(row["covered_to"]) if row else None


def _has_source(connection: duckdb.DuckDBPyConnection, source: str) -> bool:
    rows = _rows(
        connection,
        "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name = ?",
        [source],
    )
    return bool(rows)


def _first_row(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any]
) -> NamedRow | None:
    rows = _rows(connection, sql, values)
    return rows[0] if rows else None


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any]) -> list[NamedRow]:
    with sql_errors("views"):
        rows = run_cancellable(connection, lambda: connection.execute(sql, list(values)).fetchall())
        names = [str(column[0]) for column in connection.description or []]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _us(moment: Any) -> int | None:
    return None if moment is None else instant_at(moment)
