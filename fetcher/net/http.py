"""One GET request over HTTP, with bounded time and size.

The API key is sent to the configured origin only, also across redirects, and masked
wherever upstream echoes it. The size limit applies before and after decompression, which
defuses gzip bombs. If a response breaks off, or cannot be decoded, the bytes received so far
are kept.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import aiohttp
import attrs
from yarl import URL

from fetcher.net.content_coding import DecodedBody, decode_body
from fetcher.net.masking import describe_exception, key_masker, mask_key
from fetcher.net.unparsed import keeping_connector, unparsed_body

_LOGGER = logging.getLogger(__name__)

AGENT = "hindlog/0.1"
MAX_BODY_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_MAX_HEADER_BYTES = 64 * 1024
"""Longest line of a response's header: single cookies and link lists exceed aiohttp's 8 KiB."""
_MAX_REDIRECTS = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}

_HEADERS_TO_KEEP = frozenset(
    {"date", "age", "content-type", "etag", "last-modified", "cache-control", "retry-after"}
    | {"cf-cache-status", "cf-ray", "server", "content-length", "content-encoding", "location"}
)


@attrs.frozen
class HttpLimits:
    """Bounds of one request: duration and size."""

    connect_s: float = 15.0
    """Longest time until the connection is established."""
    read_s: float = 60.0
    """Longest pause between two chunks of the body."""
    total_s: float = 300.0
    """Longest duration of the request, redirects excluded."""
    max_bytes: int = MAX_BODY_BYTES
    """Largest body, after decompression."""


@attrs.frozen
class Client:
    """HTTP session of one source, with its base URL, API key and limits."""

    session: aiohttp.ClientSession
    base_url: str
    key: str | None = attrs.field(repr=False)
    """API key; None: requests are anonymous."""
    limits: HttpLimits = attrs.field(factory=HttpLimits)


@attrs.frozen(kw_only=True)
class HttpResult:
    """Result of one request: a complete response, or a partial one and an error class."""

    url: str
    """URL after redirects."""
    status: int | None
    """HTTP status; None if no response arrived."""
    headers: Mapping[str, str]
    body: bytes
    """Decompressed body; if the request failed, the part that arrived."""
    ms: int
    """Duration in milliseconds."""
    key_removed: bool
    """Whether the body contained the API key, which is masked."""
    error_class: str | None = None
    """Class of the network error that ended the request (see `retry`); None if the
    response is complete, whatever its status."""
    message: str = ""
    """Text of the error, for people."""


def user_agent(contact: str | None) -> str:
    """Returns the User-Agent header: the program and a contact address."""
    return f"{AGENT} (API archive; contact: {contact or 'none given'})"


def open_session(contact: str | None = None) -> aiohttp.ClientSession:
    """Returns a session without automatic decompression, cookies and repeated requests."""
    headers = {
        "User-Agent": user_agent(contact),
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
    }
    return aiohttp.ClientSession(
        connector=keeping_connector(),
        headers=headers,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
        middlewares=(_send_only_once,),
    )


async def _send_only_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Client middleware: prevents aiohttp from sending a request a second time.

    aiohttp repeats a GET if the server closed the connection before it answered, as happens
    with kept connections. That request would be missing in the budget and the rate limit;
    `fetcher.crawl.request` retries it instead.
    """
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        # another type of exception: aiohttp repeats the request only after these two
        raise _AttemptFailed(classify_exception(error), describe_exception(error)) from error


