"""OpenRouter's views: each column from its own pointer, in bodies with a value for every one."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.projector.few import make_archive, record, rows
from tests.projector.logs import Page, Seen, hours
from tests.projector.openrouter_bodies import (
    CATALOG,
    CATALOG_ROW,
    ENDPOINT,
    ENDPOINT_ROW,
    MODEL,
    MODEL_ROW,
    PRICES,
    PROVIDER,
    SITE,
    SITE_ROW,
)

VIEWS = ("models", "endpoints", "frontend_endpoints", "catalog", "providers", "offers", "authors")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    routed = {"pricing": dict.fromkeys(PRICES, "-1")}
    seen = [
        Seen("model", "~ann/m:free", MODEL),
        Seen("model", "bob/bare", {"id": "bob/bare", "hugging_face_id": ""}),
        Seen("model", "router", routed),
        Seen("model", "half", {"pricing": {"prompt": "0", "completion": "-1"}}),
        Seen("endpoint", "ann/m#p/fp8", ENDPOINT),
        Seen("endpoint", "bob/bare#t", {}),
        Seen("endpoint", "router#t", routed),
        Seen("endpoint", "free#t", {"pricing": {"prompt": "0.5", "discount": 1}}),
        Seen("endpoint", "uuid-1", SITE, "frontend"),
        Seen("endpoint", "uuid-2", {"id": "uuid-2"}, "frontend"),
        Seen("endpoint", "uuid-3", routed, "frontend"),
        Seen("catalog", "ann/m:free", CATALOG, "frontend"),
        Seen(
            "catalog", "old", {"slug": "old", "warning_message": "", "endpoint": None}, "frontend"
        ),
        Seen("catalog", "router", {"endpoint": {"id": "u", **routed}}, "frontend"),
        Seen("provider", "p", PROVIDER),
    ]
    views = [f"openrouter.{view}" for view in VIEWS]
    return make_archive(
        tmp_path_factory.mktemp("market"), "openrouter", [Page(hours(0), seen)], *views
    )


def nothing(names: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The same columns, empty but for some."""
    return {**dict.fromkeys(names), **more}


def test_a_model_has_every_column_from_its_own_pointer(market: Path) -> None:
    bare = nothing(MODEL_ROW, id="bob/bare", is_router=False, author="bob", variant="standard")

    assert record(market, "openrouter.models", "id = '~ann/m:free'") == MODEL_ROW
    assert record(market, "openrouter.models", "id = 'bob/bare'") == bare


def test_an_endpoint_has_every_column_from_its_own_pointer(market: Path) -> None:
    bare = nothing(ENDPOINT_ROW, id="bob/bare#t", model_id="bob/bare", is_router=False)

    assert record(market, "openrouter.endpoints", "tag = 'p/fp8'") == ENDPOINT_ROW
    assert record(market, "openrouter.endpoints", "id = 'bob/bare#t'") == bare


def test_an_endpoint_of_the_site_has_every_column_from_its_own_pointer(market: Path) -> None:
    bare = nothing(SITE_ROW, uuid="uuid-2")

    assert record(market, "openrouter.frontend_endpoints", "uuid = 'uuid-1'") == SITE_ROW
    assert record(market, "openrouter.frontend_endpoints", "uuid = 'uuid-2'") == bare


def test_a_row_of_the_catalog_has_every_column_from_its_own_pointer(market: Path) -> None:
    orphan = nothing(CATALOG_ROW, id="old", slug="old", is_orphan=True)

    assert record(market, "openrouter.catalog", "slug = 'ann/m'") == CATALOG_ROW
    assert record(market, "openrouter.catalog", "id = 'old'") == orphan


def test_a_provider_has_every_column_from_its_own_pointer(market: Path) -> None:
    assert record(market, "openrouter.providers") == PROVIDER


@pytest.mark.parametrize(
    ("view", "where", "count"),
    [
        ("models", "id = 'router'", 10),
        ("endpoints", "id = 'router#t'", 9),
        ("catalog", "id = 'router'", 2),
        ("frontend_endpoints", "uuid = 'uuid-3'", 6),
    ],
)
def test_a_router_has_no_price_of_any_kind(market: Path, view: str, where: str, count: int) -> None:
    row = record(market, f"openrouter.{view}", where)
    prices = [row[name] for name in (*PRICES, "list_prompt", "list_completion") if name in row]

    assert prices == [None] * (count + 2 * (view == "endpoints"))
    assert row.get("is_router", True)


