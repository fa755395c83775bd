"""What is known: per entity and shape, the bytes stored last in one's own stream.

An index over the log, disposable. It names the position it covers and the SHA-256 of
the line there; what the log does not confirm is thrown away and built again. What a
batch adds is seen by the next batch at once, and kept only after it was acknowledged.
"""

import sqlite3
import struct
from collections.abc import Iterable
from functools import cache
from itertools import chain
from pathlib import Path

import attrs
import msgspec
import orjson

from eventlog.clock import DAY
from eventlog.files.lost_segments import is_loss_event
from eventlog.format.event import ENTITY, Line, exact_body, observed_us
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_stream
from fetcher.split.response import Key, body_digest
from fetcher.state.log_index import (
    IndexMismatch,
    covered_positions,
    line_sha256,
    open_caught_up,
    set_covered_position,
    translate_sqlite_errors,
)

REFRESH_US = 30 * DAY
"""A body is stored again after this long, changed or not."""
_HELD = 10_000
"""Entries kept in memory before they are forgotten."""
_TOGETHER = 4_000
"""Entries that are written at once: more would keep the network waiting."""
_ROWS = 200
"""Of one statement: half the cost of a statement each."""


class StoredBody(msgspec.Struct, frozen=True, gc=False):  # a Struct: a crawl has millions
    """What was stored last for an entity."""

    digest: bytes
    """128 bits of SHA-256 over the exact bytes."""
    seq: int
    observed_at: int
    hash: str


@attrs.define
class StoredBodies:
    """The index of one stream. Close it with `close_stored_bodies`."""

    db: sqlite3.Connection
    writer: str
    covered: tuple[int, str] = (0, "")
    """Last seq that the index covers, and the SHA-256 of its line."""
    recent: dict[Key, StoredBody] = attrs.field(factory=dict)
    unwritten: dict[Key, StoredBody] = attrs.field(factory=dict)
    """Acknowledged, not yet in the database."""
    noted: dict[Key, StoredBody] = attrs.field(factory=dict)
    """Of the batch being appended."""


def can_reuse(seen: StoredBody | None, found: bytes, observed_at: int) -> bool:
    """Whether the roster may name the event that holds the same bytes already."""
    return (
        seen is not None
        and seen.digest == found
        and abs(observed_at - seen.observed_at) < REFRESH_US
    )


def stored_bodies_path(root: Path, source: str, writer: str) -> Path:
    """Where the index of a stream lies. Disposable."""
    return root / "state" / "known" / source / f"{writer}.sqlite"


def open_stored_bodies(root: Path, source: str, writer: str) -> StoredBodies:
    """The index of a stream, caught up with its log."""

    def start(db: sqlite3.Connection) -> StoredBodies:
        stored = StoredBodies(db, writer)
        _check_columns(db)
        _catch_up(root, source, stored)
        return stored

    return open_caught_up(stored_bodies_path(root, source, writer), _SCHEMA, start)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    id TEXT, form TEXT, what BLOB, PRIMARY KEY (id, form)) WITHOUT ROWID
