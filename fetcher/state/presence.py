"""Index of presence, derived from the listings and probes of one writer.

    complete listings ──> per scope: entities that it contains, or once contained
    404 and 410       ──> per request: when it was refused
    a sighting        ──> deletes the refusals of the entity and its `gone` mark

It reads the writer's own stream only; observations of other writers do not count. It can be
deleted at any time: it is rebuilt from the log.

Tables: those of `scope_changes.py` for complete listings, `walked` the pages of paginations that
are not complete yet, `probing` the runs that send probes, `refused` and `answered` the
outcomes of probes, `gone` the entities with a tombstone.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs
import orjson

from eventlog.format.event import GONE, PAGE, PAGE_FAILED, RUN, Line
from eventlog.format.event_codec import decode
from eventlog.read.reader import Record
from fetcher.source import Params, Probe, Source, request_digest
from fetcher.state.log_index import catch_up, is_entity_line, open_caught_up
from fetcher.state.scope_changes import SCHEMA, Name, apply_listing, names_found
from fetcher.state.task import CREATED, decode_task_members

_SCHEMA = f"""{SCHEMA};
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
"""Statuses that mean that an entity does not exist."""


@attrs.define
class Presence:
    """The index of one stream. Close it with `close_presence`."""

    root: Path
    source: Source
    writer: str
    db: sqlite3.Connection


def open_presence(root: Path, source: Source, writer: str) -> Presence:
    """Opens the index and catches it up with the stream."""

    def start(db: sqlite3.Connection) -> Presence:
        presence = Presence(root, source, writer, db)
        refresh_presence(presence)
        return presence

    path = root / "state" / "presence" / source.name / f"{writer}.sqlite"
    return open_caught_up(path, _SCHEMA, start)


def close_presence(presence: Presence) -> None:
    """Closes the database."""
    presence.db.close()


def refresh_presence(presence: Presence) -> None:
    """Applies the new events of the stream."""
    source = presence.source

    def apply(db: sqlite3.Connection, record: Record) -> None:
        _apply(db, source, record)

    only = frozenset({presence.writer})
    catch_up(presence.db, presence.root, source.name, apply, trust_heads=True, only=only)


def _apply(db: sqlite3.Connection, source: Source, record: Record) -> None:
    if is_entity_line(record.line):
        return
    line = decode(record.line)
    if line.run is None or line.run.startswith("import.") or line.kind not in _KINDS:
        return
    if line.kind == RUN:
        _apply_run(db, source, line, record.line)
    elif line.kind == GONE:
        db.execute("INSERT OR IGNORE INTO gone VALUES (?, ?)", (line.type, line.id))
    elif line.kind == PAGE_FAILED:
        if line.scope is not None:
            _add_partial_page(db, line, 0, ())
    else:
        _apply_page(db, source, line)


def _apply_run(db: sqlite3.Connection, source: Source, line: Line, text: bytes) -> None:
    members = decode_task_members(text)
    probe_listings = {listing.name for listing in source.listings if listing.probe}
    if members.state == CREATED and members.listing in probe_listings:
        db.execute("INSERT OR IGNORE INTO probing VALUES (?)", (line.run,))


def _apply_page(db: sqlite3.Connection, source: Source, line: Line) -> None:
    names = roster_names(line.roster.values())
    _apply_sightings(db, names)
    for probe in source.probes:
        if probe.path == line.endpoint:
            _apply_probe(db, probe, line)
    if line.scope is None or line.page_no is None:
        return
    if not line.last:
        _add_partial_page(db, line, line.page_no, names)
    elif (earlier := earlier_names(db, line.run or "", line.scope, line.page_no)) is not None:
        _complete_listing(db, line, {*earlier, *names})


def roster_names(entries: Iterable[Iterable[tuple[str, str, int]]]) -> dict[Name, None]:
    """Returns type and id of every entity in a roster, in order, without duplicates."""
    return {(type_, id_): None for array in entries for type_, id_, _ in array}


def _apply_sightings(db: sqlite3.Connection, names: Mapping[Name, None]) -> None:
    """Deletes the refusals and `gone` marks of the entities that a page contains."""
    suspects = db.execute("SELECT type, id FROM gone UNION SELECT type, id FROM refused").fetchall()
    for name in suspects:
        if name in names:
            db.execute("DELETE FROM gone WHERE type = ? AND id = ?", name)
            db.execute("DELETE FROM refused WHERE type = ? AND id = ?", name)


