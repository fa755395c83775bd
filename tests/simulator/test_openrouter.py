"""OpenRouter's answers: identities, pagination, endpoints, prices, frontend rows."""

import re
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.simulator.catalog import World
from fetcher.simulator.openrouter.prices import spell
from fetcher.simulator.world.rhythms import DAY
from tests.simulator.requesting import NOW, OR, F, get, get_json

WORLD = World(5)


def rows(now_us: int = NOW, **query: str | int) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = get_json(WORLD, f"{OR}/models", now_us, **query)["data"]
    return data


def test_the_default_list_is_text_only_and_all_lists_more() -> None:
    text, everything = rows(), rows(output_modalities="all")

    assert {"text"} == {o for row in text for o in row["architecture"]["output_modalities"]}
    assert len(everything) > len(text)
    assert [r["id"] for r in rows(output_modalities="image")] == [
        r["id"] for r in everything if r["architecture"]["output_modalities"] == ["image"]
    ]


def test_ids_are_unique_and_variants_share_their_canonical_slug() -> None:
    models = rows(output_modalities="all")
    shared = Counter(row["canonical_slug"] for row in models)
    suffixes = {row["id"].partition(":")[2] for row in models}

    assert len({row["id"] for row in models}) == len(models)
    assert max(shared.values()) > 1
    assert {"", "free", "batch", "thinking"} <= suffixes


def test_without_offset_and_limit_the_list_is_complete() -> None:
    page = get_json(WORLD, f"{OR}/models")

    assert page["total_count"] == len(page["data"])
    assert page["links"] == {"next": None}


@given(st.integers(1, 100))
def test_pages_of_any_size_add_up_to_the_complete_list(limit: int) -> None:
    met: list[Any] = []
    address: str | None = f"{OR}/models?offset=0&limit={limit}&output_modalities=all"
    while address is not None:
        path, _, query = address.partition("?")
        page = get_json(WORLD, path, **dict(pair.split("=") for pair in query.split("&")))
        met += page["data"]
        address = page["links"]["next"]

    assert met == rows(output_modalities="all")


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"offset": -1}, {"limit": "x"}])
def test_invalid_pages_get_a_400(query: dict[str, str | int]) -> None:
    assert get(WORLD, f"{OR}/models", **query).status == 400


def test_every_listed_model_has_an_endpoints_path() -> None:
    empty = set()
    for row in rows(output_modalities="all"):
        data = get_json(WORLD, f"{OR}/models/{row['id']}/endpoints")["data"]
        assert data["id"] == row["id"]
        if not data["endpoints"]:
            empty.add(row["id"])
        for endpoint in data["endpoints"]:
            assert "uuid" not in endpoint
            assert endpoint["model_id"] == row["id"]

    assert empty == {i for i in empty if i.startswith(("openrouter/", "~"))} != set()


def test_the_link_to_details_is_the_endpoints_path() -> None:
    for row in rows():
        assert get(WORLD, row["links"]["details"]).status == 200


def test_an_unknown_model_gets_a_404_with_the_code_in_the_body() -> None:
    response = get(WORLD, f"{OR}/models/nobody/nothing/endpoints")

    assert (response.status, response.body) == (
        404,
        b'{"error":{"code":404,"message":"Resource not found"}}',
    )


def test_two_models_always_have_two_endpoints_with_the_same_tag() -> None:
    def twins(now_us: int) -> set[tuple[str, str]]:
        repeated = set()
        for row in rows(now_us, output_modalities="all"):
            path = f"{OR}/models/{row['id']}/endpoints"
            tags = Counter(e["tag"] for e in get_json(WORLD, path, now_us)["data"]["endpoints"])
            repeated |= {(row["id"], tag) for tag, times in tags.items() if times > 1}
        return repeated

    assert len(twins(NOW)) == 2
    assert {i for i, _ in twins(NOW)} == {i for i, _ in twins(NOW + 25 * DAY)}


PLAIN = re.compile(r"-1|0|\d+(\.\d+)?")


