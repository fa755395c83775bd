"""Civitai's answers: shapes of an entity on different paths, filters, errors."""

from typing import Any

import pytest

from fetcher.simulator.catalog import World
from fetcher.simulator.civitai.world import models
from tests.simulator.requesting import NOW, C, get, get_json, paginate

WORLD = World(5)


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    return list(paginate(WORLD, f"{C}/models", nsfw="true"))


@pytest.fixture(scope="module")
def pictures() -> list[dict[str, Any]]:
    return list(paginate(WORLD, f"{C}/images", limit=200, browsingLevel=31, withMeta="true"))


def members(value: Any) -> list[Any]:
    """The values of all members of all nested objects."""
    if isinstance(value, list):
        return [inner for element in value for inner in members(element)]
    if isinstance(value, dict):
        return [*value.values(), *(inner for member in value.values() for inner in members(member))]
    return []


def test_the_default_world_has_over_a_hundred_models_and_hundreds_of_images(
    items: list[Any], pictures: list[Any]
) -> None:
    assert 100 < len(items) <= 120
    assert 450 < len(pictures) < 800


def test_the_list_has_image_ids_and_nulls_and_the_detail_has_neither(items: list[Any]) -> None:
    for item in items[:40]:
        detail = get_json(WORLD, f"{C}/models/{item['id']}")
        assert not [v for v in members(detail) if v in (None, "", [], {}) and v is not False]
        for version in detail["modelVersions"]:
            assert {"status", "createdAt", "covered"} <= version.keys()
            assert all("id" not in image for image in version.get("images", []))
    images = [i for item in items for v in item["modelVersions"] for i in v["images"]]

    assert all("id" in image for image in images)
    assert None in members(items)


def test_a_version_contains_its_images_with_meta_and_without_id(items: list[Any]) -> None:
    seen = 0
    for item in items[:30]:
        for version in item["modelVersions"]:
            single = get_json(WORLD, f"{C}/model-versions/{version['id']}")
            assert single["modelId"] == item["id"]
            assert all("id" not in i and "meta" in i for i in single["images"])
            seen += len(single["images"])

    assert seen > 20


def test_a_version_is_found_by_hash_in_any_case(items: list[Any]) -> None:
    version = items[0]["modelVersions"][0]
    digest = version["files"][0]["hashes"].get("AutoV2", "")
    by_hash = get_json(WORLD, f"{C}/model-versions/by-hash/{digest.lower()}")

    assert by_hash["id"] == version["id"]
    assert get(WORLD, f"{C}/model-versions/by-hash/00").status == 404


def test_ids_are_positive_small_and_not_shared(items: list[Any], pictures: list[Any]) -> None:
    owners = [item["id"] for item in items]
    versions = [v["id"] for item in items for v in item["modelVersions"]]
    images = [picture["id"] for picture in pictures]

    for ids in (owners, versions, images):
        assert len(set(ids)) == len(ids)
    assert min(owners) > 0 and max(versions) < 2**31


def test_only_models_of_the_first_level_are_shown_unless_nsfw_is_true(items: list[Any]) -> None:
    tame = list(paginate(WORLD, f"{C}/models"))

    assert 0 < len(tame) < len(items)
    assert all(item["nsfwLevel"] & 1 for item in tame)
    assert all(
        i["nsfwLevel"] == 1 for item in tame for v in item["modelVersions"] for i in v["images"]
    )


def test_filters_return_only_matching_models(items: list[Any]) -> None:
    name = items[0]["creator"]["username"]
    by_user = list(paginate(WORLD, f"{C}/models", nsfw="true", username=name))
    by_type = list(paginate(WORLD, f"{C}/models", nsfw="true", types="LORA,VAE"))
    by_id = list(
        paginate(WORLD, f"{C}/models", nsfw="true", ids=f"{items[3]['id']},{items[5]['id']}")
    )

    assert {item["creator"]["username"] for item in by_user} == {name}
    assert {item["type"] for item in by_type} == {"LORA", "VAE"}
    assert {item["id"] for item in by_id} == {items[3]["id"], items[5]["id"]}


def test_with_a_base_model_filter_only_matching_versions_are_inside() -> None:
    matching = list(paginate(WORLD, f"{C}/models", nsfw="true", baseModels="Pony"))

    assert matching
    assert {v["baseModel"] for item in matching for v in item["modelVersions"]} == {"Pony"}


def test_an_unknown_tag_is_ignored() -> None:
    everything = get_json(WORLD, f"{C}/models")["items"]

    assert get_json(WORLD, f"{C}/models", tag="no such tag")["items"] == everything
    assert 0 < len(get_json(WORLD, f"{C}/models", tag="style")["items"]) < len(everything)


