"""Rows of prices: each field, its list price, its discount, its reason and its end."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.projector.conftest import WRITER
from tests.projector.few import make_archive, rows
from tests.projector.logs import Page, Seen, hours

VIEWS = ("openrouter.models", "openrouter.endpoints", "openrouter.prices")
FIELDS = (
    *("prompt", "completion", "request", "image", "audio", "web_search", "internal_reasoning"),
    *("input_cache_read", "input_cache_write", "input_cache_write_1h"),
)
DAY, NIGHT = (
    {"utc_start": start, "prompt": prompt, "completion": completion}
    for start, prompt, completion in ((600, "0.5", "0.7"), (1800, "0.25", "0.35"))
)
DEARER = {**NIGHT, "prompt": "0.3"}

REASONS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "another window": (
        {"prompt": "0.5", "overrides": [DAY, NIGHT]},
        {"prompt": "0.25", "overrides": [DAY, NIGHT]},
        ["schedule"],
    ),
    "windows that changed too": (
        {"prompt": "0.25", "overrides": [DAY, NIGHT]},
        {"prompt": "0.3", "overrides": [DAY, DEARER]},
        ["price"],
    ),
    "windows that are new": (
        {"prompt": "0.25"},
        {"prompt": "0.5", "overrides": [DAY, NIGHT]},
        ["price"],
    ),
    "a price that another field has in a window": (
        {"prompt": "0.25", "overrides": [DAY, NIGHT]},
        {"prompt": "0.35", "overrides": [DAY, NIGHT]},
        ["price"],
    ),
    "a window beside a tier": (
        {"prompt": "0.5", "overrides": [DAY, {"min_prompt_tokens": 9, "prompt": "0.9"}]},
        {"prompt": "0.9", "overrides": [DAY, {"min_prompt_tokens": 9, "prompt": "0.9"}]},
        ["price"],
    ),
    "a window under a discount that stays": (
        {"prompt": "0.5", "discount": 0.1, "overrides": [DAY, NIGHT]},
        {"prompt": "0.25", "discount": 0.1, "overrides": [DAY, NIGHT]},
        ["schedule"],
    ),
    "a discount of all": ({"prompt": "0.5"}, {"prompt": "0", "discount": 1}, ["price+discount"]),
    "no longer a price but a router": ({"prompt": "0.5"}, {"prompt": "-1"}, ["schema"]),
    "a discount of 0 instead of none": ({"prompt": "0.5"}, {"prompt": "0.5", "discount": 0}, []),
    "other windows, the same price": (
        {"prompt": "0.5", "overrides": [DAY]},
        {"prompt": "0.5", "overrides": [DAY, NIGHT]},
        [],
    ),
}


def endpoint(id: str, shape: str = "list", **pricing: object) -> Seen:
    return Seen("endpoint", id, {"pricing": pricing}, shape)


def page(at: float, *seen: Seen) -> Page:
    return Page(hours(at), seen, f"r{at}", "/all", 1, True)


def prices(start: int, fields: Sequence[str] = FIELDS) -> dict[str, str]:
    return {field: f"0.{start + n:02d}" for n, field in enumerate(fields)}


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each id has a history of its own in the same three hours."""
    reasons = [[endpoint(id, **case[n]) for id, case in REASONS.items()] for n in (0, 1)]
    pages = [
        page(
            0,
            *reasons[0],
            Seen("model", "every", {"pricing": prices(10)}),
            endpoint("every", **prices(30)),
            endpoint("list", prompt="0.09", discount=0.1, completion="0.2"),
            endpoint("twice", prompt="1", completion="1"),
            endpoint("shapes", "list", prompt="1"),
            endpoint("shapes", "list?x=1", prompt="7"),
        ),
        page(
            1,
            *reasons[1],
            Seen("model", "every", {"pricing": prices(50)}),
            endpoint("every", **prices(70)),
            endpoint("list", prompt="0.08", discount=0.2, completion="0.1"),
            endpoint("twice", prompt="2", completion="1"),
            endpoint("shapes", "list", prompt="2"),
            endpoint("shapes", "list?x=1", prompt="7"),
        ),
        page(2, *reasons[1], endpoint("twice", prompt="2", completion="2")),
        page(3, *reasons[1], endpoint("twice", prompt="3", completion="2")),
    ]
    return make_archive(tmp_path_factory.mktemp("priced"), "openrouter", pages, *VIEWS)


