"""OpenRouter: requests of a sync, scopes, shapes, identities, tombstones and templates."""

import json
from typing import Any

import pytest

from eventlog.body.split import split
from eventlog.body.split_rules import Entity
from eventlog.clock import HOUR
from fetcher.source import Params
from fetcher.sources import SOURCES

OPENROUTER = SOURCES["openrouter"]
LISTINGS = {listing.name: listing for listing in OPENROUTER.listings}
MODELS = "/api/v1/models"
ENDPOINTS = "/api/v1/models/:author/:slug/endpoints"
MODEL = "/api/v1/model/:author/:slug"
CATALOG = "/api/frontend/v1/catalog/models"
STATS = "/api/frontend/v1/stats/endpoint"


def test_a_sync_requests_every_listing_after_those_that_it_follows() -> None:
    assert OPENROUTER.base_url == "https://openrouter.ai"
    assert [(listing.name, listing.path, listing.params) for listing in OPENROUTER.listings] == [
        ("models", MODELS, {}),
        ("models-all", MODELS, {"output_modalities": "all"}),
        ("providers", "/api/v1/providers", {}),
        ("endpoints", ENDPOINTS, {}),
        ("catalog", CATALOG, {}),
        ("all-providers", "/api/frontend/v1/all-providers", {}),
        ("stats", STATS, {}),
        ("gone-models", MODEL, {}),
        ("gone-endpoints", ENDPOINTS, {}),
    ]
    assert all(listing.by_default for listing in OPENROUTER.listings)
    assert [follow.listing for follow in LISTINGS["endpoints"].follow_ups] == [
        "models",
        "models-all",
    ]
    assert [follow.listing for follow in LISTINGS["stats"].follow_ups] == ["catalog"]
    assert all(
        follow.fetches is None for listing in OPENROUTER.listings for follow in listing.follow_ups
    )


@pytest.mark.parametrize(
    ("path", "params", "scope"),
    [
        (MODELS, {}, MODELS),
        (MODELS, {"output_modalities": "all"}, f"{MODELS}?output_modalities=all"),
        (MODELS, {"category": "programming"}, f"{MODELS}?category=programming"),
        (
            MODELS,
            {"supported_parameters": "tools", "q": "x"},
            f"{MODELS}?q=x&supported_parameters=tools",
        ),
        (MODELS, {"offset": "1", "limit": "2", "sort": "x", "use_rss": "true"}, MODELS),
        (MODELS, {"use_rss_chat_links": "true"}, MODELS),
        (ENDPOINTS, {"author": "a", "slug": "b:free"}, "/api/v1/models/a/b:free/endpoints"),
        ("/api/v1/providers", {}, "/api/v1/providers"),
        (MODEL, {"author": "a", "slug": "b"}, None),
        (CATALOG, {}, CATALOG),
        (STATS, {"permaslug": "a/b", "variant": "free"}, f"{STATS}?permaslug=a/b&variant=free"),
        ("/api/frontend/v1/all-providers", {}, "/api/frontend/v1/all-providers"),
    ],
)
def test_every_listing_has_a_scope_that_names_its_filters(
    path: str, params: Params, scope: str | None
) -> None:
    assert OPENROUTER.endpoint(path).scope(params) == scope


def entity(type_: str, id_: str, **body: Any) -> Entity:
    return Entity("/data", type_, "list", id_, json.dumps(body).encode(), None)


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("a/b", [{"author": "a", "slug": "b"}]),
        ("a/b:free", [{"author": "a", "slug": "b:free"}]),
        ("a/b/c", [{"author": "a", "slug": "b/c"}]),
        ("~a/b-latest", []),
        ("alone", []),
        ("a/", []),
    ],
)
def test_endpoints_are_requested_for_every_model_except_aliases_and_invalid_ids(
    id_: str, expected: list[Params]
) -> None:
    for follow in LISTINGS["endpoints"].follow_ups:
        assert follow.type == "model"
        assert list(follow.requests(entity("model", id_))) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"permaslug": "a/b-1", "endpoint": {"variant": "free"}},
            [{"permaslug": "a/b-1", "variant": "free"}],
        ),
        ({"permaslug": "a/b", "endpoint": {}}, [{"permaslug": "a/b", "variant": "standard"}]),
        ({"permaslug": "a/b", "endpoint": None}, []),
        ({"permaslug": "~a/b", "endpoint": {"variant": "standard"}}, []),
        ({"permaslug": "", "endpoint": {"variant": "standard"}}, []),
        ({"endpoint": {"variant": "standard"}}, []),
    ],
)
def test_stats_are_requested_for_every_row_that_is_neither_retired_nor_an_alias(
    row: dict[str, Any], expected: list[Params]
) -> None:
    (follow,) = LISTINGS["stats"].follow_ups

    assert follow.type == "catalog"
    assert list(follow.requests(entity("catalog", "x", **row))) == expected


