"""Views of sources with unusual names, and folders of the log that are no sources."""

from pathlib import Path

import pytest

from projector.definition import LOG, Definition, load_definitions, parse_definition
from projector.query.open_views import open_views
from projector.update.update import update
from tests.projector.logs import T0, Page, Seen, write_log

BOOKS = parse_definition("-- my-shop.books: one row per book\n-- types: book\n", "my-shop", "books")
LOG_DEFINITIONS = tuple(each for each in load_definitions() if each.source == LOG)


def page(at: int, source_id: str) -> Page:
    return Page(
        at, [Seen("book", source_id, {"id": source_id})], scope="/books", page_no=1, last=True
    )


@pytest.mark.parametrize("source", ["my-shop", "a-1_b", "main"])
def test_a_source_with_any_valid_name_has_views(tmp_path: Path, source: str) -> None:
    write_log(tmp_path, source, "0000000a", [page(T0, "one")])

    report = update(tmp_path, definitions=LOG_DEFINITIONS)

    with open_views(tmp_path) as connection:
        rows = connection.execute("SELECT source, id FROM log.events WHERE kind = 'entity'")
        assert not report.failed
        assert rows.fetchall() == [(source, "one")]


def test_a_source_with_a_hyphen_has_views_of_its_own(tmp_path: Path) -> None:
    write_log(tmp_path, "my-shop", "0000000a", [page(T0, "one")])
    definitions: tuple[Definition, ...] = (*LOG_DEFINITIONS, BOOKS)

    update(tmp_path, definitions=definitions)

    with open_views(tmp_path) as connection:
        assert connection.execute('SELECT id FROM "my-shop".books').fetchall() == [("one",)]


@pytest.mark.parametrize("folder", ["Backup copy", "2026", "lost+found", "UPPER"])
def test_a_folder_whose_name_no_source_can_have_is_ignored(tmp_path: Path, folder: str) -> None:
    write_log(tmp_path, "shop", "0000000a", [page(T0, "one")])
    (tmp_path / "log" / folder / "2026-11-01").mkdir(parents=True)

    report = update(tmp_path, definitions=LOG_DEFINITIONS)

    with open_views(tmp_path) as connection:
        assert not report.failed
        assert connection.execute("SELECT DISTINCT source FROM log.events").fetchall() == [
            ("shop",)
        ]
