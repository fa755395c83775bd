"""Bodies of responses: decoded, or kept as they arrived, also if the response breaks off."""

import asyncio
import gzip
import os
import zlib

import pytest
from aiohttp import web

from tests.fetcher.net.test_http import got, raw


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ("Content-Encoding: GZIP", gzip.compress(b"{}"), (None, b"{}")),
        ("Content-Encoding:  x-gzip ", gzip.compress(b"{}"), (None, b"{}")),
        (
            "Content-Encoding: deflate\r\nContent-Encoding: gzip",
            gzip.compress(zlib.compress(b"{}")),
            (None, b"{}"),
        ),
        ("Content-Encoding: gzip", gzip.compress(b"{") + gzip.compress(b"}"), (None, b"{}")),
        ("Content-Encoding: none", b"{}", (None, b"{}")),
        ("Content-Encoding: br", b"\x0b\x00\x80{}\x03", ("encoding", b"\x0b\x00\x80{}\x03")),
    ],
)
def test_a_body_is_decoded_or_kept_as_received(
    headers: str, body: bytes, expected: tuple[str | None, bytes]
) -> None:
    head = f"HTTP/1.1 200 OK\r\n{headers}\r\nContent-Length: {len(body)}"

    result = asyncio.run(raw(head.encode() + b"\r\n\r\n" + body, "/a"))

    assert (result.error_class, result.body) == expected


@pytest.mark.parametrize("size", [10, 700_000])
def test_the_received_part_of_a_compressed_body_that_breaks_off_is_decoded(size: int) -> None:
    text = b"[" + os.urandom(size).hex().encode() + b"]"
    packed = gzip.compress(text)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}"

    result = asyncio.run(raw(head.encode() + b"\r\n\r\n" + packed[:-8], "/a"))

    assert (result.error_class, result.body) == ("broken", text)


def test_a_body_over_the_maximum_is_too_large_also_if_the_response_breaks_off() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        response.content_length = 100_000
        await response.prepare(request)
        await response.write(gzip.compress(b" " * 90_000))
        assert request.transport is not None
        request.transport.close()
        return response

    result = got(handle, max_bytes=50_000)

    assert (result.error_class, result.body) == ("too_large", b"")
    assert "more than 50000 bytes after decoding" in result.message


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_error_for_a_body_over_the_maximum_names_the_bytes_seen(encoding: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        headers = {"Content-Encoding": encoding} if encoding else {}
        body = b"x" * 100_000
        return web.Response(body=gzip.compress(body) if encoding else body, headers=headers)

    result = got(handle, max_bytes=50_000)

    seen = len(gzip.compress(b"x" * 100_000)) if encoding else 100_000
    assert (result.error_class, result.body) == ("too_large", b"")
    assert result.message.endswith(f"{seen} bytes were received")
    assert "more than 50000 bytes" in result.message
