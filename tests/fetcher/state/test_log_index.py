"""Indexes over the log: every event is given to them once, and none that is not durable."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from eventlog.format.event import Draft
from eventlog.read.reader import Record
from eventlog.write.append import Appended
from fetcher.record.journal import Journal, append_batches, batch_of, close_journal, open_journal
from fetcher.state import log_index as index
from fetcher.state.log_index import IndexMismatch, catch_up, covered_positions, open_index
from tests.fetcher.making import OTHER, WRITER, Hand

SCHEMA = "CREATE TABLE IF NOT EXISTS seen (writer TEXT, seq INTEGER)"


def take(db: sqlite3.Connection, record: Record) -> None:
    db.execute("INSERT INTO seen VALUES (?, ?)", (record.writer, record.seq))


def refuse(db: sqlite3.Connection, record: Record) -> None:
    take(db, record)
    if record.seq == 2:
        raise ValueError


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_index(tmp_path / "state" / "index.sqlite", SCHEMA)
    yield opened
    opened.close()


def say(journal: Journal, kind: str = "run") -> Appended:
    (done,) = append_batches(
        journal, [batch_of(Draft(kind=kind, run="run-1", epoch="2026-11-21T05"))]
    )
    return done


def append(root: Path, count: int, writer: str = WRITER) -> None:
    journal = open_journal(root, "civitai", writer, clock=Hand())
    for _ in range(count):
        say(journal)
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
        catch_up(db, tmp_path, "civitai", take, trust_heads=trust_heads)
        catch_up(db, tmp_path, "civitai", take, trust_heads=trust_heads)

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

    catch_up(db, tmp_path, "civitai", take, only=frozenset({OTHER}))

    assert seen(db) == [(OTHER, 1)]


def test_a_failed_catch_up_is_rolled_back(tmp_path: Path, db: sqlite3.Connection) -> None:
    append(tmp_path, 3)

    with pytest.raises(ValueError):
        catch_up(db, tmp_path, "civitai", refuse)

    assert (seen(db), covered_positions(db)) == ([], {})
    catch_up(db, tmp_path, "civitai", take)
    assert seen(db) == [(WRITER, 1), (WRITER, 2), (WRITER, 3)]


def test_a_just_appended_batch_is_applied_without_reading_the_log(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=Hand())
    for _ in range(2):
        index.apply_appended(db, say(journal), take)
    close_journal(journal)

    assert seen(db) == [(WRITER, 1), (WRITER, 2)]
    catch_up(db, tmp_path, "civitai", take)
    assert seen(db) == [(WRITER, 1), (WRITER, 2)]


def test_just_appended_entity_events_are_covered_but_not_applied(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=Hand())
    index.apply_appended(db, say(journal, "entity"), take)
    index.apply_appended(db, say(journal), take)
    close_journal(journal)

    assert seen(db) == [(WRITER, 2)]


def test_a_batch_after_unread_events_is_not_applied_until_they_are_read(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=Hand())
    first, second = say(journal), say(journal)
    index.apply_appended(db, second, take)
    assert (seen(db), covered_positions(db)) == ([], {})

    catch_up(db, tmp_path, "civitai", take)
    index.apply_appended(db, first, take)
    close_journal(journal)

    assert seen(db) == [(WRITER, 1), (WRITER, 2)]


def test_a_failed_application_of_a_batch_is_rolled_back(
    tmp_path: Path, db: sqlite3.Connection
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=Hand())
    index.apply_appended(db, say(journal), refuse)
    with pytest.raises(ValueError):
        index.apply_appended(db, say(journal), refuse)
    close_journal(journal)

    assert seen(db) == [(WRITER, 1)]


@pytest.mark.parametrize("trust_heads", [False, True])
def test_an_index_of_another_log_is_a_mismatch(
    tmp_path: Path, db: sqlite3.Connection, trust_heads: bool
) -> None:
    append(tmp_path / "other", 2)
    catch_up(db, tmp_path / "other", "civitai", take)
    clock = attrs.evolve(Hand(), at=Hand().at + 10**6)
    journal = open_journal(tmp_path, "civitai", WRITER, clock=clock)
    for _ in range(3):
        say(journal)
    close_journal(journal)

    with pytest.raises(IndexMismatch):
        catch_up(db, tmp_path, "civitai", take, trust_heads=trust_heads)
    with pytest.raises(IndexMismatch):
        catch_up(db, tmp_path / "empty", "civitai", take, trust_heads=trust_heads)


def test_an_index_is_kept_on_disk_and_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "index.sqlite"
    with open_index(path, SCHEMA) as db:
        db.execute("INSERT INTO seen VALUES ('x', 1)")
    db.close()
    kept = open_index(path, SCHEMA)
    assert seen(kept) == [("x", 1)]
    kept.close()

    path.write_bytes(b"no database, whatever its name says" * 99)

    fresh = open_index(path, SCHEMA)
    assert seen(fresh) == []
    fresh.close()
