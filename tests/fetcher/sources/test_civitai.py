"""Civitai: requests of a sync, shapes, partitions, tombstones and templates."""

import json
from typing import Any

import pytest

from eventlog.body.split import split
from eventlog.body.split_rules import Entity
from eventlog.clock import DAY
from fetcher.source import Endpoint, Params
from fetcher.sources import SOURCES
from fetcher.sources.civitai import PERIODS
from fetcher.sources.civitai_pages import MEDIA

CIVITAI = SOURCES["civitai"]
LISTINGS = {listing.name: listing for listing in CIVITAI.listings}
MOST = {"/models": 100, "/images": 200, "/creators": 200, "/tags": 200}
"""Entities that a page may have."""
SORTS = {"Highest Rated", "Most Downloaded", "Most Reactions", "Newest", "Oldest"}


def entity(type_: str, **body: Any) -> Entity:
    return Entity("/items", type_, "list", "1", json.dumps(body).encode(), None)


def test_a_sync_requests_models_and_images_of_every_maturity_newest_first() -> None:
    assert CIVITAI.base_url == "https://civitai.com/api/v1"
    assert LISTINGS["models"].params == {"limit": "100", "nsfw": "true", "sort": "Newest"}
    assert LISTINGS["images"].params == {
        "limit": "200",
        "browsingLevel": "31",
        "sort": "Newest",
        "withMeta": "true",
    }


def test_a_pagination_requests_pages_of_the_maximum_size_and_never_by_number() -> None:
    walks = [listing for listing in CIVITAI.listings if not listing.has_derived_requests]

    assert {walk.path: int(walk.params["limit"]) for walk in walks} == MOST
    assert not any("page" in walk.params for walk in walks)


def test_a_sync_includes_models_images_and_probes_and_other_listings_only_by_name() -> None:
    assert [listing.name for listing in CIVITAI.listings if listing.by_default] == [
        "models",
        "images",
        "gone-models",
        "gone-versions",
    ]


@pytest.mark.parametrize("endpoint", CIVITAI.endpoints, ids=lambda endpoint: str(endpoint.path))
def test_no_listing_proves_that_something_is_gone(endpoint: Endpoint) -> None:
    asked: list[Params] = [{}, {"limit": "100"}, {"id": "1"}, {"hash": "A"}, {"query": "a"}]

    assert [endpoint.scope(params) for params in asked] == [None] * 5


def test_only_pages_of_models_and_images_can_be_bisected() -> None:
    sizes = {endpoint.path: endpoint.size_param for endpoint in CIVITAI.endpoints}

    assert {path for path, name in sizes.items() if name == "limit"} == {"/models", "/images"}
    assert set(sizes.values()) == {"limit", None}


def test_images_end_silently_near_fifty_thousand_and_have_partitions() -> None:
    images = LISTINGS["images"]

    assert images.ends_silently_at == 50_000
    assert [partition.param for partition in images.partitions] == [
        "browsingLevel",
        "type",
        "username",
        "modelVersionId",
    ]
    assert [partition.is_exhaustive for partition in images.partitions] == [
        True,
        True,
        False,
        False,
    ]
    assert [listing.name for listing in CIVITAI.listings if listing.ends_silently_at] == ["images"]


def test_images_are_partitioned_by_single_levels_then_by_kind_of_media() -> None:
    level, media, author, version = LISTINGS["images"].partitions
    image = entity("image", username="ann", modelVersionIds=[7, 8])

    assert tuple(level.narrower_values({"browsingLevel": "31"})) == ("1", "2", "4", "8", "16")
    assert (
        tuple(media.narrower_values({"browsingLevel": "4"})) == MEDIA == ("image", "video", "audio")
    )
    assert tuple(media.narrower_values({"type": "image"})) == ()
    assert author.named_values is not None and list(author.named_values(image)) == ["ann"]
    assert version.named_values is not None and list(version.named_values(image)) == ["7", "8"]


@pytest.mark.parametrize("body", [{}, {"username": None}, {"username": ""}])
def test_an_image_without_an_author_names_none(body: dict[str, Any]) -> None:
    author = LISTINGS["images"].partitions[2]

    assert (
        author.named_values is not None and list(author.named_values(entity("image", **body))) == []
    )


@pytest.mark.parametrize(
    ("type_", "path"), [("model", "/models/:id"), ("modelVersion", "/model-versions/:id")]
)
def test_a_civitai_tombstone_needs_three_refusals_over_three_days(type_: str, path: str) -> None:
    (probe,) = (probe for probe in CIVITAI.probes if probe.type == type_)

    assert (probe.path, probe.refusals_needed, probe.min_span_us) == (path, 3, 3 * DAY)
    assert (probe.by_listing, probe.parent, probe.max_requests) == (False, None, 50)
    params = probe.request("7")
    assert params == {"id": "7"} and probe.subject(params) == "7"
    assert probe.subject({}) is None


