"""Civitai's answers: the shapes of one thing on different paths, filters, refusals."""

from typing import Any

import pytest

from fetcher.simulator.catalog import World
from fetcher.simulator.civitai.world import models
from tests.simulator.asking import NOW, C, ask, told, walk

WORLD = World(5)


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    return list(walk(WORLD, f"{C}/models", nsfw="true"))


@pytest.fixture(scope="module")
def pictures() -> list[dict[str, Any]]:
    return list(walk(WORLD, f"{C}/images", limit=200, browsingLevel=31, withMeta="true"))


def members(value: Any) -> list[Any]:
    """Every member value of every object inside."""
    if isinstance(value, list):
        return [found for each in value for found in members(each)]
    if isinstance(value, dict):
        return [*value.values(), *(found for each in value.values() for found in members(each))]
    return []


def test_by_default_there_are_a_hundred_and_some_models_and_some_six_hundred_images(
    items: list[Any], pictures: list[Any]
) -> None:
    assert 100 < len(items) <= 120
    assert 450 < len(pictures) < 800


def test_the_list_has_image_ids_and_nulls_the_detail_neither(items: list[Any]) -> None:
    for item in items[:40]:
        detail = told(WORLD, f"{C}/models/{item['id']}")
        assert not [v for v in members(detail) if v in (None, "", [], {}) and v is not False]
        for version in detail["modelVersions"]:
            assert {"status", "createdAt", "covered"} <= version.keys()
            assert all("id" not in image for image in version.get("images", []))
    images = [i for item in items for v in item["modelVersions"] for i in v["images"]]

    assert all("id" in image for image in images)
    assert None in members(items)


def test_a_version_holds_its_images_with_meta_and_without_id(items: list[Any]) -> None:
    seen = 0
    for item in items[:30]:
        for version in item["modelVersions"]:
            found = told(WORLD, f"{C}/model-versions/{version['id']}")
            assert found["modelId"] == item["id"]
            assert all("id" not in i and "meta" in i for i in found["images"])
            seen += len(found["images"])

    assert seen > 20


def test_a_hash_in_any_case_leads_to_its_version(items: list[Any]) -> None:
    version = items[0]["modelVersions"][0]
    digest = version["files"][0]["hashes"].get("AutoV2", "")
    found = told(WORLD, f"{C}/model-versions/by-hash/{digest.lower()}")

    assert found["id"] == version["id"]
    assert ask(WORLD, f"{C}/model-versions/by-hash/00").status == 404


def test_ids_are_positive_small_and_not_shared(items: list[Any], pictures: list[Any]) -> None:
    owners = [item["id"] for item in items]
    versions = [v["id"] for item in items for v in item["modelVersions"]]
    images = [each["id"] for each in pictures]

    for ids in (owners, versions, images):
        assert len(set(ids)) == len(ids)
    assert min(owners) > 0 and max(versions) < 2**31


def test_only_models_of_the_first_level_are_shown_unless_nsfw_is_true(items: list[Any]) -> None:
    tame = list(walk(WORLD, f"{C}/models"))

    assert 0 < len(tame) < len(items)
    assert all(item["nsfwLevel"] & 1 for item in tame)
    assert all(
        i["nsfwLevel"] == 1 for item in tame for v in item["modelVersions"] for i in v["images"]
    )


def test_filters_keep_what_they_name(items: list[Any]) -> None:
    name = items[0]["creator"]["username"]
    by_user = list(walk(WORLD, f"{C}/models", nsfw="true", username=name))
    by_type = list(walk(WORLD, f"{C}/models", nsfw="true", types="LORA,VAE"))
    by_id = list(walk(WORLD, f"{C}/models", nsfw="true", ids=f"{items[3]['id']},{items[5]['id']}"))

    assert {item["creator"]["username"] for item in by_user} == {name}
    assert {item["type"] for item in by_type} == {"LORA", "VAE"}
    assert {item["id"] for item in by_id} == {items[3]["id"], items[5]["id"]}


def test_with_a_base_model_filter_only_matching_versions_are_inside() -> None:
    found = list(walk(WORLD, f"{C}/models", nsfw="true", baseModels="Pony"))

    assert found
    assert {v["baseModel"] for item in found for v in item["modelVersions"]} == {"Pony"}


def test_an_unknown_tag_is_ignored_and_gives_everything() -> None:
    everything = told(WORLD, f"{C}/models")["items"]

    assert told(WORLD, f"{C}/models", tag="no such tag")["items"] == everything
    assert 0 < len(told(WORLD, f"{C}/models", tag="style")["items"]) < len(everything)


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
def test_what_cannot_be_answered_is_refused_as_upstream_refuses_it(
    path: str, query: dict[str, str | int], status: int, body: bytes
) -> None:
    found = ask(WORLD, C + path, **query)

    assert found.status == status
    assert body in found.body


def test_meta_is_null_unless_asked_for(pictures: list[Any]) -> None:
    assert {i["meta"] for i in told(WORLD, f"{C}/images")["items"]} == {None}
    assert any(picture["meta"] for picture in pictures)


def test_meta_is_wrapped_where_only_the_model_is_named(pictures: list[Any]) -> None:
    version = next(p["modelVersionIds"][0] for p in pictures if p["meta"])
    query: dict[str, str | int] = {"modelId": version // 256, "withMeta": "true"}
    query |= {"browsingLevel": 31}
    wrapped = [i for i in told(WORLD, f"{C}/images", **query)["items"] if i["meta"]]
    flat = [i for i in told(WORLD, f"{C}/images", **query, flatMeta="true")["items"] if i["meta"]]

    assert wrapped and all(set(i["meta"]) == {"id", "meta"} for i in wrapped)
    assert [i["meta"]["meta"] for i in wrapped] == [i["meta"] for i in flat]


def test_seeds_of_images_go_beyond_what_a_float_can_count(pictures: list[Any]) -> None:
    seeds = [each["meta"]["seed"] for each in pictures if each["meta"]]

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
def test_maturity_parameters_of_images_mean_what_they_mean_upstream(
    query: dict[str, str | int], levels: set[int]
) -> None:
    found = list(walk(WORLD, f"{C}/images", limit=200, **query))

    assert {each["browsingLevel"] for each in found} == levels


def test_parameters_nobody_knows_are_ignored() -> None:
    assert ask(WORLD, f"{C}/images", collectionId=7).status == 200
    assert (
        told(WORLD, f"{C}/images", collectionId=7)["items"] == told(WORLD, f"{C}/images")["items"]
    )


def test_names_and_descriptions_hold_quotes_markup_emoji_and_other_scripts(
    items: list[Any],
) -> None:
    text = "".join(f"{item['name']}{item['description']}" for item in items)

    assert all(each in text for each in ('"', "<strong>", "&amp;", "🤖", "推奨", "\u200b", "\\"))


def test_an_archived_model_is_not_listed_but_has_a_detail(items: list[Any]) -> None:
    archived = [each for each in models(WORLD, NOW) if each.mode is not None]
    listed = {item["id"] for item in items}

    assert archived
    for each in archived:
        assert each.id not in listed
        assert told(WORLD, f"{C}/models/{each.id}")["mode"] == each.mode


def test_an_image_address_leads_to_a_file_when_it_points_here() -> None:
    world = World(5, media_origin="http://127.0.0.1:9")
    url = told(world, f"{C}/images", limit=1)["items"][0]["url"]
    found = ask(world, url.removeprefix("http://127.0.0.1:9"))

    assert found.status == 200
    assert found.content_type.startswith("image/")
