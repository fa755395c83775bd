"""Words of an upstream about an error, in bodies of every form."""

import pytest

from fetcher.split.error_words import (
    describe_body,
    describe_status,
    describe_unsplittable,
    error_words,
    is_json,
    looks_like_json,
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":"No model with id 1"}', "No model with id 1"),
        (
            b'\xef\xbb\xbf {"error":{"message":"No endpoints found","code":404}}',
            "No endpoints found",
        ),
        (b'{"success":false,"error":{"name":"ZodError","issues":[]}}', "ZodError"),
        (b'{"error":{"status":1}}', '{"status": 1}'),
        (b'{"errors":[{"detail":"slow down"}]}', "slow down"),
        (b'{"message":"Unauthorized"}', "Unauthorized"),
        (b'{"error":null,"message":"x"}', "x"),
        (b'{"error":"\xff"}', "\ufffd"),
        (b'{"error":"' + b"x" * 900 + b'"}', "x" * 300),
        (b'{"data":[]}', None),
        (b'{"error":""}', None),
        (b'{"error":" ","detail":"x"}', "x"),
        (b'["error"]', None),
        (b"<html>", None),
        (b"[" * 100_000, None),
    ],
)
def test_the_message_of_an_error_is_found(body: bytes, words: str | None) -> None:
    assert error_words(body) == words


def test_a_body_without_a_message_is_described_by_its_beginning() -> None:
    assert describe_body(b'{"error":"x"}') == "upstream says 'x'"
    assert describe_body(b"<html>" + b"x" * 99) == f"b'<html>{'x' * 34}'…"


def test_a_refusal_is_described_by_its_status_and_the_message() -> None:
    assert describe_status(404, b'{"error":"x"}') == "status 404: upstream says 'x'"
    assert describe_status(404, b"<html>") == "status 404"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":"x"}', ("unexpected", "upstream says 'x'")),
        (b'{"data":1}', ("unexpected", "no list")),
        (b'{"data":', ("not_json", "no list")),
    ],
)
def test_a_body_that_cannot_be_split_has_the_class_not_json_only_if_it_is_not_json(
    body: bytes, expected: tuple[str, str]
) -> None:
    assert describe_unsplittable(body, "no list") == expected


DEEP = b"[" * 100_000 + b"]" * 100_000
LARGE = b'{"error":"x","data":"' + b"x" * (8 * 1024 * 1024) + b'"}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", True),
        (b' [NaN,"\xff\n"] ', True),
        (b"{", False),
        (b"", False),
        (b"<a>", False),
        (b'"text"', True),
        (b"1" * 5000, True),
        pytest.param(DEEP, True, id="deep"),
        pytest.param(DEEP[:-1], False, id="deep, torn"),
        pytest.param(b'{"data":' + DEEP + b"}", True, id="deep object"),
        pytest.param(LARGE, True, id="large"),
        pytest.param(LARGE[:-1], False, id="large, torn"),
    ],
)
def test_json_is_recognised_leniently(body: bytes, expected: bool) -> None:
    assert is_json(body) == expected


def test_a_large_body_is_not_parsed_for_a_message() -> None:
    assert error_words(LARGE) is None


@pytest.mark.parametrize(
    ("body", "expected"), [(b" {", True), (b"[1", True), (b"null", True), (b"", False)]
)
def test_a_body_that_begins_like_an_object_or_is_json_looks_like_json(
    body: bytes, expected: bool
) -> None:
    assert looks_like_json(body) == expected
