"""Index of the last stored body per entity and shape, in one stream.

It can be deleted at any time: it is rebuilt from the log. Bodies go through three stages:

    pending (of the batch being appended) ──> unwritten (durable in the log) ──> database

The next batch sees pending bodies at once. If the append fails, they are discarded.
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
from eventlog.format.event import ENTITY, Line, exact_body, observed_us
from eventlog.format.event_codec import decode
from fetcher.split.response import Key, body_digest
from fetcher.state.log_index import (
    IndexMismatch,
    covered_positions,
    line_sha256,
    open_caught_up,
    read_new,
    set_covered_position,
    translate_sqlite_errors,
)

REFRESH_US = 30 * DAY
"""An unchanged body is stored again after this time."""
_CACHE_ENTRIES = 10_000
"""The cache is cleared when it has more than twice this many entries."""
_WRITE_ENTRIES = 4_000
"""Entries per transaction: a longer transaction would delay requests."""
_ROWS_PER_INSERT = 200
"""One INSERT with many rows costs half as much as one INSERT per row."""


class StoredBody(msgspec.Struct, frozen=True, gc=False):  # not attrs: a crawl has millions
    """Last stored body of an entity in one shape."""

    digest: bytes
    """`body_digest` of the exact bytes."""
    seq: int
    """Entity event that contains the bytes."""
    observed_at: int
    """Microseconds since the Unix epoch."""
    hash: str
    """Value hash."""


@attrs.define
class StoredBodies:
    """The index of one stream. Close it with `close_stored_bodies`."""

    db: sqlite3.Connection
    writer: str
    covered: tuple[int, str] = (0, "")
    """Last seq that the index has read, and the SHA-256 of its line."""
    cache: dict[Key, StoredBody] = attrs.field(factory=dict)
    unwritten: dict[Key, StoredBody] = attrs.field(factory=dict)
    """Durable in the log, not yet in the database."""
    pending: dict[Key, StoredBody] = attrs.field(factory=dict)
    """Bodies of the batch being appended."""


def can_reuse(stored: StoredBody | None, digest: bytes, observed_at: int) -> bool:
    """Whether a roster may name the stored body instead of a new entity event: the bytes are
    equal and were stored less than `REFRESH_US` before or after."""
    return (
        stored is not None
        and stored.digest == digest
        and abs(observed_at - stored.observed_at) < REFRESH_US
    )


def stored_bodies_path(root: Path, source: str, writer: str) -> Path:
    """Returns the path of the index of a stream."""
    return root / "state" / "known" / source / f"{writer}.sqlite"


def open_stored_bodies(root: Path, source: str, writer: str) -> StoredBodies:
    """Opens the index of a stream and catches it up with the log."""

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
"""`form`: type and shape. `what`: digest, seq, instant and value hash, as `_pack` does."""
_FIXED_FIELDS = struct.Struct(">16sQQ")


def _check_columns(db: sqlite3.Connection) -> None:
    """Raises `IndexMismatch` if the table has the columns of an earlier version."""
    columns = db.execute("SELECT name FROM pragma_table_info('seen')").fetchall()
    if [name for (name,) in columns] != ["id", "form", "what"]:
        raise IndexMismatch


def _form(type_: str, shape: str) -> str:
    return f"{type_}\n{shape}"


def _pack(stored: StoredBody) -> bytes:
    fixed = _FIXED_FIELDS.pack(stored.digest, stored.seq, stored.observed_at)
    return fixed + stored.hash.encode()


def _unpack(packed: bytes) -> StoredBody:
    digest, seq, observed_at = _FIXED_FIELDS.unpack_from(packed)
    return StoredBody(digest, seq, observed_at, packed[_FIXED_FIELDS.size :].decode())


def _catch_up(root: Path, source: str, index: StoredBodies) -> None:
    """Applies the new events of the stream. Raises `IndexMismatch` if the stream does not
    contain what the index has read."""
    index.covered = covered_positions(index.db).get(index.writer, (0, ""))
    last = None
    for record in read_new(root, source, index.writer, index.covered):
        last = record
        _apply(index, decode(record.line))
        if len(index.pending) >= _CACHE_ENTRIES:
            commit_pending(index, record.seq, line_sha256(record.line))
    if last is not None:
        commit_pending(index, last.seq, line_sha256(last.line))


def _apply(index: StoredBodies, line: Line) -> None:
    if line.kind == ENTITY and line.type and line.id and line.shape:
        asset = line.body_asset
        digest = bytes.fromhex(asset)[:16] if asset else body_digest(exact_body(line) or b"")
        stored = StoredBody(digest, line.seq, observed_us(line), line.hash or "")
        add_pending(index, (line.type, line.id, line.shape), stored)


def load_stored(index: StoredBodies, keys: Iterable[Key]) -> None:
    """Loads the entries of these keys into the cache, with one query per type and shape."""
    missing: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        if key not in index.cache:
            missing.setdefault((key[0], key[2]), []).append(key[1])
    for (type_, shape), ids in missing.items():
        rows = index.db.execute(_SELECT, (orjson.dumps(ids).decode(), _form(type_, shape)))
        for id_, packed in rows:
            index.cache[type_, id_, shape] = _unpack(packed)


_SELECT = """
SELECT id, what FROM seen WHERE id IN (SELECT value FROM json_each(?)) AND form = ?
"""  # one SELECT per entity would cost more than the fsync of the page


def find_stored(index: StoredBodies, key: Key) -> StoredBody | None:
    """Returns the last stored body of a loaded key, pending ones included."""
    return index.pending.get(key) or index.cache.get(key)


def look_up(index: StoredBodies, key: Key) -> StoredBody | None:
    """Loads and returns the last stored body of one key."""
    load_stored(index, [key])
    return find_stored(index, key)


def add_pending(index: StoredBodies, key: Key, stored: StoredBody) -> None:
    """Adds a body of the batch being appended."""
    index.pending[key] = stored


def discard_pending(index: StoredBodies) -> None:
    """Drops the bodies of the batch being appended: the append failed."""
    index.pending.clear()


def commit_pending(index: StoredBodies, seq: int, sha256: str) -> None:
    """Accepts the pending bodies: the batch is durable up to `seq`, whose line has this
    SHA-256. Writes them to the database once there are `_WRITE_ENTRIES`."""
    accept_pending(index, seq, sha256)
    if len(index.unwritten) >= _WRITE_ENTRIES:
        flush(index)


def accept_pending(index: StoredBodies, seq: int, sha256: str) -> None:
    """Accepts the pending bodies of a batch that becomes durable later, before `flush`."""
    index.cache.update(index.pending)
    index.unwritten.update(index.pending)
    index.pending.clear()
    index.covered = (seq, sha256)


def flush(index: StoredBodies) -> None:
    """Writes the durable bodies to the database; clears the cache if it is too large."""
    forms = cache(_form)
    rows = sorted(  # neighbours share a page of the B-tree: a third of the writes
        (id_, forms(type_, shape), _pack(stored))
        for (type_, id_, shape), stored in index.unwritten.items()
    )
    with translate_sqlite_errors(), index.db:
        index.db.execute("BEGIN")
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            chunk = rows[start : start + _ROWS_PER_INSERT]
            placeholders = ", ".join(["(?, ?, ?)"] * len(chunk))
            index.db.execute(_INSERT + placeholders, tuple(chain.from_iterable(chunk)))
        set_covered_position(index.db, index.writer, *index.covered)
    index.unwritten.clear()
    if len(index.cache) > 2 * _CACHE_ENTRIES:
        index.cache.clear()


_INSERT = "INSERT OR REPLACE INTO seen VALUES "


def close_stored_bodies(index: StoredBodies, *, write: bool = True) -> None:
    """Closes the database; `write`: after writing the bodies, which are durable in the log."""
    if write:
        flush(index)
    index.db.close()
