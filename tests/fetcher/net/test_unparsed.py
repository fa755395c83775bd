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


@pytest.mark.parametrize(
    ("first", "later", "body"),
    [
        (b"", b"6\r\n[1,2,3\r\nno number\r\n", b"[1,2,3"),
        (b"6\r\n[1,2,3\r\n", b"no number\r\n", b"[1,2,3"),
        (b"6\r\n[1,2,3\r\n", b"3\r\n,4,\r\nno number\r\n5,6", b"[1,2,3,4,"),
    ],
)
def test_a_malformed_chunk_ends_the_body_at_once(first: bytes, later: bytes, body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    result = asyncio.run(raw(head + first, "/a", later=later))

    assert (result.error_class, result.status, result.body) == ("broken", 200, body)
    assert result.ms < 30_000


def test_a_body_that_is_longer_than_announced_is_complete_if_it_arrived_before_the_rest() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"

    result = asyncio.run(raw(head + BODY[:9], "/a", later=BODY[9:] + b"and more"))

    assert (result.error_class, result.body) == (None, BODY)


def test_other_errors_have_no_body() -> None:
    assert unparsed_body(ValueError("x")) == (b"", "")