def of(root: Path, id: str, columns: str, order: str = "1") -> list[tuple[Any, ...]]:
    return rows(
        root,
        f"SELECT {columns} FROM openrouter.prices WHERE entity = '{id}' ORDER BY {order}",
    )


@pytest.mark.parametrize("case", REASONS)
def test_a_change_of_a_price_has_a_reason(priced: Path, case: str) -> None:
    assert [row[0] for row in of(priced, case, "because")] == REASONS[case][2]


@pytest.mark.parametrize(("type_", "start", "count"), [("model", 10, 10), ("endpoint", 30, 9)])
def test_every_price_of_a_model_or_an_endpoint_has_rows(
    priced: Path, type_: str, start: int, count: int
) -> None:
    columns = "field, old, new, entity_type"
    found = [row[:3] for row in of(priced, "every", columns) if row[3] == type_]

    assert found == sorted(
        (field, Decimal(f"0.{start + n}"), Decimal(f"0.{start + 40 + n}"))
        for n, field in enumerate(FIELDS[:count])
    )


def test_a_list_price_is_before_the_discount_of_its_time(priced: Path) -> None:
    columns = "field, old, new, old_list, new_list, old_discount, new_discount, because"
    found = [tuple(map(str, row)) for row in of(priced, "list", columns)]
    digits = [tuple(value.rstrip("0").rstrip(".") for value in row) for row in found]

    assert digits == [
        ("completion", "0.2", "0.1", "0.22222222222222", "0.125", "0.1", "0.2", "price+discount"),
        ("prompt", "0.09", "0.08", "0.1", "0.1", "0.1", "0.2", "discount"),
    ]


def test_no_discount_is_a_discount_of_nothing(priced: Path) -> None:
    (found,) = of(priced, "a discount of all", "old_discount, new_discount, old_list, new_list")

    assert found == (0, 1, Decimal("0.5"), None)
    assert of(priced, "twice", "DISTINCT old_discount, new_discount") == [(0, 0)]


def test_a_price_ends_with_the_next_one_of_its_own_field(priced: Path) -> None:
    columns = "field, new, epoch_us(valid_from), epoch_us(valid_to)"

    assert of(priced, "twice", columns, "1, 3") == [
        ("completion", 2, hours(2), None),
        ("prompt", 2, hours(1), hours(3)),
        ("prompt", 3, hours(3), None),
    ]


def test_a_price_names_the_event_that_first_has_it(priced: Path) -> None:
    (event,) = of(priced, "list", "DISTINCT _shape, _hash, _segment, _seq")
    (body,) = rows(
        priced,
        f"SELECT shape, hash, segment, seq FROM log.events WHERE id = 'list' AND seq = {event[3]}",
    )

    assert event == body
    assert body[2] == f"openrouter/2026-11-01/01-{WRITER}-000"


def test_prices_of_two_shapes_are_not_compared(priced: Path) -> None:
    assert of(priced, "shapes", "_shape, old, new") == [("list", 1, 2)]


def test_a_change_of_a_price_per_token_is_also_per_million_tokens(priced: Path) -> None:
    columns = "field, old, new, old_usd_per_mtok, new_usd_per_mtok"
    changed = rows(priced, f"SELECT {columns} FROM openrouter.prices")
    per_use = {"request", "image", "web_search"}

    assert per_use < {field for field, *_ in changed}
    for field, old, new, *per_mtok in changed:
        expected = [None if price is None else float(price * 10**6) for price in (old, new)]
        assert per_mtok == ([None, None] if field in per_use else expected)