def test_an_openrouter_tombstone_needs_two_refusals_over_half_an_hour() -> None:
    model, endpoint = OPENROUTER.probes

    for probe in (model, endpoint):
        assert (probe.refusals_needed, probe.min_span_us, probe.max_requests) == (2, HOUR // 2, 50)
        assert probe.by_listing
        assert probe.subject({"author": "a", "slug": "b"}) is None
    assert (model.type, model.path, model.parent) == ("model", MODEL, None)
    assert (endpoint.type, endpoint.path) == ("endpoint", ENDPOINTS)


@pytest.mark.parametrize(
    ("id_", "params", "parent"),
    [
        ("a/b#t", {"author": "a", "slug": "b"}, ("model", "a/b")),
        ("a/b:free#t/fp8~2", {"author": "a", "slug": "b:free"}, ("model", "a/b:free")),
        ("0b1c2d3e-0000", None, None),
    ],
)
def test_an_endpoint_is_probed_with_its_model_and_missing_with_it(
    id_: str, params: Params | None, parent: tuple[str, str] | None
) -> None:
    _, probe = OPENROUTER.probes

    assert probe.request(id_) == params
    assert probe.parent is not None and probe.parent(id_) == parent


@pytest.mark.parametrize("tag", [{}, {"tag": ""}, {"tag": None}, {"tag": 7}])
def test_an_endpoint_without_a_tag_is_no_entity(tag: dict[str, Any]) -> None:
    rows = [{"tag": "t/fp8", "provider_name": "P"}, {**tag, "provider_name": "P", "name": "N"}]
    body = json.dumps({"data": {"endpoints": rows}}).encode()

    parts = split(body, OPENROUTER.endpoint(ENDPOINTS).rules({"author": "a", "slug": "b"}))

    assert [entity.id for entity in parts.entities] == ["a/b#t/fp8"]
    assert len(parts.misfits) == 1


@pytest.mark.parametrize("blank", [b"", b" "])
def test_a_provider_that_is_listed_twice_keeps_its_id(blank: bytes) -> None:
    body = b'{"data":[{"slug":"x","name":"X"},{"slug":"x","name":"Y"}]}' + blank

    for path in ("/api/v1/providers", "/api/frontend/v1/all-providers"):
        entities = split(body, OPENROUTER.endpoint(path).rules({})).entities
        assert [entity.id for entity in entities] == ["x", "x"]


@pytest.mark.parametrize("id_", [b"null", b"5", b"{}", b'""', b"true"])
def test_a_model_whose_id_is_no_text_is_no_entity(id_: bytes) -> None:
    parts = split(b'{"data":[{"id":%b}]}' % id_, OPENROUTER.endpoint(MODELS).rules({}))

    assert (parts.entities, len(parts.misfits)) == ((), 1)


@pytest.mark.parametrize(
    ("path", "row", "expected"),
    [
        (MODELS, {"id": "a/b"}, ("model", "a/b", "list")),
        ("/api/v1/providers", {"slug": "p", "name": "P"}, ("provider", "p", "list")),
        (
            CATALOG,
            {"slug": "a/b", "endpoint": {"variant": "free"}},
            ("catalog", "a/b:free", "frontend"),
        ),
        (STATS, {"id": "0b1c", "name": "x"}, ("endpoint", "0b1c", "frontend")),
        ("/api/frontend/v1/all-providers", {"slug": "p"}, ("provider", "p", "frontend")),
    ],
)
def test_the_two_apis_have_different_shapes(
    path: str, row: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    body = json.dumps({"data": [row]}).encode()

    (entity,) = split(body, OPENROUTER.endpoint(path).rules({})).entities

    assert (entity.type, entity.id, entity.shape) == expected


def test_a_model_that_is_requested_alone_has_its_own_shape() -> None:
    (entity,) = split(b'{"data":{"id":"a/b"}}', OPENROUTER.endpoint(MODEL).rules({})).entities

    assert (entity.type, entity.id, entity.shape) == ("model", "a/b", "detail")


@pytest.mark.parametrize(
    ("name", "queries", "arg"),
    [
        ("model", [MODEL, ENDPOINTS], "author/slug"),
        ("endpoints-of-model", [ENDPOINTS], "author/slug"),
        ("everything-new", ["models", "models-all", "catalog"], None),
    ],
)
def test_a_template_creates_all_requests_of_its_saved_query(
    name: str, queries: list[str], arg: str | None
) -> None:
    (template,) = (template for template in OPENROUTER.templates if template.name == name)

    assert ([query.target for query in template.queries], template.arg) == (queries, arg)


def test_endpoints_are_identified_by_model_and_tag_and_numbered() -> None:
    params = {"author": "google", "slug": "gemma:free"}
    body = b'{"data":{"id":"x","endpoints":[{"tag":"t"},{"tag":"t"},{"tag":"u/fp8"}]}}'

    path = "/api/v1/models/:author/:slug/endpoints"
    entities = split(body, OPENROUTER.endpoint(path).rules(params)).entities

    assert [entity.id for entity in entities] == [
        "google/gemma:free#t",
        "google/gemma:free#t~2",
        "google/gemma:free#u/fp8",
    ]
    assert {entity.parent for entity in entities} == {("model", "google/gemma:free")}


def test_catalog_rows_have_the_ids_of_the_public_api() -> None:
    body = (
        b'{"data":[{"slug":"a/b","endpoint":{"variant":"standard"}},{"slug":"a/b","endpoint":'
        b'{"variant":"free"}},{"slug":"c/d","endpoint":null}]}'
    )

    rules = OPENROUTER.endpoint("/api/frontend/v1/catalog/models").rules({})

    assert [entity.id for entity in split(body, rules).entities] == ["a/b", "a/b:free", "c/d"]
