"""What every source promises, and what each makes of recorded and made pages."""

import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from eventlog.body.split import split
from eventlog.body.split_rules import Entity
from eventlog.errors import Invalid
from fetcher.source import Source, match_url, url_of
from fetcher.sources import SOURCES
from fetcher.sources.civitai import version_requests
from fetcher.sources.civitai_pages import civitai_continuation, single_levels, skip_entity
from fetcher.sources.openrouter import openrouter_continuation
from tests.fetcher.making import recordings, response

ALL = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]

values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)
names = st.text("abcxyz", min_size=2, max_size=6)


@ALL
def test_every_pagination_has_an_endpoint_with_a_continuation(source: Source) -> None:
    for listing in source.listings:
        assert (
            listing.has_derived_requests or source.endpoint(listing.path).continuation is not None
        )


@ALL
def test_a_listing_follows_only_earlier_listings(source: Source) -> None:
    before: set[str] = set()
    for listing in source.listings:
        assert {follow.listing for follow in listing.follow_ups} <= before
        before.add(listing.name)


@ALL
def test_the_rules_of_an_endpoint_have_different_pointers(source: Source) -> None:
    for endpoint in source.endpoints:
        pointers = [rule.pointer for rule in endpoint.rules({})]
        assert len(pointers) == len(set(pointers)) > 0


@ALL
@given(data=st.data())
def test_the_url_of_a_request_is_parsed_into_the_same_request(
    source: Source, data: st.DataObject
) -> None:
    endpoint = data.draw(st.sampled_from(source.endpoints))
    places = [part[1:] for part in endpoint.path.split("/") if part.startswith(":")]
    params = data.draw(st.dictionaries(names, values, max_size=3))
    params |= {place: data.draw(values.filter(lambda v: "/" not in v)) for place in places}

    url = url_of(source.base_url, endpoint.path, params)

    found, again = match_url(source, source.base_url, url)
    same_place = url_of(source.base_url, found.path, again) == url
    assert same_place and (found.path != endpoint.path or again == params)


@ALL
def test_an_unknown_url_is_refused_with_the_known_endpoints(source: Source) -> None:
    with pytest.raises(Invalid) as caught:
        match_url(source, source.base_url, "/no/such/thing/here/at/all")

    assert source.endpoints[0].path in str(caught.value.hint)


@pytest.mark.parametrize(
    ("metadata", "count", "next_", "is_end"),
    [
        ({"nextCursor": 101}, 1, {"cursor": "101"}, False),
        ({"nextCursor": "41291|348916|4468"}, 1, {"cursor": "41291|348916|4468"}, False),
        ({"nextCursor": "2023-06-23T22:01:39.171Z|9"}, 1, None, False),
        ({"nextCursor": "feed:1:2", "nextPage": "https://other/?cursor=x"}, 0, None, False),
        ({"nextPage": "https://x/?limit=2&page=2", "currentPage": 1}, 1, {"page": "2"}, False),
        ({"nextPage": "https://x/?cursor=a%7Cb"}, 1, {"cursor": "a|b"}, False),
        ({}, 3, {}, True),
        ({}, 0, {}, False),
        ({"totalItems": 0}, 0, {}, True),
        ({"nextCursor": None, "nextPage": ""}, 2, {}, True),
    ],
)
def test_civitai_pages_continue_in_every_recorded_form(
    metadata: dict[str, object], count: int, next_: dict[str, str] | None, is_end: bool
) -> None:
    envelope = json.dumps({"items": [], "metadata": metadata}).encode()

    page = civitai_continuation(envelope, {}, count)

    expected = {"cursor": str(metadata["nextCursor"])} if next_ is None else next_ or None
    assert (page.next, page.is_end) == (expected, is_end)


def test_a_page_cursor_is_found_next_to_invalid_json() -> None:
    envelope = b'{"items":[],"bad":NaN,"metadata":{"nextCursor":"a|1"}}'

    assert civitai_continuation(envelope, {}, 1).next == {"cursor": "a|1"}


def test_openrouter_pages_continue_only_if_a_page_size_was_requested() -> None:
    whole = b'{"data":[],"total_count":2,"links":{"next":null}}'
    part = b'{"data":[],"links":{"next":"/api/v1/models?offset=500&limit=500"}}'

    assert openrouter_continuation(whole, {}, 2).is_end
    assert openrouter_continuation(b'{"data":[]}', {}, 2).is_end
    assert openrouter_continuation(part, {}, 2).next == {"offset": "500", "limit": "500"}


@pytest.mark.parametrize(
    ("params", "scope"),
    [
        ({}, "/api/v1/models"),
        ({"offset": "500", "limit": "500", "sort": "newest"}, "/api/v1/models"),
        ({"output_modalities": "all"}, "/api/v1/models?output_modalities=all"),
    ],
)
def test_a_scope_names_the_path_and_the_filters_of_a_listing(
    params: dict[str, str], scope: str
) -> None:
    assert OPENROUTER.endpoint("/api/v1/models").scope(params) == scope


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


def test_endpoints_are_identified_by_model_and_tag_and_numbered() -> None:
    params = {"author": "google", "slug": "gemma:free"}
    body = b'{"data":{"id":"x","endpoints":[{"tag":"t"},{"tag":"t"},{"tag":"u/fp8"}]}}'

    path = "/api/v1/models/:author/:slug/endpoints"
    found = split(body, OPENROUTER.endpoint(path).rules(params)).entities

    assert [each.id for each in found] == [
        "google/gemma:free#t",
        "google/gemma:free#t~2",
        "google/gemma:free#u/fp8",
    ]
    assert {each.parent for each in found} == {("model", "google/gemma:free")}


