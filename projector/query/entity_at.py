"""One entity as of an instant: present, absent with its proof, or nobody looked."""

import contextlib
from pathlib import Path
from typing import Any

import attrs
import duckdb

from eventlog.clock import format_us, parse_us
from projector.engine.connections import sql_errors
from projector.engine.interruptible import run_cancellable
from projector.engine.sql_text import identifier
from projector.query.open_views import open_views

PRESENT, ABSENT, UNKNOWN = "present", "absent", "unknown"


@attrs.frozen
class Found:
    """What is known about an entity at an instant."""

    state: str
    """`present`, `absent`, or `unknown`: never seen, or nobody looked."""
    because: str
    """The evidence, in words."""
    position: tuple[str, int] | None = None
    """Writer and seq of the event that holds the bytes last seen, also when absent."""
    segment: str | None = None
    shape: str | None = None
    hash: str | None = None
    first_seen_at: int | None = None
    last_seen_at: int | None = None
    since: int | None = None
    """Absent: from when on. Unknown: when somebody last looked."""


@attrs.frozen
class Version:
    """A stretch of time with one value."""

    shape: str
    hash: str
    valid_from: int
    valid_to: int | None
    position: tuple[str, int]
    kind: str
    """`appeared`, `changed`, or `back`."""
    ends: str | None
    """How it ended: `changed`, `gone`, or None while it lasts."""


def lookup(root: Path, source: str, type: str, id: str, as_of: int | None = None) -> Found:
    """The entity as it stood.

    Asked for the present, the last known state counts, however old (`because` says
    so); for a past instant that no complete listing covers the answer is `unknown`.
    """
    with contextlib.closing(open_views(root, as_of)) as connection:
        if not _has_source(connection, source):
            return Found(UNKNOWN, f"nothing of {source!r} is in the archive")
        row = _one(
            connection,
            f"FROM {identifier(source)}._entity(?, ?, getvariable('as_of'))",
            [type, id],
        )
        if row is None:
            return _never(connection, source, type, id, as_of)
        looked = _looked_until(connection, source, row["scopes"] or [])
    return _found(row, looked, as_of)


def _found(row: dict[str, Any], looked: int | None, as_of: int | None) -> Found:
    last = _us(row["last_at"])
    found = Found(
        PRESENT,
        f"last seen {format_us(last or 0)}",
        (row["writer"], row["seq"]),
        row["segment"],
        row["shape"],
        row["hash"],
        _us(row["first_at"]),
        last,
    )
    listed_at, gone_at = _us(row["listed_at"]), _us(row["gone_at"])
    if gone_at is not None and (listed_at is None or gone_at <= listed_at):
        because = f"probed and gone at {format_us(gone_at)}; {found.because}"
        return attrs.evolve(found, state=ABSENT, because=because, since=gone_at)
    if listed_at is not None:
        run = f" of run {row['run']}" if row["run"] else ""
        because = (
            f"not on the listing {row['scope']}{run}, complete at {format_us(listed_at)}; "
            f"{found.because}"
        )
        return attrs.evolve(found, state=ABSENT, because=because, since=listed_at)
    if as_of is not None and looked is not None and as_of > max(looked, last or 0):
        because = f"nobody looked at {format_us(as_of)}; {found.because}"
        return attrs.evolve(found, state=UNKNOWN, because=because, since=last)
    return found


def _never(
    connection: duckdb.DuckDBPyConnection, source: str, type: str, id: str, as_of: int | None
) -> Found:
    if as_of is None:
        return Found(UNKNOWN, "never seen")
    connection.execute("RESET VARIABLE as_of")
    row = _one(connection, f"FROM {identifier(source)}._entity(?, ?, NULL)", [type, id])
    if row is None:
        return Found(UNKNOWN, "never seen")
    first = _us(row["first_at"])
    return Found(
        UNKNOWN,
        f"not seen up to {format_us(as_of)}; first seen {format_us(first or 0)}",
        first_seen_at=first,
    )


def history(root: Path, source: str, type: str, id: str, as_of: int | None = None) -> list[Version]:
    """The versions of an entity, oldest first; empty for one that was never seen."""
    with contextlib.closing(open_views(root, as_of)) as connection:
        if not _has_source(connection, source):
            return []
        rows = _all(
            connection,
            f"FROM {identifier(source)}._history(?, ?, getvariable('as_of')) "
            "ORDER BY shape, valid_from",
            [type, id],
        )
    return sorted(_versions(rows), key=lambda each: (each.valid_from, each.shape))


def _versions(rows: list[dict[str, Any]]) -> list[Version]:
    made = []
    for n, row in enumerate(rows):
        before = rows[n - 1] if n and rows[n - 1]["shape"] == row["shape"] else None
        after = rows[n + 1] if n + 1 < len(rows) else None
        if before is None:
            kind = "appeared"
        else:
            kind = "changed" if before["valid_to"] == row["valid_from"] else "back"
        follows = (
            after is not None
            and after["shape"] == row["shape"]
            and after["valid_from"] == row["valid_to"]
        )
        ends = None if row["valid_to"] is None else ("changed" if follows else "gone")
        made.append(
            Version(
                row["shape"],
                row["hash"],
                _us(row["valid_from"]) or 0,
                _us(row["valid_to"]),
                (row["writer"], row["seq"]),
                kind,
                ends,
            )
        )
    return made


def _looked_until(
    connection: duckdb.DuckDBPyConnection, source: str, scopes: list[str]
) -> int | None:
    """Until when the last complete listing of these scopes speaks.

    None where nothing is known of how often somebody looks.
    """
    row = _one(
        connection,
        "SELECT max(covered_to) AS looked FROM log.coverage "
        "WHERE source = ? AND list_contains(?::VARCHAR[], scope) AND is_regular",
        [source, scopes],
    )
    return _us(row["looked"]) if row else None


def _has_source(connection: duckdb.DuckDBPyConnection, source: str) -> bool:
    rows = _all(
        connection,
        "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name = ?",
        [source],
    )
    return bool(rows)


def _one(
    connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]
) -> dict[str, Any] | None:
    rows = _all(connection, sql, values)
    return rows[0] if rows else None


def _all(
    connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]
) -> list[dict[str, Any]]:
    with sql_errors("views"):
        rows = run_cancellable(connection, lambda: connection.execute(sql, values).fetchall())
        names = [str(each[0]) for each in connection.description or []]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _us(moment: Any) -> int | None:
    return None if moment is None else parse_us(moment.isoformat())