async def get(client: Client, url: str) -> HttpResult:
    """Sends one GET request and follows redirects. Does not raise for errors of upstream or
    of the network: they are part of the result."""
    started = time.monotonic()
    received = _Received(url)
    error_class, message = None, ""
    try:
        await _follow(client, received)
    except (TimeoutError, aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
        error_class, message = classify_exception(error), describe_exception(error, client.key)
        if not received.body:
            received.body[:], received.content_encoding = unparsed_body(error)
    except _AttemptFailed as error:
        error_class, message = error.error_class, str(error)
    decoded = await _decode(received, client.limits.max_bytes)
    if error_class is None or decoded.error_class == "too_large":
        error_class, message = decoded.error_class, decoded.message
    ms = round((time.monotonic() - started) * 1000)
    masked_body, key_removed = key_masker(client.key)(decoded.body)
    result = HttpResult(
        url=mask_key(received.url, client.key),
        status=received.status,
        headers={name: mask_key(text, client.key) for name, text in received.headers.items()},
        body=masked_body,
        ms=ms,
        key_removed=key_removed,
        error_class=error_class,
        message=mask_key(message, client.key),
    )
    outcome = result.status if error_class is None else f"{error_class} ({result.message})"
    _LOGGER.info("GET %s: %s, %d bytes in %d ms", result.url, outcome, len(result.body), ms)
    return result


@attrs.define
class _Received:
    """What has arrived of the response that is being read."""

    url: str
    status: int | None = None
    headers: dict[str, str] = attrs.field(factory=dict)
    content_encoding: str = ""
    body: bytearray = attrs.field(factory=bytearray)
    """The body as received, not decoded."""


class _AttemptFailed(Exception):
    """The connection broke, or the response violates a limit."""

    def __init__(self, error_class: str, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class


def classify_exception(error: BaseException) -> str:
    """Returns the error class of an exception of aiohttp."""
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ClientConnectorError() | aiohttp.ServerDisconnectedError():
            return "connect"
        case aiohttp.InvalidURL() | ValueError():
            return "bad_url"
        case _:
            return "broken"


async def _follow(client: Client, received: _Received) -> None:
    """Follows redirects, then reads the final response into `received`."""
    limits = client.limits
    timeout = aiohttp.ClientTimeout(
        total=limits.total_s, sock_connect=limits.connect_s, sock_read=limits.read_s
    )
    for _ in range(_MAX_REDIRECTS + 1):
        authorization = _authorization(client, received.url)
        async with client.session.get(
            URL(received.url, encoded=True),
            headers=authorization,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            received.status, received.headers = response.status, select_headers(response.headers)
            target = response.headers.get("Location")
            if not 300 <= response.status < 400 or target is None:
                await _read_body(response, received, limits.max_bytes)
                return
            received.url = _redirected(received.url, target)
    raise _AttemptFailed("redirects", f"more than {_MAX_REDIRECTS} redirects")


def _redirected(url: str, location: str) -> str:
    """Returns the URL of a redirect. Raises if it leaves HTTP, or HTTPS for HTTP."""
    target = urljoin(url, location)
    before, after = urlsplit(url).scheme, urlsplit(target).scheme
    if after not in _DEFAULT_PORTS or (before == "https" and after == "http"):
        raise _AttemptFailed("redirects", f"redirected from {before} to {after}")
    return target


def _authorization(client: Client, url: str) -> dict[str, str]:
    """Returns the header with the API key, if the URL belongs to the configured origin."""
    may_send = client.key and origin(url) == origin(client.base_url)
    return {"Authorization": f"Bearer {client.key}"} if may_send else {}


def origin(url: str) -> tuple[str, str, int | None]:
    """Returns scheme, host and port: an API key is valid for exactly one origin."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return (scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme))


def select_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns the headers that the log keeps, with lower-case names; never cookies."""
    selected = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in _HEADERS_TO_KEEP or lower.startswith("x-ratelimit-"):
            selected[lower] = value.encode("utf-8", "replace").decode()
    return selected


async def _read_body(response: aiohttp.ClientResponse, received: _Received, max_bytes: int) -> None:
    """Reads the body as it arrives. Raises `_AttemptFailed` if it is too large."""
    received.content_encoding = ",".join(response.headers.getall("Content-Encoding", ()))
    body = received.body
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            seen = len(body)
            del body[:]
            what = f"more than {max_bytes} bytes; {seen} bytes were received"
            raise _AttemptFailed("too_large", what)


async def _decode(received: _Received, max_bytes: int) -> DecodedBody:
    """Decodes a body; a large one in a thread, since a gzip bomb takes a second."""
    body, content_encoding = bytes(received.body), received.content_encoding
    if len(body) <= _CHUNK_BYTES:
        return decode_body(body, content_encoding, max_bytes)
    return await asyncio.to_thread(decode_body, body, content_encoding, max_bytes)
