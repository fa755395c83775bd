"""One GET request: bounded in time and size, with the exact body and an error class."""

import asyncio
import gzip
import ssl
import tracemalloc
import zlib

import aiohttp
import pytest
from aiohttp import web

from fetcher.net.http import (
    Client,
    HttpLimits,
    HttpResult,
    classify_exception,
    get,
    open_session,
    user_agent,
)
from fetcher.net.retry import BY_CLASS
from tests.fetcher.making import Handle, upstream

KEY = "sk-or-v1-0123456789abcdef"


async def fetched(handle: Handle, path: str = "/a", **limits: float) -> HttpResult:
    async with upstream(handle) as origin, open_session("ops@example.org") as session:
        return await get(Client(session, origin, KEY, HttpLimits(**limits)), origin + path)  # type: ignore[arg-type]


def got(handle: Handle, path: str = "/a", **limits: float) -> HttpResult:
    return asyncio.run(fetched(handle, path, **limits))


def test_a_result_contains_the_body_and_selected_headers() -> None:
    async def handle(request: web.Request) -> web.Response:
        headers = {"X-RateLimit-Remaining": "7", "Set-Cookie": "session=secret", "CF-Ray": "1-FRA"}
        return web.Response(body=b'{"a":1}', headers=headers)

    result = got(handle)

    assert (result.status, result.body, result.error_class) == (200, b'{"a":1}', None)
    assert result.headers["x-ratelimit-remaining"] == "7"
    assert result.headers["cf-ray"] == "1-FRA"
    assert "secret" not in str(result.headers)


def test_the_user_agent_names_the_program_and_a_contact() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["User-Agent"])

    assert got(handle).body.decode() == user_agent("ops@example.org")
    assert "hindlog" in user_agent(None)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers_are_decoded(encoding: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        packed = gzip.compress(b"{}" * 5000) if encoding == "gzip" else zlib.compress(b"{}" * 5000)
        return web.Response(body=packed, headers={"Content-Encoding": encoding})

    assert got(handle).body == b"{}" * 5000


def test_a_gzip_bomb_is_an_error() -> None:
    async def handle(request: web.Request) -> web.Response:
        packed = gzip.compress(b"\0" * 50_000_000)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    result = got(handle, max_bytes=1_000_000)

    assert result.error_class == "too_large"
    assert "1000000 bytes" in result.message


@pytest.mark.parametrize(
    "packed", [b"no gzip at all", gzip.compress(b"{}" * 900)[:-9]], ids=["other", "cut"]
)
def test_a_body_that_cannot_be_decompressed_is_an_encoding_error(packed: bytes) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    assert got(handle).error_class == "encoding"


def test_the_received_part_of_a_body_that_breaks_off_is_kept() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b'{"items":[')
        assert request.transport is not None
        request.transport.close()
        return response

    result = got(handle)

    assert (result.error_class, result.body) == ("broken", b'{"items":[')


def test_a_server_that_sends_nothing_causes_a_timeout() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    assert got(handle, read_s=0.05).error_class == "timeout"


def test_a_closed_port_is_a_connect_error() -> None:
    async def ask() -> HttpResult:
        async with open_session() as session:
            return await get(Client(session, "http://127.0.0.1:9", KEY), "http://127.0.0.1:9/a")

    assert asyncio.run(ask()).error_class == "connect"


async def raw(answer: bytes, path: str, key: str | None = KEY, *, later: bytes = b"") -> HttpResult:
    """Result of a GET request that a server answers with exactly these bytes, in two parts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if later:
            await asyncio.sleep(0.05)
            writer.write(later)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, open_session() as session:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return await get(Client(session, address, key), address + path)


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize(("size", "broken"), [(1000, None), (1001, "too_large")])
def test_a_body_of_the_maximum_size_is_kept_and_a_longer_one_dropped(
    encoding: str, size: int, broken: str | None
) -> None:
    async def handle(request: web.Request) -> web.Response:
        body = b"x" * size
        if encoding:
            return web.Response(body=gzip.compress(body), headers={"Content-Encoding": encoding})
        return web.Response(body=body)

    result = got(handle, max_bytes=1000)

    assert (result.error_class, len(result.body)) == (broken, 0 if broken else 1000)


def test_a_gzip_bomb_is_not_decompressed_beyond_the_maximum_size() -> None:
    packed = gzip.compress(b"\0" * 100_000_000)

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    tracemalloc.start()
    try:
        assert got(handle, max_bytes=100_000).error_class == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_an_endless_body_ends_at_the_total_timeout() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b"x")
            await asyncio.sleep(0.02)
        return response

    assert got(handle, read_s=60, total_s=0.3).error_class == "timeout"


def test_only_supported_encodings_are_requested() -> None:
    sent: dict[str, str] = {}

    async def handle(request: web.Request) -> web.Response:
        sent.update(request.headers)
        return web.Response(body=b"{}")

    got(handle)

    assert sent["Accept"] == "application/json"
    assert {name.strip() for name in sent["Accept-Encoding"].split(",")} == {"gzip", "deflate"}


def test_a_body_with_the_encoding_identity_is_unchanged() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}"

    assert asyncio.run(raw(answer, "/a")).body == b"{}"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), "timeout"),
        (aiohttp.ServerTimeoutError(), "timeout"),
        (aiohttp.ClientConnectorSSLError(None, OSError()), "tls"),  # type: ignore[arg-type]
        (aiohttp.ClientConnectorCertificateError(None, ValueError()), "tls"),  # type: ignore[arg-type]
        (ssl.SSLError(), "tls"),
        (aiohttp.ClientConnectorError(None, OSError()), "connect"),  # type: ignore[arg-type]
        (aiohttp.ServerDisconnectedError(), "connect"),
        (aiohttp.InvalidURL("x"), "bad_url"),
        (ValueError("x"), "bad_url"),
        (aiohttp.ClientPayloadError(), "broken"),
        (ConnectionResetError(), "broken"),
    ],
)
def test_every_network_error_has_a_class(error: BaseException, expected: str) -> None:
    assert classify_exception(error) == expected
    assert expected in BY_CLASS


def test_a_connection_closed_without_a_response_is_a_connect_error() -> None:
    result = asyncio.run(raw(b"", "/a"))

    assert (result.error_class, result.status, result.body) == ("connect", None, b"")


def test_a_request_on_a_kept_connection_that_was_closed_is_not_sent_again() -> None:
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.readuntil(b"\r\n\r\n"):
            requests += 1
            if requests == 2:
                writer.close()
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    async def send_two() -> list[HttpResult]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, open_session() as session:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return [await get(Client(session, address, KEY), address + "/a") for _ in range(2)]

    first, second = asyncio.run(send_two())

    assert (first.status, second.status, second.error_class) == (200, None, "connect")
    assert second.message == "Server disconnected"
    assert requests == 2
