"""SQLite indexes over the log; each can be deleted at any time.

Per writer, an index records the last seq that it has read and the SHA-256 of that line. If
the log contains the same line, the index reads on from there; otherwise it is rebuilt. Each
event is applied to the index exactly once, those of one writer in order of seq.
"""

import errno
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from eventlog.catalog.index import read_index
from eventlog.catalog.lookup import writers_of
from eventlog.clock import format_us
from eventlog.errors import LocalResource
from eventlog.files.heads import read_head
from eventlog.files.lost_segments import is_loss_event
from eventlog.format.paths import log_dir
from eventlog.read.reader import Record, read_stream
from eventlog.write.append import Appended

ApplyRecord = Callable[[sqlite3.Connection, Record], None]
"""Applies one event of the log to the tables."""

_DISK_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_NOT_WRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_ENTITY_KIND = b'"kind":"entity"'
_KIND_WITHIN_BYTES = 160
"""Number of bytes at the beginning of a line that are searched for the kind."""

_COVERED = "CREATE TABLE IF NOT EXISTS covered (writer TEXT PRIMARY KEY, seq INTEGER, sha256 TEXT)"


class IndexMismatch(Exception):
    """The log does not contain what the index has read: the index must be rebuilt."""


def open_index(path: Path, schema: str) -> sqlite3.Connection:
    """Opens the index at a path; replaces it by an empty one if it is unreadable.

    If the path is not writable, the index is kept in memory. Raises `LocalResource` if the
    disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with translate_sqlite_errors(path):
            return _open(path, schema)
    except sqlite3.DatabaseError as error:
        if _primary_code(error) in _NOT_WRITABLE:
            return _open(Path(":memory:"), schema)
        delete_index(path)
        with translate_sqlite_errors(path):
            return _open(path, schema)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return _open(Path(":memory:"), schema)


Index = TypeVar("Index")


def open_caught_up(path: Path, schema: str, start: Callable[[sqlite3.Connection], Index]) -> Index:
    """Opens an index, catches it up and returns what `start` returns.

    `start` wraps the connection and applies the new events of the log. If it raises
    `IndexMismatch`, the index is deleted, and `start` is called again with an empty one.
    """
    db = open_index(path, schema)
    try:
        return start(db)
    except IndexMismatch:
        db.close()
        delete_index(path)
        return start(open_index(path, schema))


@contextmanager
def translate_sqlite_errors(path: Path | None = None) -> Iterator[None]:
    """Raises `LocalResource` in place of SQLite's errors for a full or failing disk."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _primary_code(error) not in _DISK_ERRORS:
            raise
        what = f"{path or 'an index under state/'}: {error}"
        raise LocalResource(what, "make room there, then run it again: nothing was lost") from error


def _primary_code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # the rest is the extended code


