"""The API key is sent to one origin only, also across redirects, and masked in every result."""

import asyncio

import pytest
from aiohttp import web

from fetcher.net.http import (
    Client,
    HttpResult,
    get,
    open_session,
    origin,
    select_headers,
)
from fetcher.net.masking import key_masker
from tests.fetcher.making import upstream
from tests.fetcher.net.test_http import KEY, fetched, got, raw


def test_the_key_goes_to_the_configured_origin_only_also_through_redirects() -> None:
    seen: dict[str, str | None] = {}

    async def other(request: web.Request) -> web.Response:
        seen[f"other{request.path}"] = request.headers.get("Authorization")
        return web.Response(body=b"{}")

    async def ask() -> HttpResult:
        async with upstream(other) as elsewhere:

            async def ours(request: web.Request) -> web.Response:
                seen[f"ours{request.path}"] = request.headers.get("Authorization")
                if request.path == "/a":
                    raise web.HTTPFound("/b")
                raise web.HTTPFound(f"{elsewhere}/c")

            return await fetched(ours)

    result = asyncio.run(ask())

    assert seen == {"ours/a": f"Bearer {KEY}", "ours/b": f"Bearer {KEY}", "other/c": None}
    assert result.url.endswith("/c")


def test_circular_redirects_are_an_error() -> None:
    async def handle(request: web.Request) -> web.Response:
        raise web.HTTPFound("/a")

    assert got(handle).error_class == "redirects"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_another_scheme_is_refused(target: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    assert got(handle).error_class == "redirects"


def test_an_echoed_key_is_masked_everywhere_in_the_body() -> None:
    async def handle(request: web.Request) -> web.Response:
        body = b'{"nextPage":"https://x/?token=%b&page=2"}' % KEY.encode()
        return web.Response(body=body, headers={"ETag": KEY})

    result = got(handle, path=f"/a?token={KEY}")

    assert result.key_removed
    assert result.body == b'{"nextPage":"https://x/?token=%b&page=2"}' % (b"*" * len(KEY))
    assert KEY not in f"{result.url}{result.headers}"


SECRET_HEADERS = (
    f"Set-Cookie session={KEY}",
    f"Set-Cookie: session={KEY}; x={'y' * 70_000}",
    f"Location: http://user:{KEY}@127.0.0.1:99999/",
    f"Location: http://[{KEY}/",
)


@pytest.mark.parametrize("header", SECRET_HEADERS)
def test_no_header_that_cannot_be_parsed_is_quoted(
    header: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answer = f"HTTP/1.1 302 Found\r\n{header}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    result = asyncio.run(raw(answer, "/a", key=None))

    assert result.error_class in ("broken", "bad_url")
    assert KEY not in result.message
    assert "ookie" not in f"{result.headers}{result.url}{caplog.text}"


def test_a_header_line_may_have_64_kib() -> None:
    cookie = f"Set-Cookie: session={'y' * 65_000}"
    answer = f"HTTP/1.1 200 OK\r\n{cookie}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    result = asyncio.run(raw(answer, "/a"))

    assert (result.error_class, result.body) == (None, b"{}")


@pytest.mark.parametrize(
    "header",
    [f"Content-Encoding: {KEY}", f"Location: {KEY}://elsewhere/", f"ETag: {KEY}\r\nETag: {KEY}"],
)
def test_an_echoed_key_is_masked_in_url_headers_and_body(header: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\n{header}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    result = asyncio.run(raw(answer, "/a"))

    assert KEY not in f"{result.message}{result.url}{dict(result.headers)}"


@pytest.mark.parametrize(("redirects", "broken"), [(5, None), (6, "redirects")])
def test_at_most_five_redirects_are_followed(redirects: int, broken: str | None) -> None:
    async def handle(request: web.Request) -> web.Response:
        number = int(request.path.strip("/a") or 0)
        if number < redirects:
            raise web.HTTPFound(f"/{number + 1}")
        return web.Response(body=b"{}")

    assert got(handle).error_class == broken


def test_a_redirect_without_a_location_is_an_answer() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=304)

    result = got(handle)

    assert (result.status, result.error_class) == (304, None)


class Redirects:
    """A session at which every address leads to another."""

    def __init__(self, target: str) -> None:
        self.status, self.headers = 302, {"Location": target}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def get(self, url: object, headers: dict[str, str], **more: object) -> "Redirects":
        self.asked.append((str(url), headers))
        return self

    async def __aenter__(self) -> "Redirects":
        return self

    async def __aexit__(self, *error: object) -> None:
        pass


@pytest.mark.parametrize(
    ("target", "followed"),
    [("http://api.example/b", 1), ("ftp://api.example/b", 1), ("https://api.example/b", 6)],
)
def test_a_redirect_never_leads_from_https_to_http(target: str, followed: int) -> None:
    session = Redirects(target)
    client = Client(session, "https://api.example", KEY)  # type: ignore[arg-type]

    result = asyncio.run(get(client, "https://api.example/a"))

    assert (result.error_class, len(session.asked)) == ("redirects", followed)


@pytest.mark.parametrize(
    ("target", "is_ours"),
    [
        ("https://api.example/b", True),
        ("https://API.example:443/b", True),
        ("/b", True),
        ("https://api.example:8443/b", False),
        ("https://api.example.evil/b", False),
        ("https://api.example@evil/b", False),
        ("https://evil/api.example", False),
        ("https://sub.api.example/b", False),
    ],
)
def test_the_key_belongs_to_one_scheme_host_and_port(target: str, is_ours: bool) -> None:
    session = Redirects(target)
    client = Client(session, "https://api.example", KEY)  # type: ignore[arg-type]

    asyncio.run(get(client, "https://api.example/a"))

    assert [bool(headers) for _, headers in session.asked[:2]] == [True, is_ours]
    assert origin("http://api.example:8443") != origin("https://api.example:8443")


def test_selected_headers_are_recorded_and_secret_ones_never() -> None:
    kept = {
        "Date": "d",
        "Age": "7",
        "Content-Type": "application/json",
        "Content-Length": "2",
        "Content-Encoding": "gzip",
        "Cache-Control": "public",
        "CF-Cache-Status": "HIT",
        "CF-Ray": "1",
        "ETag": "e",
        "Last-Modified": "l",
        "Location": "/b",
        "Retry-After": "7",
        "Server": "cloudflare",
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Reset": "9",
    }
    secret = {"Set-Cookie": "session=1", "Authorization": "Bearer x", "X-Request-Id": "1"}

    assert select_headers({**kept, **secret}) == {name.lower(): text for name, text in kept.items()}


def test_a_percent_encoded_key_is_masked() -> None:
    key = "sk/or+v1=ü"

    body = b'{"a":"?token=sk%2For%2Bv1%3D%C3%BC&b","c":"sk/or+v1=\xc3\xbc"}'
    clean, was_there = key_masker(key)(body)

    assert was_there and len(clean) == len(body)
    assert clean == b'{"a":"?token=' + b"*" * 21 + b'&b","c":"' + b"*" * 11 + b'"}'
    assert key_masker(None)(body) == (body, False)


def test_no_cookie_is_ever_sent_back() -> None:
    cookies: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        headers = {"Set-Cookie": "session=1; Path=/"}
        if request.path == "/a":
            return web.Response(status=302, headers={**headers, "Location": "/b"})
        return web.Response(body=b"{}", headers=headers)

    async def ask() -> None:
        async with upstream(handle) as address, open_session() as session:
            named = address.replace("127.0.0.1", "localhost")  # an IP address gets no cookies
            for _ in range(2):
                await get(Client(session, named, None), f"{named}/a")

    asyncio.run(ask())

    assert cookies == [None] * 4
