"""Definitions: the header of a projection, its errors, and the hash of what its rows depend on."""

from pathlib import Path

import pytest

from eventlog.errors import Invalid, NotFound
from projector.definition import (
    CASTS,
    Column,
    Definition,
    find_definitions,
    load_definitions,
    parse_definition,
)

BOOKS = """-- shop.books: one row per book
-- types: book, leaflet
-- shapes: detail* full, list*
-- key: isbn BIGINT
-- rows: many
-- macros: civitai_meta
-- a comment
-- columns:
--   title   /name          text
--   price   /pricing/eur   price
SELECT * FROM event WHERE title <> '';
"""


def test_a_header_gives_every_field_of_the_definition() -> None:
    books = parse_definition(BOOKS, "shop", "books")

    assert books == Definition(
        source="shop",
        view="books",
        summary="one row per book",
        reads="entity",
        types=("book", "leaflet"),
        shapes=(("detail*", "full"), ("list*",)),
        key=("isbn", "BIGINT"),
        has_many_rows=True,
        columns=(Column("title", "/name", "text"), Column("price", "/pricing/eur", "price")),
        parameters=(),
        macros=("civitai_meta",),
        json=(),
        usd_per_mtok=(),
        select="SELECT * FROM event WHERE title <> ''",
        hash=books.hash,
    )
    assert (books.name, books.is_view, books.has_parts) == ("shop.books", True, True)


def test_a_short_header_has_defaults() -> None:
    books = parse_definition("-- shop.books: books", "shop", "books")

    assert (books.types, books.shapes, books.key) == ((), (("*",),), ("id", "VARCHAR"))
    assert (books.has_many_rows, books.columns, books.macros) == (False, (), ())
    assert (books.reads, books.select) == ("entity", "SELECT * FROM event")


@pytest.mark.parametrize(
    ("reads", "is_view", "has_parts"),
    [
        ("entity", True, True),
        ("line", True, True),
        ("view", True, False),
        ("macro", False, False),
    ],
)
def test_views_and_macros_over_other_views_have_no_parts(
    reads: str, is_view: bool, has_parts: bool
) -> None:
    text = f"-- s.v: about\n-- reads: {reads}\n-- takes: a, b\nSELECT 1"
    definition = parse_definition(text, "s", "v")

    assert (definition.is_view, definition.has_parts) == (is_view, has_parts)
    assert definition.parameters == ("a", "b")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("-- reads: bodies", "shop.books: reads 'bodies'"),
        ("-- key: isbn", r"shop.books: expected 'key: name VARCHAR\|BIGINT', found 'isbn'"),
        ("-- key: ISBN BIGINT", "shop.books: expected 'key: name"),
        ("-- key: isbn INTEGER", "shop.books: expected 'key: name"),
        ("-- columns:\n--   title  /name  words", "'--   title  /name  words' is not a column"),
        ("-- columns:\n--   Title  /name  text", "'--   Title  /name  text' is not a column"),
        ("-- columns:\n--   title  name  text", "shop.books: expected 'name pointer cast' in"),
    ],
)
def test_an_invalid_field_or_column_is_named_in_the_error(header: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse_definition(f"-- shop.books: books\n{header}\n", "shop", "books")


@pytest.mark.parametrize(
    ("source", "view"), [("Shop", "books"), ("shop", "my-books"), ("shop", "1st"), ("shop", "")]
)
def test_names_that_cannot_be_sql_names_are_refused(source: str, view: str) -> None:
    with pytest.raises(Invalid, match="expected lower-case letters, digits and '_'"):
        parse_definition("-- x: x", source, view)


def test_the_hash_depends_on_the_text_and_not_on_the_name() -> None:
    books = parse_definition(BOOKS, "shop", "books")

    assert parse_definition(BOOKS, "store", "works").hash == books.hash
    assert parse_definition(BOOKS + "--", "shop", "books").hash != books.hash


def test_definitions_are_found_by_name_in_the_order_asked_for_and_once() -> None:
    known = [parse_definition(f"-- {name}: x", "shop", name) for name in ("a", "b", "c")]

    assert find_definitions(known, None) == known
    assert find_definitions(known, ["shop.c", "shop.a", "shop.c"]) == [known[2], known[0]]
    with pytest.raises(NotFound, match=r"no view 'shop\.d'"):
        find_definitions(known, ["shop.a", "shop.d"])


def test_definitions_are_loaded_in_the_order_of_source_and_view(tmp_path: Path) -> None:
    for source, view in (("shop", "b"), ("shop", "a"), ("farm", "z")):
        (tmp_path / source).mkdir(exist_ok=True)
        (tmp_path / source / f"{view}.sql").write_text(f"-- {source}.{view}: x")

    assert [definition.name for definition in load_definitions(tmp_path)] == [
        "farm.z",
        "shop.a",
        "shop.b",
    ]


def test_every_cast_has_a_macro() -> None:
    text = (Path(__file__).parents[2] / "projector/templates/parts/casts.sql").read_text()

    assert [cast for cast in CASTS if f"MACRO as_{cast}(" not in text] == []
