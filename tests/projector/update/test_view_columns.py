"""Every column of every view is described, and the descriptions name only what exists."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from eventlog.errors import Invalid
from projector.definition import load_definitions, parse_definition
from projector.update.view_columns import (
    Columns,
    Use,
    added_by,
    describe_views,
    siblings,
    twin_of,
    uses,
)
from projector.views.columns.sentences import SIBLINGS, read_sentences, sentence_of, table_of

DEFINITIONS = load_definitions()
SENTENCES = read_sentences()
NAME = re.compile(r"`([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)`")


def test_every_column_of_every_view_has_a_sentence(view_columns: Mapping[str, Columns]) -> None:
    missing = [use for use in uses(SENTENCES, view_columns, DEFINITIONS) if use.table is None]

    assert missing == [], "add a sentence to projector/projections/columns.toml"


def test_a_new_column_without_a_sentence_is_reported(view_columns: Mapping[str, Columns]) -> None:
    tags = next(each for each in DEFINITIONS if each.name == "civitai.tags")
    changed = {**view_columns, tags.name: (*view_columns[tags.name], ("brand_new", "VARCHAR"))}

    missing = [use for use in uses(SENTENCES, changed, [tags]) if use.table is None]

    assert missing == [Use("civitai.tags", "brand_new", None)]
    with pytest.raises(Invalid, match=r"civitai\.tags: no sentence for the column 'brand_new'"):
        sentence_of(SENTENCES, "civitai.tags", "brand_new")


def test_every_sentence_is_about_a_column_that_exists(
    view_columns: Mapping[str, Columns],
) -> None:
    used = {(use.table, use.column) for use in uses(SENTENCES, view_columns, DEFINITIONS)}

    assert [name for name in sentences_by_name() if name not in used] == []


def test_a_sentence_names_only_views_and_columns_that_exist(
    view_columns: Mapping[str, Columns],
) -> None:
    qualified = {f"{view}.{name}" for view, pairs in view_columns.items() for name, _ in pairs}
    wrong = [
        (use.view, use.column, name)
        for use in uses(SENTENCES, view_columns, DEFINITIONS)
        if use.table is not None
        for name in NAME.findall(SENTENCES[use.table][use.column])
        if name not in view_columns and not {name, f"{use.view}.{name}"} & qualified
    ]

    assert wrong == []


def test_every_sentence_is_a_phrase_with_a_full_stop() -> None:
    texts = [SENTENCES[table][column] for table, column in sentences_by_name()]

    assert [text for text in texts if not re.fullmatch(r"\S.*[^.\s]\.", text)] == []


def test_the_siblings_of_all_views_of_entities_add_the_same_columns(
    view_columns: Mapping[str, Columns],
) -> None:
    names = [name for definition in DEFINITIONS for name in siblings(definition)]
    added = {
        suffix: {added_by(view_columns, name) for name in names if name.endswith(suffix)}
        for suffix in SIBLINGS
    }

    assert {suffix: len(found) for suffix, found in added.items()} == dict.fromkeys(SIBLINGS, 1)


def test_the_most_specific_sentence_counts() -> None:
    sentences = {
        "provenance": {"a": "1.", "b": "2.", "c": "3."},
        "shop": {"a": "4.", "b": "5."},
        "shop.books": {"a": "6."},
    }

    assert [sentence_of(sentences, "shop.books", name) for name in "abc"] == ["6.", "5.", "3."]
    assert sentence_of(sentences, "shop.authors", "a") == "4."
    assert table_of(sentences, "shop.books", "d") is None


def test_a_macro_that_chooses_rows_of_a_view_has_the_columns_of_that_view(
    view_columns: Mapping[str, Columns],
) -> None:
    assert twin_of(SENTENCES, view_columns, "civitai.images_of_user") == "civitai.images"
    assert twin_of(SENTENCES, view_columns, "civitai.images") is None
    assert twin_of(SENTENCES, view_columns, "civitai.version_of_hash") is None


def test_the_columns_are_those_that_the_view_has_not_those_that_its_definition_declares() -> None:
    text = """\
-- shop.books: one row per book
-- types: book
-- key: isbn VARCHAR
-- columns:
--   told_pages  /pages  text
SELECT * EXCLUDE (told_pages), as_int(told_pages) AS pages FROM event"""
    definition = parse_definition(text, "shop", "books")
    log = [each for each in DEFINITIONS if each.source == "log" and each.has_parts]

    columns = describe_views([definition, *log])

    assert columns["shop.books"][:2] == (("isbn", "VARCHAR"), ("pages", "BIGINT"))
    assert added_by(columns, "shop.books_all")[0] == (
        "_absent_since",
        "TIMESTAMP WITH TIME ZONE",
    )


def test_a_file_of_sentences_holds_texts_in_tables_only(tmp_path: Path) -> None:
    path = tmp_path / "columns.toml"
    path.write_text('a = "no table"\n')
    with pytest.raises(Invalid, match=r"columns.toml: expected only texts in \[a\]"):
        read_sentences(path)

    path.write_text("[shop]\na = 1\n")
    with pytest.raises(Invalid, match=r"columns.toml: expected only texts in \[shop\]"):
        read_sentences(path)


def sentences_by_name() -> Iterator[tuple[str, str]]:
    for table, sentences in SENTENCES.items():
        for column in sentences:
            yield table, column
