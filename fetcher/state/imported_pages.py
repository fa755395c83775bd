"""What was imported: so that a second import adds nothing, whoever made the first.

An index over the imported pages of all writers of a source, disposable.
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
_INSERT = """
INSERT INTO page VALUES (?, ?)
ON CONFLICT DO UPDATE SET is_page = max(is_page, excluded.is_page)
"""


@attrs.define
class ImportedPages:
    """The pages that are in the log. Close it with `close_imported_pages`."""

    db: sqlite3.Connection
    added: set[bytes] = attrs.field(factory=set)
    """Pages of this import."""


def page_key(endpoint: str, params: Mapping[str, str], observed_at: int, sha256: str) -> bytes:
    """What makes a recorded page the same page."""
    named = orjson.dumps([endpoint, sorted(params.items()), observed_at, sha256])
    return hashlib.sha256(named).digest()[:16]


def open_imported_pages(root: Path, source: str, writer: str) -> ImportedPages:
    """The index that this writer keeps over all writers of a source, caught up."""

    def start(db: sqlite3.Connection) -> ImportedPages:
        catch_up(db, root, source, _take)
        return ImportedPages(db)

    path = root / "state" / "imported" / source / f"{writer}.sqlite"
    return open_caught_up(path, _SCHEMA, start)


def _take(db: sqlite3.Connection, record: Record) -> None:
    if b',"import":{' not in record.line:
        return
    line = decode(record.line)
    if line.kind in (PAGE, ANOMALY) and line.endpoint and line.sha256:
        key = page_key(line.endpoint, line.params, parse_us(line.observed_at), line.sha256)
        db.execute(_INSERT, (key, line.kind == PAGE))


def is_imported(imported: ImportedPages, key: bytes, *, as_page: bool = False) -> bool:
    """Whether this response is in the log; `as_page`: taken apart, not as an anomaly."""
    if key in imported.added:
        return True
    row = imported.db.execute("SELECT is_page FROM page WHERE key = ?", (key,)).fetchone()
    return row is not None and bool(row[0] or not as_page)


def close_imported_pages(imported: ImportedPages) -> None:
    """Let go. What this import added is read from the log next time."""
    imported.db.close()
