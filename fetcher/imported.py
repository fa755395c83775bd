"""What was imported: so that a second import adds nothing, whoever made the first.

An index over the imported pages of all writers of a source, disposable. Per writer it
names the position it covers and the SHA-256 of the line there.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import attrs
import orjson

from eventlog.clock import parse_us
from eventlog.event import ANOMALY, PAGE, Line, decode
from eventlog.reader import read_stream
from eventlog.segments import list_segments
from fetcher.known import line_sha256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS page (key BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS covered (writer TEXT PRIMARY KEY, seq INTEGER, sha256 TEXT);
"""


@attrs.define
class Imported:
    """The pages that are in the log. Close it with `close_imported`."""

    db: sqlite3.Connection
    fresh: set[bytes] = attrs.field(factory=set)
    """Pages of this import."""


def page_key(endpoint: str, params: Mapping[str, str], observed_at: int, sha256: str) -> bytes:
    """What makes a recorded page the same page."""
    named = orjson.dumps([endpoint, sorted(params.items()), observed_at, sha256])
    return hashlib.sha256(named).digest()[:16]


def open_imported(root: Path, source: str, writer: str) -> Imported:
    """The index that this writer keeps over all writers of a source, caught up."""
    path = root / "state" / "imported" / source / f"{writer}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    imported = _open(path)
    if imported is None or not _catch_up(root, source, imported):
        if imported is not None:
            imported.db.close()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        imported = _open(path)
        assert imported is not None
        _catch_up(root, source, imported)
    return imported


def _open(path: Path) -> Imported | None:
    try:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        db.executescript(_SCHEMA)
        db.execute("SELECT count(*) FROM covered").fetchone()
    except sqlite3.DatabaseError:
        return None
    return Imported(db)


def _catch_up(root: Path, source: str, imported: Imported) -> bool:
    """Read what the log has gained. False if the log does not confirm the index."""
    covered = {
        writer: (seq, sha256)
        for writer, seq, sha256 in imported.db.execute("SELECT writer, seq, sha256 FROM covered")
    }
    writers = sorted({each.name.writer for each in list_segments(root, source)})
    if not covered.keys() <= set(writers):
        return False
    imported.db.execute("BEGIN")
    try:
        confirmed = [
            _read(root, source, writer, covered.get(writer, (0, "")), imported)
            for writer in writers
        ]
    finally:
        imported.db.execute("COMMIT")
    return all(confirmed)


def _read(
    root: Path, source: str, writer: str, covered: tuple[int, str], imported: Imported
) -> bool:
    seq, sha256 = covered
    records = read_stream(root, source, writer, max(seq - 1, 0))
    if seq:
        first = next(records, None)
        if first is None or line_sha256(first.line) != sha256:
            return False
    last = None
    for record in records:
        last = record
        if b',"import":{' in record.line:
            _remember(imported, decode(record.line))
    if last is not None:
        row = (writer, last.seq, line_sha256(last.line))
        imported.db.execute("INSERT OR REPLACE INTO covered VALUES (?, ?, ?)", row)
    return True


def _remember(imported: Imported, line: Line) -> None:
    if line.kind in (PAGE, ANOMALY) and line.endpoint and line.sha256:
        key = page_key(line.endpoint, line.params, parse_us(line.observed_at), line.sha256)
        imported.db.execute("INSERT OR IGNORE INTO page VALUES (?)", (key,))


def is_imported(imported: Imported, key: bytes) -> bool:
    """Whether this page is in the log."""
    if key in imported.fresh:
        return True
    row = imported.db.execute("SELECT 1 FROM page WHERE key = ?", (key,)).fetchone()
    return row is not None


def close_imported(imported: Imported) -> None:
    """Let go. What this import added is read from the log next time."""
    imported.db.close()
