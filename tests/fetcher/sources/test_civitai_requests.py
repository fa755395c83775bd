"""Follow-up requests of Civitai: one value that names nothing does not hide the others."""

import json

import pytest

from eventlog.body.split_rules import Entity
from fetcher.sources.civitai_requests import (
    creator_requests,
    model_requests,
    version_requests,
    versions_in_image,
)


def entity(body: bytes) -> Entity:
    return Entity("/items", "image", "list", "1", body, None)


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (None, ["9"]),
        ({"civitaiResources": [{"modelVersionId": 7, "type": "lora"}, {"type": "x"}]}, ["9", "7"]),
        ({"id": 1, "meta": {"civitaiResources": [{"modelVersionId": 8}]}}, ["9", "8"]),
        ({"civitaiResources": [{"modelVersionId": 6}], "meta": None}, ["9", "6"]),
        ({"civitaiResources": "odd"}, ["9"]),
        ({"civitaiResources": [3, {"modelVersionId": "draft"}, {"modelVersionId": 7}]}, ["9", "7"]),
        ({"civitaiResources": [{"modelVersionId": 2**70}]}, ["9", str(2**70)]),
    ],
)
def test_an_image_causes_requests_for_the_versions_that_it_names(
    meta: object, expected: list[str]
) -> None:
    body = json.dumps({"id": 1, "modelVersionIds": [9, 9], "meta": meta}).encode()

    requests = version_requests(entity(body))

    assert [params["id"] for params in requests] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"modelVersionIds":[1,"draft-1",null,-0,-3,0,1.0,2]}', ["1", "2"]),
        (b'{"modelVersionIds":{"a":1},"meta":{"civitaiResources":[{"modelVersionId":5}]}}', ["5"]),
        (b'{"modelVersionIds":[1],"meta":{"cfg":NaN,"civitaiResources":{}}}', ["1"]),
        (b'{"modelVersionIds":[-0,0,-3,1,1]}', ["1"]),
        (b'{"modelVersionIds":7}', []),
        (b"[1]", []),
        (b"", []),
    ],
)
def test_a_value_that_is_no_positive_integer_hides_no_other_version(
    body: bytes, expected: list[str]
) -> None:
    assert versions_in_image(entity(body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"username":"ann","meta":NaN}', [{"query": "ann", "limit": "20"}]),
        (b'{"username":"ann","meta":null}', [{"query": "ann", "limit": "20"}]),
        (b"{}", []),
        (b'{"username":null}', []),
        (b'{"username":""}', []),
        (b'{"username":7}', []),
    ],
)
def test_an_image_causes_a_search_for_its_creator(
    body: bytes, expected: list[dict[str, str]]
) -> None:
    assert creator_requests(entity(body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"modelId":5}', [{"id": "5"}]),
        (b"{}", []),
        (b'{"modelId":0}', []),
        (b'{"modelId":-0}', []),
        (b'{"modelId":"5"}', []),
    ],
)
def test_a_version_causes_a_request_for_its_model(
    body: bytes, expected: list[dict[str, str]]
) -> None:
    assert model_requests(entity(body)) == expected
