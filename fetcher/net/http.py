"""One GET request over HTTP, with bounded time and size.

The API key is sent to the configured origin only, also across redirects, and masked
wherever upstream echoes it. The size limit applies after decompression, which defuses gzip
bombs. If a response breaks off, the bytes received so far are kept.
"""

import logging
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from urllib.parse import quote, urljoin, urlsplit

import aiohttp
import attrs
from yarl import URL

_LOGGER = logging.getLogger(__name__)

AGENT = "hindlog/0.1"
MAX_BODY_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
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
        headers=headers,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
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
        raise _AttemptFailed(classify_exception(error), _describe(error)) from error


async def get(client: Client, url: str) -> HttpResult:
    """Sends one GET request and follows redirects. Does not raise for errors of upstream or
    of the network: they are part of the result."""
    started = time.monotonic()
    head = _ResponseHead(url)
    body = bytearray()
    error_class, message = None, ""
    try:
        await _follow(client, head, body)
    except (TimeoutError, aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
        error_class, message = classify_exception(error), _describe(error)
    except _AttemptFailed as error:
        error_class, message = error.error_class, str(error)
    ms = round((time.monotonic() - started) * 1000)
    masked_body, key_removed = key_masker(client.key)(bytes(body))
    result = HttpResult(
        url=mask_key(head.url, client.key),
        status=head.status,
        headers={name: mask_key(text, client.key) for name, text in head.headers.items()},
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
class _ResponseHead:
    """URL, status and headers of the response that is being read."""

    url: str
    status: int | None = None
    headers: dict[str, str] = attrs.field(factory=dict)


class _AttemptFailed(Exception):
    """The connection broke, or the response violates a limit or cannot be decoded."""

    def __init__(self, error_class: str, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


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


async def _follow(client: Client, head: _ResponseHead, body: bytearray) -> None:
    """Follows redirects, then reads the final response into `head` and `body`."""
    limits = client.limits
    timeout = aiohttp.ClientTimeout(
        total=limits.total_s, sock_connect=limits.connect_s, sock_read=limits.read_s
    )
    for _ in range(_MAX_REDIRECTS + 1):
        authorization = _authorization(client, head.url)
        async with client.session.get(
            URL(head.url, encoded=True),
            headers=authorization,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            head.status, head.headers = response.status, select_headers(response.headers)
            target = response.headers.get("Location")
            if not 300 <= response.status < 400 or target is None:
                await _read_body(response, body, limits.max_bytes)
                return
            head.url = _redirected(head.url, target)
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


async def _read_body(response: aiohttp.ClientResponse, body: bytearray, max_bytes: int) -> None:
    """Reads the decompressed body into `body`.

    Raises `_AttemptFailed` if it is too large, cannot be decompressed or is truncated.
    """
    decode = _decoder(response.headers.get("Content-Encoding", "").strip().lower())
    is_complete = True
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        is_complete = decode(chunk, body, max_bytes)
        if len(body) > max_bytes:
            del body[:]
            raise _AttemptFailed("too_large", f"more than {max_bytes} bytes after decoding")
    if not is_complete:
        raise _AttemptFailed("encoding", "the compressed body is truncated")


Decode = Callable[[bytes, bytearray, int], bool]
"""Appends a decoded chunk to a body, at most one byte beyond the maximum size. Returns
whether the encoded stream is complete."""


def _decoder(encoding: str) -> Decode:
    if encoding in ("", "identity"):
        return _append
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise _AttemptFailed("encoding", f"content encoding {encoding!r} was not requested")
    decompressor = zlib.decompressobj(47)  # 32 + 15: detects zlib and gzip headers

    def inflate(chunk: bytes, body: bytearray, max_bytes: int) -> bool:
        try:
            body += decompressor.decompress(chunk, max_bytes + 1 - len(body))
        except zlib.error as error:
            raise _AttemptFailed("encoding", str(error)) from error
        return decompressor.eof

    return inflate


def _append(chunk: bytes, body: bytearray, max_bytes: int) -> bool:
    body += chunk
    return True


def key_masker(key: str | None) -> Callable[[bytes], tuple[bytes, bool]]:
    """Returns a function that replaces a key by asterisks of the same length; its second
    result is whether the text contained the key."""
    forms = {key.encode(), quote(key, safe="").encode()} if key else set()

    def mask(data: bytes) -> tuple[bytes, bool]:
        is_present = False
        for form in forms:
            if form in data:
                data, is_present = data.replace(form, b"*" * len(form)), True
        return data, is_present

    return mask


def mask_key(text: str, key: str | None) -> str:
    """Returns the text with the key masked."""
    return key_masker(key)(text.encode("utf-8", "replace"))[0].decode("utf-8", "replace")