def test_catalog_rows_have_the_ids_of_the_public_api() -> None:
    body = (
        b'{"data":[{"slug":"a/b","endpoint":{"variant":"standard"}},{"slug":"a/b","endpoint":'
        b'{"variant":"free"}},{"slug":"c/d","endpoint":null}]}'
    )

    rules = OPENROUTER.endpoint("/api/frontend/v1/catalog/models").rules({})

    assert [each.id for each in split(body, rules).entities] == ["a/b", "a/b:free", "c/d"]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            429,
            b'{"error":"You\'ve requested too many pages, please use cursors instead"}',
            "too_deep",
        ),
        (429, b'{"error":"Rate limit exceeded, please retry shortly."}', None),
        (500, b'{"message":"An unexpected error occurred","error":"URI malformed"}', "poison"),
        (500, b'{"error":"canceling statement due to statement timeout"}', None),
        (400, b'{"error":"Invalid cursor: expected 3 parts"}', "cursor"),
        (400, b'{"message":"This cursor cannot be continued with these filters"}', "cursor"),
        (400, b'{"message":"This cursor can no longer be continued; start again"}', "cursor"),
        (400, b'{"error":{"issues":[]}}', None),
        (404, b'{"error":"Invalid cursor"}', None),
    ],
)
def test_permanent_errors_are_recognised_by_the_message_of_the_upstream(
    status: int, body: bytes, expected: str | None
) -> None:
    assert CIVITAI.fault(status, body) == expected


@pytest.mark.parametrize(
    ("cursor", "sort", "expected"),
    [
        ("41291|348916|4468", "Highest Rated", "41291|348916|4467"),
        ("2026-11-21T05:00:00.000Z|77", "Newest", "2026-11-21T05:00:00.000Z|76"),
        ("2026-11-21T05:00:00.000Z|77", "Oldest", "2026-11-21T05:00:00.000Z|78"),
        ("feed:1736603039244:9", "Newest", "feed:1736603039244:8"),
        ("feed:1736603039244:9", "Oldest", "feed:1736603039244:10"),
        ("4|1736603039244", "Most Reactions", "5|1736603039244"),
        ("9476750", "Newest", "9476749"),
        ("2024-07-01T00:00:00.000Z", "Newest", None),
        ("4|bdx:{}", "Newest", None),
        ("", "Newest", None),
    ],
)
def test_a_cursor_past_one_entity_is_known_for_some_forms(
    cursor: str, sort: str, expected: str | None
) -> None:
    found = skip_entity({"cursor": cursor, "sort": sort})

    assert found == (None if expected is None else {"cursor": expected})


@pytest.mark.parametrize(
    ("level", "expected"),
    [("31", ("1", "2", "4", "8", "16")), ("5", ("1", "4")), ("4", ()), ("", ()), ("x", ())],
)
def test_a_browsing_level_is_divided_into_its_bits(level: str, expected: tuple[str, ...]) -> None:
    assert single_levels({"browsingLevel": level}) == expected


RECORDED = {
    "civitai/models/models-page-2024-08-raw.json": ("/models", 3),
    "civitai/models/models-page-2025-05.json": ("/models", 2),
    "civitai/images/images-page-modelversion-1218156.json": ("/images", 4),
    "civitai/model/model-15003.json": ("/models/:id", 1),
    "civitai/model/model-1580878-raw.json": ("/models/:id", 1),
    "civitai/model-version/model-version-1218156.json": ("/model-versions/:id", 1),
    "civitai/creators/creators-page-2025-05.json": ("/creators", 2),
    "civitai/tags/tags-page-2022.json": ("/tags", 3),
    "openrouter/v1/models.2024-09-21.json.zst": ("/api/v1/models", 178),
    "openrouter/v1/models.2026-08-15.json.zst": ("/api/v1/models", 411),
    "openrouter/v1/providers.2026-08-15.json": ("/api/v1/providers", 90),
    "openrouter/v1/model-endpoints.glm-5.2.2026-08-15.json": (
        "/api/v1/models/:author/:slug/endpoints",
        10,
    ),
    "openrouter/v1/model-endpoints.router-auto.empty.2026-08-15.json": (
        "/api/v1/models/:author/:slug/endpoints",
        0,
    ),
}


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_body_is_recognised_by_its_shape(name: str) -> None:
    path, least = RECORDED[name]
    source = SOURCES[name.split("/", maxsplit=1)[0]]
    body = read(recordings() / name)

    found = [(each, each.recognise(body)) for each in source.endpoints]

    matches = [(each, params) for each, params in found if params is not None]
    assert [each.path for each, _ in matches] == [path]
    endpoint, params = matches[0]
    entities = split(response(body).body, endpoint.rules(params or {})).entities
    assert sum("*" not in each.pointer for each in entities) >= least


def read(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".zst":
        return data
    return zstandard.ZstdDecompressor().stream_reader(data).read()


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (None, ["9"]),
        ({"civitaiResources": [{"modelVersionId": 7, "type": "lora"}, {"type": "x"}]}, ["9", "7"]),
        ({"id": 1, "meta": {"civitaiResources": [{"modelVersionId": 8}]}}, ["9", "8"]),
        ({"civitaiResources": "odd"}, ["9"]),
    ],
)
def test_an_image_causes_requests_for_the_versions_that_it_names(
    meta: object, expected: list[str]
) -> None:
    body = json.dumps({"id": 1, "modelVersionIds": [9, 9], "meta": meta}).encode()

    found = version_requests(Entity("/items", "image", "list", "1", body, None))

    assert [each["id"] for each in found] == expected