"""
"""`form`: type and shape. `what`: digest, seq and instant, and the value hash behind them."""
_WHAT = struct.Struct(">16sQQ")


def _check_columns(db: sqlite3.Connection) -> None:
    """Raises `IndexMismatch` if the table has the columns of an earlier version."""
    columns = db.execute("SELECT name FROM pragma_table_info('seen')").fetchall()
    if [name for (name,) in columns] != ["id", "form", "what"]:
        raise IndexMismatch


def _form(type_: str, shape: str) -> str:
    return f"{type_}\n{shape}"


def _packed(what: StoredBody) -> bytes:
    return _WHAT.pack(what.digest, what.seq, what.observed_at) + what.hash.encode()


def _unpacked(what: bytes) -> StoredBody:
    digest, seq, observed_at = _WHAT.unpack_from(what)
    return StoredBody(digest, seq, observed_at, what[_WHAT.size :].decode())


def _catch_up(root: Path, source: str, known: StoredBodies) -> None:
    """Applies the new events of the stream. Raises `IndexMismatch` if the stream does not
    contain what the index has read."""
    seq, sha256 = known.covered = covered_positions(known.db).get(known.writer, (0, ""))
    records = read_stream(root, source, known.writer, max(seq - 1, 0))
    if seq:
        first = next(records, None)
        if first is None or line_sha256(first.line) != sha256:
            raise IndexMismatch
    last = None
    for record in records:
        last = record
        if seq and is_loss_event(record.line):
            raise IndexMismatch  # a roster must not name a lost event
        _read(known, decode(record.line))
        if len(known.noted) >= _HELD:
            commit_pending(known, record.seq, line_sha256(record.line))
    if last is not None:
        commit_pending(known, last.seq, line_sha256(last.line))


def _read(known: StoredBodies, line: Line) -> None:
    if line.kind == ENTITY and line.type and line.id and line.shape:
        asset = line.body_asset
        found = bytes.fromhex(asset)[:16] if asset else body_digest(exact_body(line) or b"")
        what = StoredBody(found, line.seq, observed_us(line), line.hash or "")
        add_pending(known, (line.type, line.id, line.shape), what)


def load_stored(known: StoredBodies, keys: Iterable[Key]) -> None:
    """Bring what the index says about these entities into memory, in one go."""
    missing: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        if key not in known.recent:
            missing.setdefault((key[0], key[2]), []).append(key[1])
    for (type_, shape), names in missing.items():
        rows = known.db.execute(_SELECT, (orjson.dumps(names).decode(), _form(type_, shape)))
        for name, what in rows:
            known.recent[type_, name, shape] = _unpacked(what)


_SELECT = """
SELECT id, what FROM seen WHERE id IN (SELECT value FROM json_each(?)) AND form = ?
"""  # one statement for a page: a SELECT each cost more than the fsync


def find_stored(known: StoredBodies, key: Key) -> StoredBody | None:
    """What is known of an entity, the batch being appended included."""
    return known.noted.get(key) or known.recent.get(key)


def look_up(known: StoredBodies, key: Key) -> StoredBody | None:
    """What is known of one entity."""
    load_stored(known, [key])
    return find_stored(known, key)


def add_pending(known: StoredBodies, key: Key, what: StoredBody) -> None:
    """Remember an entity of the batch being appended."""
    known.noted[key] = what


def discard_pending(known: StoredBodies) -> None:
    """The batch being appended does not count."""
    known.noted.clear()


def commit_pending(known: StoredBodies, seq: int, sha256: str) -> None:
    """The batch is durable up to `seq`, whose line has this SHA-256."""
    known.recent.update(known.noted)
    known.unwritten.update(known.noted)
    known.noted.clear()
    known.covered = (seq, sha256)
    if len(known.unwritten) >= _TOGETHER:
        flush(known)


def flush(known: StoredBodies) -> None:
    """Put what is acknowledged into the database; forget what memory held too much of."""
    forms = cache(_form)
    rows = sorted(  # neighbours share a page of the tree: a third of the writes
        (id_, forms(type_, shape), _packed(what))
        for (type_, id_, shape), what in known.unwritten.items()
    )
    with translate_sqlite_errors(), known.db:
        known.db.execute("BEGIN")
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            marks = ", ".join(["(?, ?, ?)"] * len(some))
            known.db.execute(_INSERT + marks, tuple(chain.from_iterable(some)))
        set_covered_position(known.db, known.writer, *known.covered)
    known.unwritten.clear()
    if len(known.recent) > 2 * _HELD:
        known.recent.clear()


_INSERT = "INSERT OR REPLACE INTO seen VALUES "


def close_stored_bodies(known: StoredBodies) -> None:
    """Write what is acknowledged, and let go."""
    flush(known)
    known.db.close()