def test_a_follow_up_request_fetches_the_entity_that_it_names() -> None:
    params = {"id": "7", "query": "ann"}
    ids = {"modelVersion": "7", "model": "7", "creator": "ann"}

    for listing in (listing for listing in CIVITAI.listings if listing.follow_ups):
        rule = CIVITAI.endpoint(listing.path).rules(params)[0]
        for follow in listing.follow_ups:
            assert follow.fetches is not None
            assert follow.fetches(params) == (rule.type, ids[rule.type], rule.shape)
            assert follow.max_age_us == 7 * DAY


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (
            "/models",
            b'{"items":[{"id":1,"modelVersions":[{"id":2,"images":[{"id":3}]}]}]}',
            [
                ("model", "1", "list?nsfw=true"),
                ("modelVersion", "2", "embedded?nsfw=true"),
                ("image", "3", "embedded?nsfw=true"),
            ],
        ),
        (
            "/models/:id",
            b'{"id":1,"modelVersions":[{"id":2,"images":[{"id":3}]}]}',
            [
                ("model", "1", "detail"),
                ("modelVersion", "2", "embedded?in=detail"),
                ("image", "3", "embedded?in=detail"),
            ],
        ),
        (
            "/model-versions/:id",
            b'{"id":2,"images":[{"id":3}]}',
            [("modelVersion", "2", "detail"), ("image", "3", "embedded?in=detail")],
        ),
        (
            "/model-versions/by-hash/:hash",
            b'{"id":2,"images":[{"id":3}]}',
            [("modelVersion", "2", "by-hash"), ("image", "3", "embedded?in=by-hash")],
        ),
        ("/images", b'{"items":[{"id":3}]}', [("image", "3", "list")]),
        ("/creators", b'{"items":[{"username":"ann"}]}', [("creator", "ann", "list")]),
        ("/tags", b'{"items":[{"name":"cat"}]}', [("tag", "cat", "list")]),
    ],
)
def test_every_form_of_an_entity_has_its_own_shape(
    path: str, body: bytes, expected: list[tuple[str, str, str]]
) -> None:
    params = {"nsfw": "true", "limit": "1", "id": "1"}

    entities = split(body, CIVITAI.endpoint(path).rules(params)).entities

    assert sorted((entity.type, entity.id, entity.shape) for entity in entities) == sorted(expected)


@pytest.mark.parametrize(
    ("body", "path", "params"),
    [
        (b'{"items":[{"id":1,"modelVersions":[]}],"metadata":{}}', "/models", {}),
        (b'{"items":[{"id":1,"url":"u","postId":2}],"metadata":{}}', "/images", {}),
        (b'{"items":[{"username":"a","link":"l"}],"metadata":{}}', "/creators", {}),
        (b'{"items":[{"name":"a","link":"l"}],"metadata":{}}', "/tags", {}),
        (b'{"id":7,"modelVersions":[]}', "/models/:id", {"id": "7"}),
        (b'{"id":7,"modelId":1}', "/model-versions/:id", {"id": "7"}),
        (b'{"items":[],"metadata":{}}', None, None),
        (b'{"items":[{"id":1,"modelVersions":[]}]}', "/models", {}),
        (b'{"id":7}', None, None),
        (b"[]", None, None),
        (b"<html>", None, None),
    ],
)
def test_a_body_is_recognised_by_members_that_only_its_endpoint_returns(
    body: bytes, path: str | None, params: Params | None
) -> None:
    outcomes = {endpoint.path: endpoint.recognise(body) for endpoint in CIVITAI.endpoints}

    recognised = {name: value for name, value in outcomes.items() if value is not None}
    assert recognised == ({path: params} if path else {})


def test_templates_use_sorts_and_periods_that_the_upstream_accepts() -> None:
    templates = {template.name: template for template in CIVITAI.templates}

    assert PERIODS == ("Day", "Week", "Month", "Year", "AllTime")
    for name, sort in (("top-images", "Most Reactions"), ("top-models", "Most Downloaded")):
        top = templates[name]
        assert (top.arg, top.default, top.choices) == ("period", "Week", PERIODS)
        assert [query.params for query in top.queries] == [{"sort": sort}]
    assert {template.name for template in CIVITAI.templates if template.until_known} == {
        "everything-new"
    }
    assert {listing.params.get("sort", "Newest") for listing in CIVITAI.listings} <= SORTS


@pytest.mark.parametrize(
    ("name", "target", "arg"),
    [
        ("images-of-model", "images", "modelId"),
        ("images-of-version", "images", "modelVersionId"),
        ("images-of-user", "images", "username"),
        ("models-of-user", "models", "username"),
        ("model", "/models/:id", "id"),
        ("version", "/model-versions/:id", "id"),
        ("version-by-hash", "/model-versions/by-hash/:hash", "hash"),
    ],
)
def test_a_template_sets_the_parameter_that_the_upstream_reads(
    name: str, target: str, arg: str
) -> None:
    (template,) = (template for template in CIVITAI.templates if template.name == name)

    assert ([query.target for query in template.queries], template.arg) == ([target], arg)
    assert (template.default, template.choices, template.until_known) == (None, (), False)


@pytest.mark.parametrize(
    ("path", "params", "shape"),
    [
        ("/models", {"limit": "9"}, "list"),
        ("/models", {"nsfw": "true", "sort": "Newest"}, "list?nsfw=true"),
        ("/models", {"nsfw": "true", "baseModels": "SD"}, "list?baseModels=SD&nsfw=true"),
        ("/models", {"primaryFileOnly": "true"}, "list?primaryFileOnly=true"),
        ("/models", {"cursor": "a|1", "query": "x", "tag": "y", "period": "Day"}, "list"),
        ("/images", {"withMeta": "true", "limit": "9"}, "list?withMeta=true"),
        ("/images", {"flatMeta": "true"}, "list?flatMeta=true"),
        ("/images", {"withTags": "true"}, "list?withTags=true"),
        ("/images", {"cursor": "7", "browsingLevel": "31", "modelId": "4", "sort": "x"}, "list"),
        ("/creators", {"limit": "200", "page": "2"}, "list"),
        ("/tags", {"limit": "200", "page": "2"}, "list"),
        ("/model-versions/:id", {"id": "9"}, "detail"),
        ("/models/:id", {"id": "9"}, "detail"),
        ("/model-versions/by-hash/:hash", {"hash": "A"}, "by-hash"),
    ],
)
def test_a_shape_names_the_parameters_that_change_an_entity(
    path: str, params: dict[str, str], shape: str
) -> None:
    assert CIVITAI.endpoint(path).rules(params)[0].shape == shape
