"""Index of stored bodies: it can be deleted, and never contradicts the log."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.body.split_rules import id_member
from eventlog.check.accept_loss import accept_loss
from eventlog.clock import DAY
from eventlog.errors import LocalResource
from eventlog.files.listing import list_segments
from eventlog.format.paths import sealed_path
from eventlog.write.writer import close_stream, open_stream
from fetcher.record.journal import close_journal, open_journal
from fetcher.split.response import body_digest
from fetcher.state.stored_bodies import StoredBody, can_reuse, stored_bodies_path
from tests.fetcher.making import START, WRITER, SteppingClock, append_page, page_of

PAGE = page_of({"id": 1}, {"id": 2})


def stored(root: Path, body: bytes = PAGE) -> int:
    journal = open_journal(root, "civitai", WRITER, clock=SteppingClock())
    try:
        return append_page(journal, body).stored
    finally:
        close_journal(journal)


def test_a_new_process_finds_the_stored_bodies(tmp_path: Path) -> None:
    assert [stored(tmp_path), stored(tmp_path)] == [2, 0]


def test_a_deleted_index_is_rebuilt_from_the_log(tmp_path: Path) -> None:
    stored(tmp_path)
    stored_bodies_path(tmp_path, "civitai", WRITER).unlink()

    assert stored(tmp_path) == 0


def test_an_older_index_catches_up_with_the_log(tmp_path: Path) -> None:
    stored(tmp_path)
    path = stored_bodies_path(tmp_path, "civitai", WRITER)
    old = path.read_bytes()
    stored(tmp_path, page_of({"id": 3}))
    path.write_bytes(old)

    assert stored(tmp_path, page_of({"id": 1}, {"id": 3})) == 0


def test_an_index_of_another_log_is_replaced(tmp_path: Path) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    other.mkdir()
    stored(first)
    stored(other, page_of({"id": 7}, {"id": 8}))
    path = stored_bodies_path(first, "civitai", WRITER)
    stored_bodies_path(other, "civitai", WRITER).write_bytes(path.read_bytes())

    assert stored(other) == 2


@pytest.mark.parametrize("damage", [b"", b"no database at all", b"\0" * 8192])
def test_a_damaged_index_is_rebuilt(tmp_path: Path, damage: bytes) -> None:
    stored(tmp_path)
    stored_bodies_path(tmp_path, "civitai", WRITER).write_bytes(damage)

    assert stored(tmp_path) == 0


def test_the_bodies_of_a_batch_that_was_not_written_are_discarded(tmp_path: Path) -> None:
    clock = SteppingClock()
    journal = open_journal(tmp_path, "civitai", WRITER, clock=clock)
    append_page(journal, page_of({"id": 9}))
    clock.at -= 3_600_000_000
    with pytest.raises(LocalResource):
        append_page(journal, PAGE)
    clock.at += 3_600_000_000

    assert append_page(journal, PAGE).stored == 2
    close_journal(journal)


def test_each_shape_of_an_entity_has_its_own_stored_body(tmp_path: Path) -> None:
    from eventlog.body.split_rules import Rule

    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    detail = (Rule("/items", "model", "detail", id_member("id")),)
    append_page(journal, PAGE)

    assert append_page(journal, PAGE, detail).stored == 2
    close_journal(journal)


def test_a_body_in_an_accepted_loss_is_not_reused(tmp_path: Path) -> None:
    stored(tmp_path)
    close_stream(open_stream(tmp_path, "civitai", WRITER, clock=SteppingClock()), seal_open=True)
    stored(tmp_path, page_of({"id": 3}))
    lost = list_segments(tmp_path, "civitai", WRITER)[0].name
    sealed_path(tmp_path, lost).unlink()
    accept_loss(tmp_path, lost, clock=SteppingClock())

    assert stored(tmp_path, page_of({"id": 1}, {"id": 3})) == 1


def test_an_index_with_other_columns_is_replaced(tmp_path: Path) -> None:
    stored(tmp_path)
    path = stored_bodies_path(tmp_path, "civitai", WRITER)
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE seen; CREATE TABLE seen (type TEXT, id TEXT PRIMARY KEY)")

    assert stored(tmp_path) == 0


def test_entities_of_several_insert_statements_are_found_again(tmp_path: Path) -> None:
    many = page_of(*({"id": number} for number in range(1_501)))

    assert [stored(tmp_path, many), stored(tmp_path, many)] == [1_501, 0]


@pytest.mark.parametrize(
    ("body", "days", "is_same"),
    [(b"a", 0, True), (b"a", 29.99, True), (b"a", 30, False), (b"a", -30, False), (b"b", 0, False)],
)
def test_a_stored_body_is_reused_while_it_is_equal_and_younger_than_thirty_days(
    body: bytes, days: float, is_same: bool
) -> None:
    stored_body = StoredBody(body_digest(b"a"), 1, START, "c1:0")

    assert can_reuse(stored_body, body_digest(body), START + int(days * DAY)) is is_same
    assert not can_reuse(None, body_digest(body), START)