def test_one_price_of_a_router_makes_a_router(market: Path) -> None:
    sql = "SELECT prompt, completion, is_router FROM openrouter.models WHERE id = 'half'"

    assert rows(market, sql) == [(0, None, True)]


def test_an_endpoint_that_costs_nothing_by_its_discount_has_no_list_price(market: Path) -> None:
    sql = "SELECT prompt, list_prompt FROM openrouter.endpoints WHERE id = 'free#t'"

    assert rows(market, sql) == [(Decimal("0.5"), None)]


def test_an_offer_is_its_endpoint_with_what_the_site_knows(market: Path) -> None:
    found = record(market, "openrouter.offers", "id = 'ann/m#p/fp8'")

    assert found == {
        **ENDPOINT_ROW,
        "endpoint_uuid": "uuid-1",
        "provider_region": "eu",
        "pricing_version_id": "pv",
        "model_is_listed": None,
    }


def test_an_offer_is_deranked_or_disabled_where_either_side_says_so(tmp_path: Path) -> None:
    """A value of the API takes precedence over one of the site."""

    def both(tag: str, from_api: dict[str, bool], on_site: dict[str, bool]) -> list[Seen]:
        site = {"model_variant_slug": "a", "provider_slug": tag, **on_site}
        return [
            Seen("endpoint", f"a#{tag}", {"tag": tag, **from_api}),
            Seen("endpoint", f"u-{tag}", site, "frontend"),
        ]

    seen = [
        *both("api", {"is_deranked": True, "is_disabled": False}, {}),
        *both("site", {}, {"is_deranked": False, "is_disabled": True}),
        *both("other", {"is_deranked": False}, {"is_deranked": True, "is_disabled": False}),
        *both("none", {}, {}),
    ]
    views = [f"openrouter.{view}" for view in VIEWS]
    root = make_archive(tmp_path, "openrouter", [Page(hours(0), seen)], *views)
    sql = "SELECT tag, endpoint_uuid, is_deranked, is_disabled FROM openrouter.offers ORDER BY 1"

    assert rows(root, sql) == [
        ("api", "u-api", True, False),
        ("none", "u-none", None, None),
        ("other", "u-other", False, False),
        ("site", "u-site", False, True),
    ]


def test_an_author_has_the_first_and_last_of_its_models_and_when_they_were_seen(
    tmp_path: Path,
) -> None:
    def model(id: str, created: int) -> Seen:
        return Seen("model", id, {"id": id, "created": created})

    listed = [[model("a/x", 300), model("a/y", 100)], [model("a/y", 100), model("a/z", 200)]]
    pages = [Page(hours(n), seen, f"r{n}", "/m", 1, True) for n, seen in enumerate(listed)]
    root = make_archive(tmp_path, "openrouter", pages, "openrouter.models", "openrouter.authors")
    columns = """author, models, models_ever, model_ids, epoch(first_created), epoch(last_created),
    epoch_us(_first_seen_at), epoch_us(_last_seen_at)"""

    assert rows(root, f"SELECT {columns} FROM openrouter.authors") == [
        ("a", 2, 3, ["a/y", "a/z"], 100, 300, hours(0), hours(1))
    ]


def test_an_endpoint_s_uptime_has_every_column_of_its_version(tmp_path: Path) -> None:
    def up(*percents: float) -> Seen:
        names = ("uptime_last_5m", "uptime_last_30m", "uptime_last_1d")
        body = {
            "tag": "t",
            "provider_name": "P",
            "status": 0,
            **dict(zip(names, percents, strict=True)),
        }
        return Seen("endpoint", "a/x#t", body)

    steps = [up(1, 2, 3), up(9, 2, 3), up(9, 8, 3), up(9, 8, 7)]
    pages = [Page(hours(n), [seen], f"r{n}", "/e", 1, True) for n, seen in enumerate(steps)]
    root = make_archive(tmp_path, "openrouter", pages, "openrouter.endpoints", "openrouter.uptime")
    columns = """endpoint_id, model_id, tag, provider_name, status, uptime_5m, uptime_30m,
    uptime_1d, epoch_us(valid_from), epoch_us(valid_to), _seq"""

    same = ("a/x#t", "a/x", "t", "P", 0)
    assert rows(root, f"SELECT {columns} FROM openrouter.uptime ORDER BY valid_from") == [
        (*same, 1, 2, 3, hours(0), hours(1), 1),
        (*same, 9, 2, 3, hours(1), hours(2), 3),
        (*same, 9, 8, 3, hours(2), hours(3), 5),
        (*same, 9, 8, 7, hours(3), None, 7),
    ]
