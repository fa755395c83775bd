"""What views make of stored columns: the type JSON, and prices per million tokens."""

import contextlib
from decimal import Decimal, localcontext

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.definition import load_definitions, parse_definition
from projector.engine.sql_text import fill
from projector.query.open_views import open_views
from tests.projector.few import make_archive, rows
from tests.projector.logs import Page, Seen, hours

PRICES = st.none() | st.decimals(
    min_value=Decimal(0), max_value=Decimal(10) ** 14 - 1, places=24, allow_nan=False
)
JSON_COLUMNS = {
    *("civitai.images.meta", "openrouter.models.overrides", "openrouter.models.benchmarks"),
    *("openrouter.models.reasoning", "openrouter.endpoints.latency"),
    *("openrouter.endpoints.throughput", "openrouter.endpoints.data_policy"),
    *("openrouter.frontend_endpoints.pricing_json", "openrouter.models_versions.overrides"),
    *("openrouter.frontend_endpoints.display_pricing", "openrouter.models_all._params"),
    *("openrouter.models_changes.old", "openrouter.models_changes.new", "log.pages.params"),
    *("openrouter.offers.overrides", "openrouter.offers.latency"),
}


@given(st.lists(PRICES, min_size=1, max_size=50))
def test_a_price_per_million_tokens_is_the_exact_product_rounded_once(prices):
    column = fill("usd_per_mtok", price="price", name="per_mtok")
    texts = [None if price is None else str(price) for price in prices]
    with contextlib.closing(duckdb.connect()) as connection:
        computed = connection.execute(
            f"SELECT {column} FROM (SELECT unnest($1)::DECIMAL(38, 24) AS price)", [texts]
        ).fetchall()

    with localcontext(prec=60):
        exact = [None if price is None else float(price * 10**6) for price in prices]
    assert [price for (price,) in computed] == exact


def test_a_price_that_people_write_is_as_they_write_it_per_million_tokens():
    column = fill("usd_per_mtok", price="price::DECIMAL(38, 24)", name="per_mtok")
    texts = ["0.000003", "0.00000015", "0.0000025", "0.0000001", "0"]
    rows = duckdb.execute(f"SELECT {column} FROM (SELECT unnest($1) AS price)", [texts]).fetchall()

    assert [value for (value,) in rows] == [3.0, 0.15, 2.5, 0.1, 0.0]


def test_every_column_with_json_has_the_type_json(view_columns):
    types = {f"{view}.{name}": kind for view, pairs in view_columns.items() for name, kind in pairs}

    assert {name: types[name] for name in JSON_COLUMNS} == dict.fromkeys(JSON_COLUMNS, "JSON")


def test_every_declared_column_of_json_that_a_view_shows_has_the_type_json(view_columns):
    for definition in load_definitions():
        declared = {column.name for column in definition.columns if column.cast == "json"}
        shown = dict(view_columns[definition.name])

        assert {shown[name] for name in declared & set(shown)} <= {"JSON"}, definition.name


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, None]}, '{"a":[1,null]}'),
        ([1], "[1]"),
        ("plain text", "plain text"),
        (1.5, "1.5"),
    ],
)
def test_any_value_that_upstream_sends_is_read_as_json(tmp_path, value, shown):
    page = Page(hours(0), [Seen("model", "a", {"benchmarks": value})])
    root = make_archive(tmp_path, "openrouter", [page], "openrouter.models")
    sql = "SELECT typeof(benchmarks), benchmarks->>'$' FROM openrouter.models"

    assert rows(root, sql) == [("JSON", shown)]


def test_what_only_the_view_depends_on_rebuilds_no_part():
    text = (
        "-- shop.a: one row per a\n-- types: a\n-- columns:\n--   x  /x  json\nSELECT * FROM event"
    )
    with_fields = text.replace("-- columns", "-- json: x\n-- usd_per_mtok: y\n-- columns")
    definition = parse_definition(with_fields, "shop", "a")

    assert (definition.json, definition.usd_per_mtok) == (("x",), ("y",))
    assert definition.hash == parse_definition(text, "shop", "a").hash
    assert definition.hash != parse_definition(text.replace("/x", "/z"), "shop", "a").hash


def test_the_views_are_read_without_any_extension_that_is_not_built_in(empty_views, tmp_path):
    with contextlib.closing(open_views(empty_views)) as connection:
        for setting in ("autoload_known_extensions", "autoinstall_known_extensions"):
            connection.execute(f"SET {setting} = false")
        connection.execute("SET extension_directory = ?", [str(tmp_path / "none")])
        connection.execute("SELECT overrides->>'$' FROM openrouter.offers").fetchall()
        loaded = connection.execute(
            "SELECT DISTINCT install_mode FROM duckdb_extensions() WHERE loaded"
        ).fetchall()

    assert loaded == [("STATICALLY_LINKED",)]
