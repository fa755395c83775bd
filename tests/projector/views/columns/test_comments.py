"""The views file describes its views, macros and columns itself."""

import contextlib

import duckdb
import pytest

from projector.definition import load_definitions
from projector.update.update import update
from projector.views.columns.comments import comments_for
from projector.views.columns.sentences import read_sentences, sentence_in_sibling
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS

OBJECTS = """
    SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT schema_name || '.' || function_name, comment FROM duckdb_functions() WHERE NOT internal
"""
COLUMNS = """
    SELECT concat_ws('.', schema_name, table_name, column_name), comment
    FROM duckdb_columns() WHERE NOT internal
"""


def comments(archive, query):
    """Returns the comments in a views file as any program reads them, by name."""
    path = archive / "views" / "hindlog.duckdb"
    with contextlib.closing(duckdb.connect(path, read_only=True)) as connection:
        return dict(connection.execute(query).fetchall())


@pytest.mark.parametrize("query", [OBJECTS, COLUMNS], ids=["views and macros", "columns"])
def test_no_view_macro_or_column_is_without_a_comment(empty_views, query):
    described = comments(empty_views, query)

    assert len(described) > 100
    assert [name for name, comment in described.items() if not comment] == []


def test_comments_are_the_sentences_of_the_page_of_the_views(empty_views):
    columns, objects = comments(empty_views, COLUMNS), comments(empty_views, OBJECTS)

    sentences = read_sentences()
    assert columns["openrouter.models.is_router"] == sentences["openrouter"]["is_router"]
    assert columns["openrouter.models_all._absent_since"] == sentences["_all"]["_absent_since"]
    assert objects["civitai.creators"] == "One row per creator."
    assert "openrouter.models as of the instant t" in objects["openrouter.models_at"]


def test_a_column_of_changes_is_described_as_such_whatever_its_view_has_under_the_name():
    sentences = {"shop.books": {"isbn": "Key.", "kind": "Genre."}, "_changes": {"kind": "add."}}

    described = [
        sentence_in_sibling(sentences, "shop.books", suffix, column, "isbn")
        for suffix, column in (("", "kind"), ("_changes", "kind"), ("_changes", "isbn"), ("", "x"))
    ]
    assert described == ["Genre.", "add.", "Key.", None]


def test_comments_stay_when_an_hour_adds_a_file_to_the_lists_of_files(archive):
    update(archive, definitions=MODELS)
    before = comments(archive, OBJECTS) | comments(archive, COLUMNS)
    listed = [model("a", "A3"), model("b", "B")]
    write_log(archive, "openrouter", WRITER, [Page(hours(3), listed, "r3", "/models", 1, True)])

    assert update(archive, definitions=MODELS).swapped
    assert comments(archive, OBJECTS) | comments(archive, COLUMNS) == before


def test_another_sentence_is_another_digest_so_that_the_views_file_is_written_again():
    definitions = load_definitions()
    comments = comments_for(definitions)

    assert comments.digest == comments_for(definitions).digest
    assert comments.digest != comments_for(definitions[:-1]).digest