def _open(path: Path, schema: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")  # after a crash, the index is rebuilt
    script = f"{_COVERED};{schema}"
    tables = _tables_of(db)
    if tables and tables != _expected_tables(script):
        db.close()
        raise sqlite3.DatabaseError(f"{path}: the tables of another version of hindlog")
    db.executescript(script)
    db.execute("SELECT count(*) FROM covered").fetchone()
    return db


def _tables_of(db: sqlite3.Connection) -> dict[str, str]:
    """Returns the text that made each table and index, by name."""
    return dict(db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


@cache
def _expected_tables(script: str) -> dict[str, str]:
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(script)
        return _tables_of(db)
    finally:
        db.close()


def delete_index(path: Path) -> None:
    """Deletes an index with its write-ahead log and shared memory. Idempotent."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def line_sha256(line: bytes) -> str:
    """Returns the SHA-256 of a line without its line feed."""
    return hashlib.sha256(line).hexdigest()


def covered_positions(db: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """Returns, per writer, the last seq that the index has read and the SHA-256 of its line."""
    rows = db.execute("SELECT writer, seq, sha256 FROM covered")
    return {writer: (seq, sha256) for writer, seq, sha256 in rows}


def set_covered_position(db: sqlite3.Connection, writer: str, seq: int, sha256: str) -> None:
    """Records the last seq that the index has read from a writer's stream."""
    db.execute("INSERT OR REPLACE INTO covered VALUES (?, ?, ?)", (writer, seq, sha256))


def catch_up(
    db: sqlite3.Connection,
    root: Path,
    source: str,
    apply: ApplyRecord,
    *,
    trust_heads: bool = False,
    only: frozenset[str] | None = None,
) -> None:
    """Applies the new events of a source's log to the index, in one transaction.

    `trust_heads`: skips writers whose head file names a seq that was read already; makes
    polling cheap. `only`: the writers to read; None: all. Raises `IndexMismatch` if the log
    does not contain what the index has read.
    """
    with translate_sqlite_errors():
        _catch_up(db, root, source, apply, trust_heads, only)


def _catch_up(
    db: sqlite3.Connection,
    root: Path,
    source: str,
    apply: ApplyRecord,
    trust_heads: bool,
    only: frozenset[str] | None,
) -> None:
    with transaction(db):
        positions = covered_positions(db)
        writers = _writers_with_lock(root, source) if trust_heads else set[str]()
        if not trust_heads or not positions.keys() <= writers:  # a lock file may be missing
            writers = writers_of(read_index(root, source))
        writers = writers if only is None else writers & only
        if not positions.keys() <= writers:
            raise IndexMismatch
        for writer in sorted(writers):
            position = positions.get(writer)
            if not (trust_heads and _is_at_head(root, source, writer, position)):
                _apply_stream(db, root, source, writer, position or (0, ""), apply)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commits what the block writes; rolls it back if the block raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite has rolled it back already if the disk is full
            db.execute("ROLLBACK")
        raise


def apply_appended(db: sqlite3.Connection, done: Appended, apply: ApplyRecord) -> None:
    """Applies a just-appended batch without re-reading it; entity events are skipped.

    Does nothing if the index has not read all events before the batch: then `catch_up`
    reads them together.
    """
    writer = done.first.writer
    with transaction(db):
        if covered_positions(db).get(writer, (0, ""))[0] == done.first.seq - 1:
            at = format_us(done.first.observed_at)
            for seq, line in done.draft_lines:
                if not is_entity_line(line):
                    apply(db, Record(line[:-1], done.segment, at, writer, seq))
            set_covered_position(db, writer, done.last.seq, done.sha256)


def is_entity_line(line: bytes) -> bool:
    """Whether a line is an `entity` event, judged by its first bytes without decoding it.

    Returns False for an entity event whose kind comes later; callers then decode the line.
    """
    return line.find(_ENTITY_KIND, 0, _KIND_WITHIN_BYTES) >= 0


def _writers_with_lock(root: Path, source: str) -> set[str]:
    """Returns the writers that have a lock file; takes one directory listing, however long
    the log is."""
    return {path.name[1:-5] for path in log_dir(root).joinpath(source).glob(".????????.lock")}


def _is_at_head(root: Path, source: str, writer: str, position: tuple[int, str] | None) -> bool:
    """Whether the index has read the stream up to its head, which the writer updates after
    each fsync."""
    head = read_head(root, source, writer)
    return head is not None and position is not None and head.last_seq == position[0]


def _apply_stream(
    db: sqlite3.Connection,
    root: Path,
    source: str,
    writer: str,
    position: tuple[int, str],
    apply: ApplyRecord,
) -> None:
    last = None
    for record in read_new(root, source, writer, position):
        apply(db, record)
        last = record
    if last is not None:
        set_covered_position(db, writer, last.seq, line_sha256(last.line))


def read_new(root: Path, source: str, writer: str, position: tuple[int, str]) -> Iterator[Record]:
    """Yields the events of a stream after the seq that an index has read; (0, ""): all.

    Raises `IndexMismatch` if the log does not contain the line that the index has read, or
    if a later event reports the loss of earlier ones.
    """
    seq, sha256 = position
    records = read_stream(root, source, writer, max(seq - 1, 0))
    if seq:
        first = next(records, None)
        if first is None or line_sha256(first.line) != sha256:
            raise IndexMismatch
    for record in records:
        if seq and is_loss_event(record.line):
            raise IndexMismatch  # the index may contain lost events
        yield record
