"""A statement is a value; of its stored text only the string constants are read."""

import pytest

from projector.views.statement import Statement, differ_in_files_only, named_files

ONE_FILE = (
    "FROM read(['parts/a/x/schema.parquet'], split('2026~parts/a/x/2026-1.parquet', ','), '')"
)
TWO_FILES = (
    "FROM read(['parts/a/x/schema.parquet', 'parts/a/x/open-1.parquet'], "
    "split('2026~parts/a/x/2026-1.parquet,2027~parts/a/x/2027-2.parquet', ','), '2026,2027')"
)


def test_a_view_and_a_macro_are_created_or_replaced_by_name() -> None:
    view = Statement("VIEW", '"shop"."books"', " AS FROM t")
    macro = Statement("MACRO", '"shop"."books_at"', "(t) AS TABLE\nFROM f(t)")

    assert view.text == 'CREATE VIEW "shop"."books" AS FROM t;'
    assert view.replacing == 'CREATE OR REPLACE VIEW "shop"."books" AS FROM t;'
    assert macro.text == 'CREATE MACRO "shop"."books_at"(t) AS TABLE\nFROM f(t);'
    assert macro.title == 'CREATE MACRO "shop"."books_at"'


def test_a_schema_is_created_once_and_never_replaced() -> None:
    schema = Statement("SCHEMA", '"shop"')

    assert schema.text == schema.replacing == 'CREATE SCHEMA IF NOT EXISTS "shop";'


def test_text_that_looks_like_a_create_statement_stays_in_the_definition() -> None:
    view = Statement("VIEW", '"shop"."books"', " AS SELECT 'CREATE VIEW x' AS sql")

    assert view.replacing.count("OR REPLACE") == 1
    assert "'CREATE VIEW x'" in view.replacing


def test_statements_with_other_files_of_the_same_folders_differ_in_files_only() -> None:
    assert differ_in_files_only(ONE_FILE, TWO_FILES)


@pytest.mark.parametrize(
    "other",
    [
        TWO_FILES.replace("a/x/2027", "a/y/2027"),
        TWO_FILES.replace("FROM", "SELECT b FROM"),
        TWO_FILES.replace("split(", "SPLIT("),
        TWO_FILES + " WHERE name = 'b'",
    ],
    ids=["another folder", "other columns", "another function", "another constant"],
)
def test_statements_that_differ_elsewhere_do_not_differ_in_files_only(other: str) -> None:
    assert not differ_in_files_only(ONE_FILE, other)


def test_a_constant_that_is_no_file_list_is_compared() -> None:
    assert not differ_in_files_only("SELECT 'red'", "SELECT 'blue'")
    assert not differ_in_files_only("SELECT 'a.parquet of b'", "SELECT 'b.parquet of b'")


def test_named_files_are_those_in_string_constants() -> None:
    text = """-- don't read 'parts/a/x/comment.parquet'
    SELECT 'it''s', 'parts/é/x/1.parquet' AS "parts/a/x/column.parquet"
    FROM read(split('2026~parts/a/x/2.parquet~parts/a/x/3.parquet,2027~parts/a/x/4.parquet'))"""

    assert named_files([text]) == {
        "parts/é/x/1.parquet",
        *(f"parts/a/x/{n}.parquet" for n in (2, 3, 4)),
    }


def test_a_damaged_text_names_what_can_be_read_of_it() -> None:
    assert named_files(["\0'parts/a/x/1.parquet', 'parts/a/x/2.par"]) == {"parts/a/x/1.parquet"}
