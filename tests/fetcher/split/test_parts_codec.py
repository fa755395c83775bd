"""The encoding of a split response: decoding restores the parts."""

import json

from hypothesis import given

from eventlog.body.split_rules import Rule
from fetcher.split.parts_codec import decode_parts, encode_parts
from fetcher.split.response import SplitResponse, split_response, with_value_hashes
from tests.eventlog.making import json_values
from tests.fetcher.making import LIST, NESTED, page_of, response


def encoded_and_decoded(
    body: bytes, rules: tuple[Rule, ...]
) -> tuple[SplitResponse, SplitResponse]:
    """Returns the parts of a response, and the same after encoding and decoding."""
    parts = with_value_hashes(split_response(response(body), rules))
    encoded = encode_parts(parts)
    assert encoded is not None
    return parts, decode_parts(encoded, body, rules)


@given(json_values, json_values)
def test_decoding_restores_the_encoded_parts(first: object, second: object) -> None:
    items = [{"id": 1, "x": first}, {"id": "é", "y": second}, {"versions": [{"id": 5}], "id": 2}]
    page = {"items": items, "metadata": {"nextCursor": 3}}
    with_misfit = {"items": [{"x": first}, *items]}
    adjacent = json.dumps(page, separators=(",", ":"), ensure_ascii=False).encode()
    for body in (adjacent, json.dumps(page).encode(), page_of(), json.dumps(with_misfit).encode()):
        for rules in (LIST, NESTED):
            parts, decoded = encoded_and_decoded(body, rules)
            assert decoded == parts


def test_parts_that_would_be_too_large_are_not_encoded() -> None:
    name = "x" * 60_000
    body = page_of({"id": name, "versions": [{"id": n} for n in range(1_000)]})

    assert encode_parts(with_value_hashes(split_response(response(body), NESTED))) is None
