"""Dependencies between views come from the parser, not from the text."""

import pytest

from eventlog.errors import Invalid
from projector.definition import Definition, load_definitions, parse_definition
from projector.views.dependencies import (
    dependencies,
    in_dependency_order,
    referenced_tables,
    with_dependencies,
    with_inputs,
)

BOOKS = parse_definition("-- shop.books: x\n-- types: book\n", "shop", "books")
BOOKS_SOLD = parse_definition("-- shop.books_sold: x\n-- types: sale\n", "shop", "books_sold")
EVERY_VIEW_NEEDS = ("log.events", "log.sightings", "log.pages")


def view(name: str, select: str, reads: str = "view") -> Definition:
    return parse_definition(f"-- shop.{name}: x\n-- reads: {reads}\n{select}", "shop", name)


def tables_of(select: str) -> frozenset[str]:
    return referenced_tables((select,))[select]


@pytest.mark.parametrize(
    ("select", "tables"),
    [
        ("SELECT * FROM shop.books", {"shop.books"}),
        ('FROM Shop."Books"', {"shop.books"}),
        ("FROM a.b JOIN c.d USING (id)", {"a.b", "c.d"}),
        ("SELECT (SELECT max(id) FROM a.b)", {"a.b"}),
        ("FROM shop.books_at('2026-01-01')", {"shop.books_at"}),
        ("WITH cte AS (FROM a.b) FROM cte", {"a.b"}),
        ("SELECT 'FROM a.b' AS text, c.d FROM e.f AS c -- FROM g.h", {"e.f"}),
        ("PIVOT a.b ON id IN (1, 2) USING count(*)", {"a.b"}),
        ("SELECT FROM WHERE", set()),
    ],
)
def test_tables_are_the_qualified_names_that_the_parser_finds(
    select: str, tables: set[str]
) -> None:
    assert tables_of(select) == tables


def test_a_view_does_not_depend_on_one_whose_name_its_dependency_begins_with() -> None:
    sold = view("dear", "SELECT * FROM shop.books_sold WHERE 'shop.books' <> ''")

    assert dependencies([BOOKS, BOOKS_SOLD, sold])["shop.dear"] == {"shop.books_sold"}


@pytest.mark.parametrize("name", ["books_all", "books_versions_at(NULL)", "books_changes"])
def test_a_sibling_of_a_view_is_provided_by_its_definition(name: str) -> None:
    reader = view("reader", f"SELECT * FROM shop.{name}")

    assert dependencies([BOOKS, reader])["shop.reader"] == {"shop.books"}


def test_dependencies_of_dependencies_are_wanted_too_and_others_are_not() -> None:
    first = view("first", "FROM shop.second(1)")
    second = view("second", "FROM shop.books", reads="macro")
    known = [first, second, BOOKS, BOOKS_SOLD]

    assert with_dependencies(known, [first]) == [first, second, BOOKS]


def names(definitions: list[Definition]) -> list[str]:
    return [definition.name for definition in definitions]


def test_the_inputs_of_a_view_are_what_it_reads_and_three_views_of_the_log() -> None:
    known = load_definitions()
    prices = [definition for definition in known if definition.name == "openrouter.prices"]
    read = ["openrouter.endpoints", "openrouter.models", "openrouter.prices"]

    assert names(with_inputs(known, prices)) == [*sorted(EVERY_VIEW_NEEDS), *read]
    assert names(with_inputs(known, [])) == sorted(EVERY_VIEW_NEEDS)


def test_images_of_a_lora_need_images_and_no_other_macro() -> None:
    known = load_definitions()
    (lora,) = [each for each in known if each.name == "civitai.images_of_lora"]

    wanted = {each.name for each in with_dependencies(known, [lora]) if each.source != "log"}

    assert wanted == {
        "civitai.images_of_lora",
        "civitai.images",
        "civitai.image_resources",
        "civitai.mentions",
        "civitai.files",
        "civitai.model_versions",
    }


def test_the_log_s_own_definitions_are_always_wanted() -> None:
    wanted = {each.name for each in with_dependencies(load_definitions(), [])}

    assert set(EVERY_VIEW_NEEDS) <= wanted


def test_each_view_comes_after_those_it_reads() -> None:
    first, second = view("first", "FROM shop.second"), view("second", "FROM shop.third")
    third = view("third", "SELECT 'shop.first' AS name")

    assert in_dependency_order([first, second, third]) == [third, second, first]


def test_views_that_read_each_other_are_refused_with_their_names() -> None:
    first, second = view("first", "FROM shop.second"), view("second", "FROM shop.first")

    with pytest.raises(Invalid, match=r"shop\.first, shop\.second"):
        in_dependency_order([first, second])
