"""Responses that cannot be parsed: their bodies are kept, their headers never."""

import asyncio
import gzip

import pytest

from fetcher.net.unparsed import unparsed_body
from tests.fetcher.net.test_http import KEY, raw

BODY = b'{"items":[{"id":1}]}'


@pytest.mark.parametrize(
    ("head", "sent", "body"),
    [
        (b"Set-Cookie session=SECRET\r\nContent-Length: 20", BODY, BODY),
        (b"Set-Cookie: a=SECRET\0\r\nContent-Length: 20", BODY, BODY),
        (b"Set-Cookie: " + b"SECRET" * 12_000 + b"\r\nContent-Length: 20", BODY, BODY),
        (b"Content-Length: 20\r\nContent-Length: 21", BODY, BODY),
        (b"Content-Length: 13", BODY, BODY),
        (b"bad line\r\nContent-Encoding: gzip", gzip.compress(BODY), BODY),
        (b"bad line\r\ncontent-encoding:br", b"\x0b\x02\x80hello\x03", b"\x0b\x02\x80hello\x03"),
        (b"Transfer-Encoding: chunked", b"2\r\n{}\r\nno", b"2\r\n{}\r\nno"),
        (b"bad line", KEY.encode(), b"*" * len(KEY)),
        (b"bad line", b"", b""),
    ],
)
def test_the_body_of_a_response_that_cannot_be_parsed_is_kept(
    head: bytes, sent: bytes, body: bytes
) -> None:
    result = asyncio.run(raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + sent, "/a"))

    assert (result.error_class, result.status, result.body) == ("broken", None, body)
    assert "SECRET" not in result.message


@pytest.mark.parametrize("answer", [b"SECRET", b"HTTP/1.1 200 OK\r\nbad SECRET", b"bad\n\nSECRET"])
def test_without_a_complete_header_nothing_is_kept(answer: bytes) -> None:
    result = asyncio.run(raw(answer + b"\r\n", "/a"))

    assert result.body == b""
    assert "SECRET" not in result.message


def test_other_errors_have_no_body() -> None:
    assert unparsed_body(ValueError("x")) == (b"", "")
