"""Words of an upstream about an error, in bodies of every form."""

import pytest

from fetcher.imports.responses.error_words import describe_body, error_words, is_json


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


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"{}", True), (b' [NaN,"\xff\n"] ', True), (b"{", False), (b"", False), (b"<a>", False)],
)
def test_json_is_recognised_leniently(body: bytes, expected: bool) -> None:
    assert is_json(body) == expected