@pytest.mark.parametrize(
    ("path", "query", "status", "body"),
    [
        ("/models/7", {}, 404, b'{"error":"No model with id 7"}'),
        ("/models/0", {}, 400, b"ZodError"),
        ("/models/2147483648", {}, 400, b"ZodError"),
        ("/models", {"limit": 101}, 400, b"ZodError"),
        ("/models", {"sort": "Best"}, 400, b"ZodError"),
        ("/models", {"username": "no such"}, 404, b'{"error":"User not found"}'),
        ("/models", {"favorites": "false"}, 401, b'{"error":"Unauthorized"}'),
        ("/models", {"page": 11, "limit": 100}, 429, b"too many pages"),
        ("/models", {"page": 1, "query": "x"}, 400, b"error"),
        ("/images", {"limit": 201}, 400, b"ZodError"),
        ("/model-versions/1", {}, 404, b'{"error":"Model not found"}'),
        ("/nothing", {}, 404, b"<!DOCTYPE html>"),
    ],
)
def test_invalid_requests_get_the_errors_of_the_real_api(
    path: str, query: dict[str, str | int], status: int, body: bytes
) -> None:
    response = get(WORLD, C + path, **query)

    assert response.status == status
    assert body in response.body


def test_meta_is_null_unless_requested(pictures: list[Any]) -> None:
    assert {i["meta"] for i in get_json(WORLD, f"{C}/images")["items"]} == {None}
    assert any(picture["meta"] for picture in pictures)


def test_meta_is_wrapped_if_only_the_model_is_named(pictures: list[Any]) -> None:
    version = next(p["modelVersionIds"][0] for p in pictures if p["meta"])
    query: dict[str, str | int] = {"modelId": version // 256, "withMeta": "true"}
    query |= {"browsingLevel": 31}
    wrapped = [i for i in get_json(WORLD, f"{C}/images", **query)["items"] if i["meta"]]
    flat = [
        i for i in get_json(WORLD, f"{C}/images", **query, flatMeta="true")["items"] if i["meta"]
    ]

    assert wrapped and all(set(i["meta"]) == {"id", "meta"} for i in wrapped)
    assert [i["meta"]["meta"] for i in wrapped] == [i["meta"] for i in flat]


def test_some_seeds_of_images_exceed_the_integers_of_a_float(pictures: list[Any]) -> None:
    seeds = [picture["meta"]["seed"] for picture in pictures if picture["meta"]]

    assert max(seeds) > 2**53
    assert min(seeds) < -1


@pytest.mark.parametrize(
    ("query", "levels"),
    [
        ({}, {1}),
        ({"nsfw": "None"}, {1}),
        ({"nsfw": "Soft"}, {1, 2}),
        ({"nsfw": "true"}, {4, 8, 16}),
        ({"browsingLevel": 31, "nsfw": "None"}, {1, 2, 4, 8, 16}),
        ({"browsingLevel": 6}, {2, 4}),
    ],
)
def test_maturity_parameters_of_images_work_as_in_the_real_api(
    query: dict[str, str | int], levels: set[int]
) -> None:
    matching = list(paginate(WORLD, f"{C}/images", limit=200, **query))

    assert {image["browsingLevel"] for image in matching} == levels


def test_unknown_parameters_are_ignored() -> None:
    assert get(WORLD, f"{C}/images", collectionId=7).status == 200
    assert (
        get_json(WORLD, f"{C}/images", collectionId=7)["items"]
        == get_json(WORLD, f"{C}/images")["items"]
    )


def test_names_and_descriptions_contain_quotes_markup_emoji_and_other_scripts(
    items: list[Any],
) -> None:
    text = "".join(f"{item['name']}{item['description']}" for item in items)

    assert all(part in text for part in ('"', "<strong>", "&amp;", "🤖", "推奨", "\u200b", "\\"))


def test_an_archived_model_is_not_listed_but_has_a_detail(items: list[Any]) -> None:
    archived = [model for model in models(WORLD, NOW) if model.mode is not None]
    listed = {item["id"] for item in items}

    assert archived
    for model in archived:
        assert model.id not in listed
        assert get_json(WORLD, f"{C}/models/{model.id}")["mode"] == model.mode


def test_an_image_url_of_the_simulator_serves_an_image() -> None:
    world = World(5, media_origin="http://127.0.0.1:9")
    url = get_json(world, f"{C}/images", limit=1)["items"][0]["url"]
    response = get(world, url.removeprefix("http://127.0.0.1:9"))

    assert response.status == 200
    assert response.content_type.startswith("image/")
