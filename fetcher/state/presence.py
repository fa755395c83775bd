"""Presence: what a writer's own listings and probes said, as an index. Disposable.

    complete listings ──> per scope: what it holds, what it held before
    404 and 410       ──> per request: when it was refused
    a sighting        ──> refused no more, gone no more

Read from one's own stream, like the index of what is known: what another machine saw is
its own business.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import attrs
import orjson

from eventlog.format.event import GONE, PAGE, PAGE_FAILED, RUN, Line
from eventlog.format.event_codec import decode
from eventlog.read.reader import Record
from fetcher.source import Params, Probe, Source, request_digest
from fetcher.state.log_index import catch_up, open_caught_up
from fetcher.state.task import CREATED, decode_task_members

Name = tuple[str, str]
"""Type and id."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS listed (
    scope TEXT, type TEXT, id TEXT, is_there INTEGER, since TEXT,
    PRIMARY KEY (scope, type, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS listed_by_name ON listed (type, id);
CREATE TABLE IF NOT EXISTS walked (
    run TEXT, scope TEXT, page_no INTEGER, names BLOB,
    PRIMARY KEY (run, scope, page_no)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS probing (run TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
    path TEXT, request BLOB, type TEXT, id TEXT, at TEXT, status INTEGER, url TEXT,
    PRIMARY KEY (path, request, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answered (
    path TEXT, request BLOB, at TEXT, PRIMARY KEY (path, request)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (type TEXT, id TEXT, PRIMARY KEY (type, id)) WITHOUT ROWID
"""
_KINDS = (PAGE, PAGE_FAILED, RUN, GONE)
REFUSALS = (404, 410)
"""Statuses that say that something is not there."""


@attrs.define
class Presence:
    """The index of one stream. Close it with `close_presence`."""

    root: Path
    source: Source
    writer: str
    db: sqlite3.Connection


def open_presence(root: Path, source: Source, writer: str) -> Presence:
    """The index, caught up with the stream."""

    def start(db: sqlite3.Connection) -> Presence:
        presence = Presence(root, source, writer, db)
        refresh_presence(presence)
        return presence

    path = root / "state" / "presence" / source.name / f"{writer}.sqlite"
    return open_caught_up(path, _SCHEMA, start)


def close_presence(presence: Presence) -> None:
    """Let go."""
    presence.db.close()


def refresh_presence(presence: Presence) -> None:
    """Read what the stream has gained."""
    source = presence.source
    take: Callable[[sqlite3.Connection, Record], None] = lambda db, record: _take(  # noqa: E731
        db, source, record
    )
    only = frozenset({presence.writer})
    catch_up(presence.db, presence.root, source.name, take, trust_heads=True, only=only)


def _take(db: sqlite3.Connection, source: Source, record: Record) -> None:
    if b'"kind":"entity"' in record.line[:160]:
        return
    line = decode(record.line)
    if line.run is None or line.run.startswith("import.") or line.kind not in _KINDS:
        return
    if line.kind == RUN:
        _ran(db, source, line, record.line)
    elif line.kind == GONE:
        db.execute("INSERT OR IGNORE INTO gone VALUES (?, ?)", (line.type, line.id))
    elif line.kind == PAGE_FAILED:
        if line.scope is not None:
            _walked(db, line, 0, ())
    else:
        _paged(db, source, line)


def _ran(db: sqlite3.Connection, source: Source, line: Line, text: bytes) -> None:
    said = decode_task_members(text)
    if said.state == CREATED and any(
        each.name == said.listing and each.probe for each in source.listings
    ):
        db.execute("INSERT OR IGNORE INTO probing VALUES (?)", (line.run,))


def _paged(db: sqlite3.Connection, source: Source, line: Line) -> None:
    names = roster_names(line.roster.values())
    _seen(db, names)
    for probe in source.probes:
        if probe.path == line.endpoint:
            _probed(db, probe, line)
    if line.scope is None or line.page_no is None:
        return
    if not line.last:
        _walked(db, line, line.page_no, names)
    elif (earlier := earlier_names(db, line.run or "", line.scope, line.page_no)) is not None:
        _listed(db, line, {*earlier, *names})


def roster_names(entries: Iterable[Iterable[tuple[str, str, int]]]) -> dict[Name, None]:
    """Type and id of everything in a roster, in order."""
    return {(type_, id_): None for each in entries for type_, id_, _ in each}


def _seen(db: sqlite3.Connection, names: Mapping[Name, None]) -> None:
    """What is seen is not gone, and its refusals count no more."""
    missed = db.execute("SELECT type, id FROM gone UNION SELECT type, id FROM refused").fetchall()
    for name in missed:
        if name in names:
            db.execute("DELETE FROM gone WHERE type = ? AND id = ?", name)
            db.execute("DELETE FROM refused WHERE type = ? AND id = ?", name)


def _probed(db: sqlite3.Connection, probe: Probe, line: Line) -> None:
    """An answer of a path that is used for probing. By itself it begins one only by `subject`."""
    named = probe.subject(line.params)
    is_asked = db.execute("SELECT 1 FROM probing WHERE run = ?", (line.run,)).fetchone()
    if not is_asked and named is None:
        return
    key = (probe.path, request_digest(line.params))
    if line.status in REFUSALS:
        row = (*key, probe.type, named, line.observed_at, line.status, line.url)
        db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return
    db.execute("DELETE FROM refused WHERE path = ? AND request = ?", key)
    if is_asked:
        db.execute("INSERT OR REPLACE INTO answered VALUES (?, ?, ?)", (*key, line.observed_at))


def _walked(db: sqlite3.Connection, line: Line, page_no: int, names: Iterable[Name]) -> None:
    """A page of a listing that is not complete yet; page 0: one of it was given up."""
    db.execute("DELETE FROM walked WHERE scope = ? AND run <> ?", (line.scope, line.run))
    row = (line.run, line.scope, page_no, orjson.dumps(list(names)))
    db.execute("INSERT OR REPLACE INTO walked VALUES (?, ?, ?, ?)", row)


def earlier_names(db: sqlite3.Connection, run: str, scope: str, page_no: int) -> set[Name] | None:
    """What the pages before this one listed; None where one is missing or was given up."""
    rows = db.execute(
        "SELECT page_no, names FROM walked WHERE run = ? AND scope = ? ORDER BY page_no",
        (run, scope),
    ).fetchall()
    if [number for number, _ in rows if number < page_no] != list(range(1, page_no)):
        return None
    return {(type_, id_) for _, names in rows for type_, id_ in orjson.loads(names)}


def _listed(db: sqlite3.Connection, line: Line, names: set[Name]) -> None:
    db.execute("DELETE FROM walked WHERE scope = ?", (line.scope,))
    before = listed_names(db, line.scope or "")
    changed = [(name, 1) for name in names if not before.get(name)]
    changed += [(name, 0) for name, is_there in before.items() if is_there and name not in names]
    db.executemany(
        "INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?, ?)",
        [(line.scope, *name, is_there, line.observed_at) for name, is_there in changed],
    )


def listed_names(db: sqlite3.Connection, scope: str) -> dict[Name, bool]:
    """Everything a scope ever held, and whether its last complete listing still did."""
    rows = db.execute("SELECT type, id, is_there FROM listed WHERE scope = ?", (scope,))
    return {(type_, id_): bool(is_there) for type_, id_, is_there in rows}


def missing_since(presence: Presence, name: Name) -> str | None:
    """Since when no scope that held an entity holds it; None: one does, or none ever did."""
    row = presence.db.execute(
        "SELECT max(is_there), max(since) FROM listed WHERE type = ? AND id = ?", name
    ).fetchone()
    return None if row[0] is None or row[0] else str(row[1])


def ever_listed(presence: Presence, type_: str) -> Iterator[str]:
    """The ids of a type that were listed once and are not gone."""
    rows = presence.db.execute(
        "SELECT DISTINCT id FROM listed WHERE type = ? "
        "EXCEPT SELECT id FROM gone WHERE type = ? ORDER BY id",
        (type_, type_),
    )
    return (id_ for (id_,) in rows.fetchall())


def ever_refused(presence: Presence, probe: Probe) -> Iterator[str]:
    """The ids of a type that were refused since they were seen last, and are not gone."""
    rows = presence.db.execute(
        "SELECT DISTINCT id FROM refused WHERE path = ? AND type = ? AND id IS NOT NULL "
        "EXCEPT SELECT id FROM gone WHERE type = ? ORDER BY id",
        (probe.path, probe.type, probe.type),
    )
    return (id_ for (id_,) in rows.fetchall())


@attrs.frozen
class Refusal:
    """One answer that said that something is not there."""

    at: str
    status: int
    url: str


def refusals(presence: Presence, path: str, params: Params, since: str) -> list[Refusal]:
    """How a request was refused after an instant, oldest first."""
    rows = presence.db.execute(
        "SELECT at, status, url FROM refused WHERE path = ? AND request = ? AND at > ? ORDER BY at",
        (path, request_digest(params), since),
    )
    return [Refusal(*row) for row in rows]


def answered_at(presence: Presence, path: str, params: Params) -> str | None:
    """When a probe was last answered otherwise than by a refusal."""
    row = presence.db.execute(
        "SELECT at FROM answered WHERE path = ? AND request = ?", (path, request_digest(params))
    ).fetchone()
    return str(row[0]) if row else None