def test_prices_are_decimal_strings_discounts_numbers_and_routers_cost_minus_one() -> None:
    discounts: set[type] = set()
    for row in rows(output_modalities="all"):
        price = {k: v for k, v in row["pricing"].items() if k != "overrides"}
        assert all(isinstance(v, str) and PLAIN.fullmatch(v) for v in price.values())
        assert (price["prompt"] == "-1") == row["id"].startswith("openrouter/")
        for endpoint in get_json(WORLD, f"{OR}/models/{row['id']}/endpoints")["data"]["endpoints"]:
            discounts.add(type(endpoint["pricing"]["discount"]))

    assert discounts == {int, float}


def test_some_prices_have_overrides_by_length_and_some_by_time_of_day() -> None:
    keys = {k for row in rows() for window in row["pricing"].get("overrides", []) for k in window}

    assert {"min_prompt_tokens", "utc_start", "utc_end", "prompt", "completion"} <= keys


def test_optional_keys_are_absent_in_some_rows_and_null_in_others() -> None:
    models = rows()

    assert {"benchmarks", "reasoning", "alias_target"} & set(models[0]) != {
        "benchmarks", "reasoning", "alias_target",
    }  # fmt: skip
    assert {"benchmarks", "reasoning", "alias_target"} <= {k for row in models for k in row}
    assert {None, ""} <= {row["hugging_face_id"] for row in models}
    assert {type(row["default_parameters"]) for row in models} == {dict, type(None)}
    assert any(row["expiration_date"] for row in models)


@given(st.integers(0, 10**20), st.sampled_from([14, 22]))
def test_a_written_amount_equals_the_amount_and_has_no_exponent(amount: int, digits: int) -> None:
    text = spell(amount, digits)

    assert Decimal(text) == Decimal(amount).scaleb(-digits)
    assert "E" not in text.upper()


def test_the_catalog_and_the_complete_list_agree_except_for_routers() -> None:
    catalog = get_json(WORLD, f"{F}/catalog/models")["data"]
    live = {
        row["slug"] + ("" if row["endpoint"]["variant"] == "standard" else
                       ":" + row["endpoint"]["variant"])
        for row in catalog if row["endpoint"]
    }  # fmt: skip
    listed = {r["id"] for r in rows(output_modalities="all")}

    assert live == {i for i in listed if not i.startswith("openrouter/")}
    assert any(row["endpoint"] is None for row in catalog)


def test_stats_contain_the_endpoint_of_the_catalog_row_and_retired_models_are_404() -> None:
    for row in get_json(WORLD, f"{F}/catalog/models")["data"]:
        variant = row["endpoint"]["variant"] if row["endpoint"] else "standard"
        response = get(WORLD, f"{F}/stats/endpoint", permaslug=row["permaslug"], variant=variant)
        if row["endpoint"] is None:
            assert response.status == 404
        else:
            assert row["endpoint"]["id"].encode() in response.body


def test_endpoint_uuids_are_unique_except_for_aliases() -> None:
    catalog = get_json(WORLD, f"{F}/catalog/models")["data"]
    counts = Counter(
        row["endpoint"]["id"]
        for row in catalog
        if row["endpoint"] and not row["slug"].startswith("~")
    )

    assert set(counts.values()) == {1}


def test_the_frontend_writes_the_same_prices_in_other_notations() -> None:
    skus = [
        value
        for row in get_json(WORLD, f"{F}/catalog/models")["data"]
        if row["endpoint"]
        for value in row["endpoint"]["pricing_json"].values()
    ]

    assert any(isinstance(v, str) and v.startswith(".") for v in skus)
    assert any(isinstance(v, str) and v.endswith("e-6") for v in skus)
    assert any(isinstance(v, float) for v in skus)


def test_an_unknown_path_gets_an_html_404() -> None:
    response = get(WORLD, f"{OR}/nothing/here")

    assert response.status == 404
    assert response.content_type.startswith("text/html")
