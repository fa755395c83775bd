"""Values of OpenRouter's models and endpoints: prices, routers, and values of a wrong type."""

import json
from decimal import Decimal

import pytest

from tests.projector.logs import Seen
from tests.projector.projections import chosen
from tests.projector.value_archives import archive_of, number_of, rows_of

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

    assert rows_of(openrouter, "openrouter", "models", ROUTER, columns) == [
        (None, Decimal("0.0000000833333333333333"), True, "free", "x")
    ]


def test_the_list_price_is_that_before_the_discount(openrouter):
    columns = "prompt, list_prompt, list_completion, model_id"

    assert rows_of(openrouter, "openrouter", "endpoints", DISCOUNTED, columns) == [
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
def test_a_value_that_does_not_cast_is_null_and_an_error(openrouter, field, value, text):
    found = rows_of(openrouter, "openrouter", "models", miscast(field, value), f"{field}, _errors")

    assert found == [(None, [{"path": f"/{field}", "value": text}])]


def miscast(field, value):
    """Returns a model with a value that its column does not accept."""
    id = f"a/{field}-{number_of(str(value))}"
    return Seen("model", id, json.dumps({"id": id, field: value}, separators=(",", ":")).encode())


@pytest.fixture(scope="module")
def openrouter(tmp_path_factory):
    """An archive with a body per case; each test reads the rows of its own."""
    seen = [ROUTER, DISCOUNTED, *(miscast(field, value) for field, value, _ in MISCAST)]
    return archive_of(tmp_path_factory.mktemp("openrouter"), "openrouter", seen, DEFINITIONS)
