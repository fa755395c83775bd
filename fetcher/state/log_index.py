"""Indexes over the log: tables that can be thrown away at any time.

Per writer an index names the last seq it has read and the SHA-256 of the line there.
What the log confirms is caught up from there; anything else is built again from
nothing. Each event is given to the index exactly once, those of one writer in order.
"""

import errno
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eventlog.clock import format_us
from eventlog.errors import LocalResource
from eventlog.files.heads import read_head
from eventlog.files.listing import list_segments
from eventlog.files.lost_segments import is_loss_event
from eventlog.format.paths import log_dir
from eventlog.read.reader import Record, read_stream
from eventlog.write.append import Appended

Take = Callable[[sqlite3.Connection, Record], None]
"""Puts what an event says into the tables."""

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_NOT_WRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_ENTITY = b'"kind":"entity"'
_AHEAD = 160
"""The kind of an event stands within so many bytes, or it is read in full."""

_COVERED = "CREATE TABLE IF NOT EXISTS covered (writer TEXT PRIMARY KEY, seq INTEGER, sha256 TEXT)"


class IndexMismatch(Exception):
    """The log is not the one this index was built from."""


def open_index(path: Path, schema: str) -> sqlite3.Connection:
    """The index at a path, made anew where there is none that can be read.

    In memory where nothing may be written there. Raises `LocalResource` on a full disk.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with translate_sqlite_errors(path):
            return _open(path, schema)
    except sqlite3.DatabaseError as error:
        if _reason(error) in _NOT_WRITABLE:
            return _open(Path(":memory:"), schema)
        delete_index(path)
        with translate_sqlite_errors(path):
            return _open(path, schema)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return _open(Path(":memory:"), schema)


@contextmanager
def translate_sqlite_errors(place: Path | None = None) -> Iterator[None]:
    """A disk that is full, or fails, is `LocalResource`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _reason(error) not in _FULL:
            raise
        what = f"{place or 'an index under state/'}: {error}"
        raise LocalResource(what, "make room there, then run it again: nothing was lost") from error


def _reason(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # without what extends it


def _open(path: Path, schema: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")  # a crash costs a rebuild, never a wrong answer
    db.executescript(f"{_COVERED};{schema}")
    db.execute("SELECT count(*) FROM covered").fetchone()
    return db


def delete_index(path: Path) -> None:
    """Take an index away, with what belongs to it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def line_sha256(line: bytes) -> str:
    """What confirms a position: over the line without its line feed."""
    return hashlib.sha256(line).hexdigest()


def covered_positions(db: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """Per writer the last seq read, and the SHA-256 of its line."""
    rows = db.execute("SELECT writer, seq, sha256 FROM covered")
    return {writer: (seq, sha256) for writer, seq, sha256 in rows}


def set_covered_position(db: sqlite3.Connection, writer: str, seq: int, sha256: str) -> None:
    """Note how far a writer's stream is read."""
    db.execute("INSERT OR REPLACE INTO covered VALUES (?, ?, ?)", (writer, seq, sha256))


def catch_up(
    db: sqlite3.Connection,
    root: Path,
    source: str,
    take: Take,
    *,
    trust_heads: bool = False,
    only: frozenset[str] | None = None,
) -> None:
    """Read what the log of a source has gained, in one transaction.

    `trust_heads`: pass over writers whose noted head was read; for polling. `only`: the
    writers whose streams count. Raises
    `IndexMismatch` if the log does not hold what the index says it read.
    """
    with translate_sqlite_errors():
        _catch_up(db, root, source, take, trust_heads, only)


def _catch_up(
    db: sqlite3.Connection,
    root: Path,
    source: str,
    take: Take,
    trust_heads: bool,
    only: frozenset[str] | None,
) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        known = covered_positions(db)
        writers = _holders(root, source) if trust_heads else set[str]()
        if not trust_heads or not known.keys() <= writers:  # the segments know for sure
            writers = {each.name.writer for each in list_segments(root, source)}
        writers = writers if only is None else writers & only
        if not known.keys() <= writers:
            raise IndexMismatch
        for writer in sorted(writers):
            if not (trust_heads and _is_at_its_head(root, source, writer, known.get(writer))):
                _read(db, root, source, writer, known.get(writer, (0, "")), take)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has ended it already
            db.execute("ROLLBACK")
        raise


def apply_appended(db: sqlite3.Connection, done: Appended, take: Take) -> None:
    """Take what was just appended, so that it need not be read again; entities say nothing.

    Where something before it is not covered yet nothing is taken: `catch_up` will.
    """
    writer = done.first.writer
    db.execute("BEGIN IMMEDIATE")
    try:
        if covered_positions(db).get(writer, (0, ""))[0] == done.first.seq - 1:
            at = format_us(done.first.observed_at)
            for seq, line in done.told:
                if line.find(_ENTITY, 0, _AHEAD) < 0:
                    take(db, Record(line[:-1], done.segment, at, writer, seq))
            set_covered_position(db, writer, done.last.seq, done.sha256)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _holders(root: Path, source: str) -> set[str]:
    """Who ever held a stream of this source: one folder, however long the log is."""
    return {path.name[1:-5] for path in log_dir(root).joinpath(source).glob(".????????.lock")}


def _is_at_its_head(root: Path, source: str, writer: str, at: tuple[int, str] | None) -> bool:
    """Whether nothing came since. The head is noted by the writer after each fsync."""
    head = read_head(root, source, writer)
    return head is not None and at is not None and head.last_seq == at[0]


def _read(
    db: sqlite3.Connection,
    root: Path,
    source: str,
    writer: str,
    at: tuple[int, str],
    take: Take,
) -> None:
    seq, sha256 = at
    records = read_stream(root, source, writer, max(seq - 1, 0))
    if seq:
        first = next(records, None)
        if first is None or line_sha256(first.line) != sha256:
            raise IndexMismatch
    last = None
    for record in records:
        last = record
        if seq and is_loss_event(record.line):
            raise IndexMismatch  # what was read before may be lost since
        take(db, record)
    if last is not None:
        set_covered_position(db, writer, last.seq, line_sha256(last.line))
