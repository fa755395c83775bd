"""The endpoint of a recorded response is recognised by its body."""

import json
from typing import Any

import pytest

from fetcher.source import Params
from fetcher.sources import SOURCES
from fetcher.sources.openrouter import CATALOG, ENDPOINTS, MODELS

OPENROUTER = SOURCES["openrouter"]


def model(outputs: list[str] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"id": "a/b", "pricing": {}, "context_length": 1}
    return row if outputs is None else {**row, "architecture": {"output_modalities": outputs}}


@pytest.mark.parametrize(
    ("body", "path", "params"),
    [
        ({"data": [model(None)]}, MODELS, {}),
        ({"data": [model(["text"]), model(["image", "text"])]}, MODELS, {}),
        ({"data": [model(["text"]), model(["image"])]}, MODELS, {"output_modalities": "all"}),
        (
            {"data": {"id": "a/b:free", "endpoints": []}},
            ENDPOINTS,
            {"author": "a", "slug": "b:free"},
        ),
        (
            {"data": [{"name": "P", "slug": "p", "privacy_policy_url": None}]},
            "/api/v1/providers",
            {},
        ),
        ({"data": [{"slug": "a/b", "permaslug": "a/b", "endpoint": None}]}, CATALOG, {}),
        (
            {"data": [{"name": "P", "slug": "p", "displayName": "P"}]},
            "/api/frontend/v1/all-providers",
            {},
        ),
        ({"data": []}, None, None),
        ({"data": [{"id": "a/b"}]}, None, None),
        ({"data": {"id": "alone", "endpoints": []}}, None, None),
    ],
)
def test_a_body_is_recognised_by_members_that_only_its_endpoint_returns(
    body: object, path: str | None, params: Params | None
) -> None:
    text = json.dumps(body).encode()

    outcomes = {endpoint.path: endpoint.recognise(text) for endpoint in OPENROUTER.endpoints}

    recognised = {name: value for name, value in outcomes.items() if value is not None}
    assert recognised == ({path: params} if path else {})
