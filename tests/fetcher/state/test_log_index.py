"""Indexes over the log: every durable event is applied once."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from eventlog.format.event import Draft
from eventlog.read.reader import Record
from eventlog.write.append import Appended
from fetcher.record.journal import Journal, append_batches, batch_of, close_journal, open_journal
from fetcher.state.log_index import (
    IndexMismatch,
    apply_appended,
    catch_up,
    covered_positions,
    is_entity_line,
    open_index,
)
from tests.fetcher.making import OTHER, WRITER, SteppingClock

SCHEMA = "CREATE TABLE IF NOT EXISTS seen (writer TEXT, seq INTEGER)"


def insert(db: sqlite3.Connection, record: Record) -> None:
    db.execute("INSERT INTO seen VALUES (?, ?)", (record.writer, record.seq))


def fail_at_2(db: sqlite3.Connection, record: Record) -> None:
    insert(db, record)
    if record.seq == 2:
        raise ValueError


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_index(tmp_path / "state" / "index.sqlite", SCHEMA)
    yield opened
    opened.close()


def append_event(journal: Journal, kind: str = "run") -> Appended:
    (done,) = append_batches(
        journal, [batch_of(Draft(kind=kind, run="run-1", epoch="2026-11-21T05"))]
    )
    return done


def append(root: Path, count: int, writer: str = WRITER) -> None:
    journal = open_journal(root, "civitai", writer, clock=SteppingClock())
    for _ in range(count):
        append_event(journal)
    close_journal(journal)


def seen(db: sqlite3.Connection) -> list[tuple[str, int]]:
    return db.execute("SELECT writer, seq FROM seen ORDER BY rowid").fetchall()


@pytest.mark.parametrize("trust_heads", [False, True])
def test_every_event_is_applied_once_and_those_of_a_writer_in_order(
    tmp_path: Path, db: sqlite3.Connection, trust_heads: bool
) -> None:
    for _ in range(2):
        append(tmp_path, 2)
        append(tmp_path, 1, OTHER)
        catch_up(db, tmp_path, "civitai", insert, trust_heads=trust_heads)
        catch_up(db, tmp_path, "civitai", insert, trust_heads=trust_heads)

    assert seen(db) == [
        (WRITER, 1),
        (WRITER, 2),
        (OTHER, 1),
        (WRITER, 3),
        (WRITER, 4),
        (OTHER, 2),
    ]
    assert {writer: seq for writer, (seq, _) in covered_positions(db).items()} == {
        WRITER: 4,
        OTHER: 2,
    }


def test_the_streams_of_other_writers_can_be_ignored(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    append(tmp_path, 1)
    append(tmp_path, 1, OTHER)

    catch_up(db, tmp_path, "civitai", insert, only=frozenset({OTHER}))

    assert seen(db) == [(OTHER, 1)]


def test_a_failed_catch_up_is_rolled_back(tmp_path: Path, db: sqlite3.Connection) -> None:
    append(tmp_path, 3)

    with pytest.raises(ValueError):
        catch_up(db, tmp_path, "civitai", fail_at_2)

    assert (seen(db), covered_positions(db)) == ([], {})
    catch_up(db, tmp_path, "civitai", insert)
    assert seen(db) == [(WRITER, 1), (WRITER, 2), (WRITER, 3)]


def test_a_just_appended_batch_is_applied_without_reading_the_log(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    for _ in range(2):
        apply_appended(db, append_event(journal), insert)
    close_journal(journal)

    assert seen(db) == [(WRITER, 1), (WRITER, 2)]
    catch_up(db, tmp_path, "civitai", insert)
    assert seen(db) == [(WRITER, 1), (WRITER, 2)]


def test_just_appended_entity_events_are_covered_but_not_applied(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    apply_appended(db, append_event(journal, "entity"), insert)
    apply_appended(db, append_event(journal), insert)
    close_journal(journal)

    assert seen(db) == [(WRITER, 2)]


def test_a_batch_after_unread_events_is_not_applied_until_they_are_read(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    first, second = append_event(journal), append_event(journal)
    apply_appended(db, second, insert)
    assert (seen(db), covered_positions(db)) == ([], {})

    catch_up(db, tmp_path, "civitai", insert)
    apply_appended(db, first, insert)
    close_journal(journal)

    assert seen(db) == [(WRITER, 1), (WRITER, 2)]


def test_a_failed_application_of_a_batch_is_rolled_back(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    apply_appended(db, append_event(journal), fail_at_2)
    with pytest.raises(ValueError):
        apply_appended(db, append_event(journal), fail_at_2)
    close_journal(journal)

    assert seen(db) == [(WRITER, 1)]


@pytest.mark.parametrize("trust_heads", [False, True])
def test_an_index_of_another_log_is_a_mismatch(
    tmp_path: Path, db: sqlite3.Connection, trust_heads: bool
) -> None:
    append(tmp_path / "other", 2)
    catch_up(db, tmp_path / "other", "civitai", insert)
    clock = attrs.evolve(SteppingClock(), at=SteppingClock().at + 10**6)
    journal = open_journal(tmp_path, "civitai", WRITER, clock=clock)
    for _ in range(3):
        append_event(journal)
    close_journal(journal)

    with pytest.raises(IndexMismatch):
        catch_up(db, tmp_path, "civitai", insert, trust_heads=trust_heads)
    with pytest.raises(IndexMismatch):
        catch_up(db, tmp_path / "empty", "civitai", insert, trust_heads=trust_heads)


def test_an_index_is_kept_on_disk_and_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "index.sqlite"
    with open_index(path, SCHEMA) as db:
        db.execute("INSERT INTO seen VALUES ('x', 1)")
    db.close()
    reopened = open_index(path, SCHEMA)
    assert seen(reopened) == [("x", 1)]
    reopened.close()

    path.write_bytes(b"not a database" * 99)

    fresh = open_index(path, SCHEMA)
    assert seen(fresh) == []
    fresh.close()


def test_an_entity_line_is_recognised_by_its_first_bytes() -> None:
    head = b'{"v":1,"kind":"entity"'

    assert is_entity_line(head + b',"body":{}}')
    assert not is_entity_line(b'{"v":1,"kind":"page","body":{}}')
    assert not is_entity_line(b'{"v":1,"kind":"page","url":"' + b"x" * 200 + head)


def test_an_index_with_tables_of_another_version_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    for schema in (SCHEMA, SCHEMA.replace("seq INTEGER", "seq INTEGER, run TEXT")):
        db = open_index(path, schema)
        assert db.execute("SELECT count(*) FROM seen").fetchone() == (0,)
        db.execute("INSERT INTO seen (writer, seq) VALUES ('a', 1)")
        db.close()
        db = open_index(path, schema)
        assert db.execute("SELECT count(*) FROM seen").fetchone() == (1,)
        db.close()
