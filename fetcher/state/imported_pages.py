"""Index of the imported pages of a source, over all writers; makes imports idempotent.

It can be deleted at any time: it is rebuilt from the log.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import attrs
import orjson

from eventlog.clock import parse_us
from eventlog.format.event import ANOMALY, PAGE
from eventlog.format.event_codec import decode
from eventlog.read.reader import Record
from fetcher.state.log_index import catch_up, open_caught_up

_SCHEMA = """
CREATE TABLE IF NOT EXISTS page (key BLOB PRIMARY KEY, is_page INTEGER) WITHOUT ROWID
"""
_COMPLETE = 2
"""Value of `is_page` for a page that ends its listing."""
_INSERT = """
INSERT INTO page VALUES (?, ?)
ON CONFLICT DO UPDATE SET is_page = max(is_page, excluded.is_page)
"""


@attrs.define
class ImportedPages:
    """Imported pages of a source. Close it with `close_imported_pages`."""

    db: sqlite3.Connection
    is_empty: bool = False
    """Whether nothing was imported before; then the index need not be asked."""
    added: set[bytes] = attrs.field(factory=set)
    """Keys of pages added by this import, which the index has not read yet."""


def page_key(endpoint: str, params: Mapping[str, str], observed_at: int, sha256: str) -> bytes:
    """Returns the digest that identifies a recorded page: endpoint, parameters, time and
    bytes. The endpoint is empty if it is unknown."""
    identity = orjson.dumps([endpoint, sorted(params.items()), observed_at, sha256])
    return hashlib.sha256(identity).digest()[:16]


def open_imported_pages(root: Path, source: str, writer: str) -> ImportedPages:
    """Opens this writer's index of the imported pages of all writers, and catches it up."""

    def start(db: sqlite3.Connection) -> ImportedPages:
        catch_up(db, root, source, _apply)
        return ImportedPages(db, db.execute("SELECT 1 FROM page").fetchone() is None)

    path = root / "state" / "imported" / source / f"{writer}.sqlite"
    return open_caught_up(path, _SCHEMA, start)


def _apply(db: sqlite3.Connection, record: Record) -> None:
    if b',"import":{' not in record.line:
        return
    line = decode(record.line)
    if line.kind in (PAGE, ANOMALY) and line.sha256:
        key = page_key(line.endpoint or "", line.params, parse_us(line.observed_at), line.sha256)
        is_page = line.kind == PAGE
        db.execute(_INSERT, (key, _COMPLETE if is_page and line.last else is_page))


def is_imported(imported: ImportedPages, key: bytes, *, as_page: bool = False) -> bool:
    """Whether the log contains this response; `as_page`: as a page, not as an anomaly."""
    if key in imported.added:
        return True
    is_page = _value(imported, key)
    return is_page is not None and bool(is_page or not as_page)


def is_complete(imported: ImportedPages, key: bytes) -> bool:
    """Whether the log contains this response as a page that ends its listing, without doubt.

    False if it was indexed by a version that did not record this.
    """
    return _value(imported, key) == _COMPLETE


def _value(imported: ImportedPages, key: bytes) -> int | None:
    if imported.is_empty:
        return None
    row = imported.db.execute("SELECT is_page FROM page WHERE key = ?", (key,)).fetchone()
    return None if row is None else int(row[0])


def close_imported_pages(imported: ImportedPages) -> None:
    """Closes the database. The next import reads from the log what this one added."""
    imported.db.close()
