"""Values of openrouter.models and openrouter.endpoints: prices, and values of a wrong type."""

import json
from decimal import Decimal

import pytest

from tests.projector.body_rows import build_archive, id_from, rows_of
from tests.projector.few import make_archive, rows
from tests.projector.logs import Page, Seen, hours
from tests.projector.projections import chosen

DEFINITIONS = chosen("openrouter.models", "openrouter.endpoints")


ROUTER = Seen(
    "model",
    "~x/auto:free",
    {"id": "~x/auto:free", "pricing": {"prompt": "-1", "completion": "0.0000000833333333333333"}},
)
DISCOUNTED = Seen(
    "endpoint",
    "a/b#c",
    {"tag": "c", "pricing": {"prompt": "0.0000002574", "completion": "0", "discount": 0.1}},
)


def test_prices_are_decimals_and_a_router_has_none(openrouter):
    columns = "prompt, completion, is_router, variant, author"

    assert rows_of(openrouter, "openrouter.models", ROUTER, columns) == [
        (None, Decimal("0.0000000833333333333333"), True, "free", "x")
    ]


def test_the_list_price_is_the_price_before_the_discount(openrouter):
    columns = "prompt, list_prompt, list_completion, model_id"

    assert rows_of(openrouter, "openrouter.endpoints", DISCOUNTED, columns) == [
        (Decimal("2.574E-7"), Decimal("2.86E-7"), Decimal(0), "a/b")
    ]


MISCAST = [
    ("context_length", 1.5, "1.5"),
    ("context_length", "many", "many"),
    ("context_length", 2**70, str(2**70)),
    ("name", {"en": "x"}, '{"en":"x"}'),
    ("created", "soon", "soon"),
    ("supported_parameters", "all", "all"),
    ("expiration_date", "never", "never"),
]


@pytest.mark.parametrize(("field", "value", "text"), MISCAST)
def test_a_value_of_a_wrong_type_is_null_and_listed_in_errors(openrouter, field, value, text):
    rows = rows_of(openrouter, "openrouter.models", miscast(field, value), f"{field}, _errors")

    assert rows == [(None, [{"path": f"/{field}", "value": text}])]


def miscast(field, value):
    """Returns a model with a value that does not fit the type of its column."""
    id = f"a/{field}-{id_from(str(value))}"
    return Seen("model", id, json.dumps({"id": id, field: value}, separators=(",", ":")).encode())


@pytest.fixture(scope="module")
def openrouter(tmp_path_factory):
    """Returns an archive with one body per case; each test reads its own."""
    entities = [ROUTER, DISCOUNTED, *(miscast(field, value) for field, value, _ in MISCAST)]
    return build_archive(tmp_path_factory.mktemp("openrouter"), "openrouter", entities, DEFINITIONS)


EXTREME = {
    "prompt": "90000000000000",
    "completion": "0",
    "discount": "0.999999999999999999999999",
    "overrides": "[not JSON",
}
"""Prices whose list price is too large for its type, and a text where a list belongs."""


def test_a_price_beyond_its_type_is_null_and_ends_no_query(tmp_path):
    steps = [{**EXTREME, "prompt": "1"}, EXTREME, {"prompt": "2", "discount": "-99999999999999.9"}]
    pages = [
        Page(hours(n), [Seen("endpoint", "a/b#c", {"tag": "c", "pricing": prices})], f"r{n}", "/e")
        for n, prices in enumerate(steps)
    ]
    views = ("openrouter.endpoints", "openrouter.models", "openrouter.prices", "log.quarantine")
    root = make_archive(tmp_path, "openrouter", pages, *views)

    columns = "prompt, list_prompt FROM openrouter.endpoints_versions ORDER BY valid_from"
    found = rows(root, f"SELECT {columns}")
    assert [row[0] for row in found] == [1, 90000000000000, 2]
    assert found[1][1] is None
    prices = rows(root, "SELECT field, new, because FROM openrouter.prices")
    assert ("prompt", 90000000000000, "price") in prices
    assert rows(root, "SELECT count(*) FROM log.quarantine") == [(0,)]