def _apply_probe(db: sqlite3.Connection, probe: Probe, line: Line) -> None:
    """Records an answer of an endpoint that is used for probes. An answer outside a probing run
    counts only if `Probe.subject` returns its entity."""
    subject = probe.subject(line.params)
    is_probing = db.execute("SELECT 1 FROM probing WHERE run = ?", (line.run,)).fetchone()
    if not is_probing and subject is None:
        return
    key = (probe.path, request_digest(line.params))
    if line.status in REFUSALS:
        row = (*key, probe.type, subject, line.observed_at, line.status, line.url)
        db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return
    if line.status == 200 and not line.last and not any(line.roster.values()):
        return  # nothing in the answer could be named: it proves nothing
    db.execute("DELETE FROM refused WHERE path = ? AND request = ?", key)
    if is_probing:
        db.execute("INSERT OR REPLACE INTO answered VALUES (?, ?, ?)", (*key, line.observed_at))


def _add_partial_page(
    db: sqlite3.Connection, line: Line, page_no: int, names: Iterable[Name]
) -> None:
    """Adds a page of a listing that is not complete yet. Page 0 stands for a page that was
    given up: the listing cannot become complete."""
    db.execute("DELETE FROM walked WHERE scope = ? AND run <> ?", (line.scope, line.run))
    row = (line.run, line.scope, page_no, orjson.dumps(list(names)))
    db.execute("INSERT OR REPLACE INTO walked VALUES (?, ?, ?, ?)", row)


def earlier_names(db: sqlite3.Connection, run: str, scope: str, page_no: int) -> set[Name] | None:
    """Returns the entities on the pages before this one; None if one of them is missing or
    was given up."""
    rows = db.execute(
        "SELECT page_no, names FROM walked WHERE run = ? AND scope = ? ORDER BY page_no",
        (run, scope),
    ).fetchall()
    if [number for number, _ in rows if number < page_no] != list(range(1, page_no)):
        return None
    return {(type_, id_) for _, names in rows for type_, id_ in orjson.loads(names)}


def _complete_listing(db: sqlite3.Connection, line: Line, names: set[Name]) -> None:
    """Updates the entities of a scope from a complete listing."""
    db.execute("DELETE FROM walked WHERE scope = ?", (line.scope,))
    apply_listing(db, line.scope or "", line.observed_at, names)


def missing_since(presence: Presence, name: Name) -> str | None:
    """Returns the end of the listing that made the entity absent; None if it is present, or if
    no listing ever contained it."""
    row = presence.db.execute("SELECT since FROM absent WHERE type = ? AND id = ?", name).fetchone()
    return str(row[0]) if row else None


def ever_listed(presence: Presence, type_: str) -> Iterator[str]:
    """Yields the ids of a type that were ever listed and have no tombstone."""
    rows = presence.db.execute(
        "SELECT DISTINCT id FROM listed WHERE type = ? "
        "EXCEPT SELECT id FROM gone WHERE type = ? ORDER BY id",
        (type_, type_),
    )
    return (id_ for (id_,) in rows.fetchall())


def ever_refused(presence: Presence, probe: Probe) -> Iterator[str]:
    """Yields the ids of a probe's type that were refused since their last sighting and have no
    tombstone."""
    rows = presence.db.execute(
        "SELECT DISTINCT id FROM refused WHERE path = ? AND type = ? AND id IS NOT NULL "
        "EXCEPT SELECT id FROM gone WHERE type = ? ORDER BY id",
        (probe.path, probe.type, probe.type),
    )
    return (id_ for (id_,) in rows.fetchall())


@attrs.frozen
class Refusal:
    """One answer with a status of `REFUSALS`."""

    at: str
    status: int
    url: str


def find_refusals(presence: Presence, path: str, params: Params, since: str) -> list[Refusal]:
    """Returns the refusals of a request after an instant, oldest first."""
    rows = presence.db.execute(
        "SELECT at, status, url FROM refused WHERE path = ? AND request = ? AND at > ? ORDER BY at",
        (path, request_digest(params), since),
    )
    return [Refusal(*row) for row in rows]


def gone_among(presence: Presence, names: Iterable[Name]) -> set[Name]:
    """Returns those of the entities that have a tombstone and were not seen after it."""
    return names_found(presence.db, "SELECT 1 FROM gone WHERE type = ? AND id = ?", names)


def answered_at(presence: Presence, path: str, params: Params, since: str) -> str | None:
    """Returns when a probe last got an answer other than a refusal after an instant; None:
    never."""
    row = presence.db.execute(
        "SELECT at FROM answered WHERE path = ? AND request = ? AND at > ?",
        (path, request_digest(params), since),
    ).fetchone()
    return str(row[0]) if row else None
