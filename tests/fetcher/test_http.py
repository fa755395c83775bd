"""One GET: bounded, exact, and the key goes nowhere else."""

import asyncio
import gzip
import zlib

import pytest
from aiohttp import web

from fetcher.http import Client, Got, Limits, agent, get, open_session
from tests.fetcher.making import Handle, upstream

KEY = "sk-or-v1-0123456789abcdef"


async def fetched(handle: Handle, path: str = "/a", **limits: float) -> Got:
    async with upstream(handle) as origin, open_session("ops@example.org") as session:
        return await get(Client(session, origin, KEY, Limits(**limits)), origin + path)  # type: ignore[arg-type]


def got(handle: Handle, path: str = "/a", **limits: float) -> Got:
    return asyncio.run(fetched(handle, path, **limits))


def test_the_answer_is_kept_with_the_headers_that_matter() -> None:
    async def handle(request: web.Request) -> web.Response:
        headers = {"X-RateLimit-Remaining": "7", "Set-Cookie": "session=secret", "CF-Ray": "1-FRA"}
        return web.Response(body=b'{"a":1}', headers=headers)

    found = got(handle)

    assert (found.status, found.body, found.broken) == (200, b'{"a":1}', None)
    assert found.headers["x-ratelimit-remaining"] == "7"
    assert found.headers["cf-ray"] == "1-FRA"
    assert "secret" not in str(found.headers)


def test_it_says_who_asks_and_whom_to_write_to() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["User-Agent"])

    assert got(handle).body.decode() == agent("ops@example.org")
    assert "hindlog" in agent(None)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers_are_decoded(encoding: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        packed = gzip.compress(b"{}" * 5000) if encoding == "gzip" else zlib.compress(b"{}" * 5000)
        return web.Response(body=packed, headers={"Content-Encoding": encoding})

    assert got(handle).body == b"{}" * 5000


def test_a_gzip_bomb_ends_at_the_cap() -> None:
    async def handle(request: web.Request) -> web.Response:
        packed = gzip.compress(b"\0" * 50_000_000)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    found = got(handle, max_bytes=1_000_000)

    assert found.broken == "too_large"
    assert "1000000 bytes" in found.what


@pytest.mark.parametrize(
    "packed", [b"no gzip at all", gzip.compress(b"{}" * 900)[:-9]], ids=["other", "cut"]
)
def test_what_does_not_decode_is_an_error_of_its_own(packed: bytes) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    assert got(handle).broken == "encoding"


def test_of_a_body_that_breaks_off_what_came_is_kept() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b'{"items":[')
        assert request.transport is not None
        request.transport.close()
        return response

    found = got(handle)

    assert (found.broken, found.body) == ("broken", b'{"items":[')


def test_silence_ends_in_a_timeout() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    assert got(handle, read_s=0.05).broken == "timeout"


def test_a_closed_port_is_no_connection() -> None:
    async def ask() -> Got:
        async with open_session() as session:
            return await get(Client(session, "http://127.0.0.1:9", KEY), "http://127.0.0.1:9/a")

    assert asyncio.run(ask()).broken == "connect"


def test_the_key_goes_to_the_configured_origin_only_also_through_redirects() -> None:
    seen: dict[str, str | None] = {}

    async def other(request: web.Request) -> web.Response:
        seen[f"other{request.path}"] = request.headers.get("Authorization")
        return web.Response(body=b"{}")

    async def ask() -> Got:
        async with upstream(other) as elsewhere:

            async def ours(request: web.Request) -> web.Response:
                seen[f"ours{request.path}"] = request.headers.get("Authorization")
                if request.path == "/a":
                    raise web.HTTPFound("/b")
                raise web.HTTPFound(f"{elsewhere}/c")

            return await fetched(ours)

    found = asyncio.run(ask())

    assert seen == {"ours/a": f"Bearer {KEY}", "ours/b": f"Bearer {KEY}", "other/c": None}
    assert found.url.endswith("/c")


def test_redirects_in_a_circle_end() -> None:
    async def handle(request: web.Request) -> web.Response:
        raise web.HTTPFound("/a")

    assert got(handle).broken == "redirects"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_another_kind_of_address_is_refused(target: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    assert got(handle).broken == "redirects"


def test_an_echoed_key_is_painted_over_wherever_it_stands() -> None:
    async def handle(request: web.Request) -> web.Response:
        body = b'{"nextPage":"https://x/?token=%b&page=2"}' % KEY.encode()
        return web.Response(body=body, headers={"ETag": KEY})

    found = got(handle, path=f"/a?token={KEY}")

    assert found.key_removed
    assert found.body == b'{"nextPage":"https://x/?token=%b&page=2"}' % (b"*" * len(KEY))
    assert KEY not in f"{found.url}{found.headers}"


async def raw(answer: bytes, path: str, key: str | None = KEY) -> Got:
    """What comes of a GET that a server answers with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, open_session() as session:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return await get(Client(session, address, key), address + path)


def test_the_key_is_removed_from_the_text_of_a_network_error() -> None:
    nonsense = b"nonsense\r\n\r\n"

    found = asyncio.run(raw(nonsense, f"/a?token={KEY}"))
    shown = asyncio.run(raw(nonsense, f"/a?token={KEY}", key=None))

    assert (found.broken, KEY in shown.what) == ("broken", True)
    assert KEY not in found.what


@pytest.mark.parametrize(
    "header",
    [f"Content-Encoding: {KEY}", f"Location: {KEY}://elsewhere/", f"ETag: {KEY}\r\nETag: {KEY}"],
)
def test_an_echoed_key_is_removed_from_every_text_of_an_answer(header: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\n{header}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    found = asyncio.run(raw(answer, "/a"))

    assert KEY not in f"{found.what}{found.url}{dict(found.headers)}"
