"""HTTP: one GET, with nothing left to chance.

The key goes to the configured origin only, whatever redirects say, and is painted over
wherever upstream echoes it. Time and size are bounded; the size after decoding, because
a gzip bomb is a response too. Of a response that breaks off, what came is kept.
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
MAX_BYTES = 256 * 1024 * 1024
_CHUNK = 256 * 1024
_REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}

_KEPT = frozenset(
    {"date", "age", "content-type", "etag", "last-modified", "cache-control", "retry-after"}
    | {"cf-cache-status", "cf-ray", "server", "content-length", "content-encoding", "location"}
)


@attrs.frozen
class Limits:
    """Bounds of one request."""

    connect_s: float = 15.0
    read_s: float = 60.0
    """Longest silence."""
    total_s: float = 300.0
    max_bytes: int = MAX_BYTES
    """After decoding."""


@attrs.frozen
class Client:
    """Where requests go, and as whom."""

    session: aiohttp.ClientSession
    base_url: str
    key: str | None = attrs.field(repr=False)
    limits: Limits = attrs.field(factory=Limits)


@attrs.frozen(kw_only=True)
class Got:
    """What came of one request: an answer, or as much of one as came before `broken`."""

    url: str
    status: int | None
    headers: Mapping[str, str]
    body: bytes
    ms: int
    key_removed: bool
    broken: str | None = None
    """Class of the error that ended it: see `retry`. None: an answer, whatever its status."""
    what: str = ""


def agent(contact: str | None) -> str:
    """The User-Agent: the tool, and whom to write to about it."""
    return f"{AGENT} (API archive; contact: {contact or 'none given'})"


def open_session(contact: str | None = None) -> aiohttp.ClientSession:
    """A session that decodes nothing by itself and keeps no cookies."""
    headers = {
        "User-Agent": agent(contact),
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
    }
    return aiohttp.ClientSession(
        headers=headers, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    )


async def get(client: Client, url: str) -> Got:
    """One GET, through redirects. Never raises for what upstream or the network does."""
    started = time.monotonic()
    head = _Head(url)
    body = bytearray()
    broken, what = None, ""
    try:
        await _follow(client, head, body)
    except (TimeoutError, aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
        broken, what = classify(error), f"{type(error).__name__}: {error}"
    except _Broken as error:
        broken, what = error.error_class, str(error)
    ms = round((time.monotonic() - started) * 1000)
    hide = painter(client.key)
    clean, removed = hide(bytes(body))
    got = Got(
        url=hide_text(head.url, client.key),
        status=head.status,
        headers={name: hide_text(text, client.key) for name, text in head.headers.items()},
        body=clean,
        ms=ms,
        key_removed=removed,
        broken=broken,
        what=hide_text(what, client.key),
    )
    outcome = got.status if got.broken is None else f"{got.broken} ({got.what})"
    _LOGGER.info("GET %s: %s, %d bytes in %d ms", got.url, outcome, len(got.body), got.ms)
    return got


@attrs.define
class _Head:
    """What is known of an answer so far."""

    url: str
    status: int | None = None
    headers: dict[str, str] = attrs.field(factory=dict)


class _Broken(Exception):
    """A response that ended otherwise than by its own end."""

    def __init__(self, error_class: str, what: str) -> None:
        super().__init__(what)
        self.error_class = error_class


def classify(error: BaseException) -> str:
    """The class of what aiohttp raised."""
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


async def _follow(client: Client, head: _Head, body: bytearray) -> None:
    """The answer at the end of the redirects."""
    limits = client.limits
    timeout = aiohttp.ClientTimeout(
        total=limits.total_s, sock_connect=limits.connect_s, sock_read=limits.read_s
    )
    for _ in range(_REDIRECTS + 1):
        secret = _secret(client, head.url)
        async with client.session.get(
            URL(head.url, encoded=True), headers=secret, timeout=timeout, allow_redirects=False
        ) as answer:
            head.status, head.headers = answer.status, kept_headers(answer.headers)
            target = answer.headers.get("Location")
            if not 300 <= answer.status < 400 or target is None:
                await _read(answer, body, limits.max_bytes)
                return
            head.url = _redirected(head.url, target)
    raise _Broken("redirects", f"more than {_REDIRECTS} redirects")


def _redirected(url: str, target: str) -> str:
    found = urljoin(url, target)
    before, after = urlsplit(url), urlsplit(found)
    if after.scheme not in _PORTS or (before.scheme == "https" and after.scheme == "http"):
        raise _Broken("redirects", f"redirected from {before.scheme} to {after.scheme}")
    return found


def _secret(client: Client, url: str) -> dict[str, str]:
    is_ours = client.key and origin(url) == origin(client.base_url)
    return {"Authorization": f"Bearer {client.key}"} if is_ours else {}


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what a key belongs to."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return (scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme))


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that matter later, lower-case; never cookies."""
    found = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in _KEPT or lower.startswith("x-ratelimit-"):
            found[lower] = value.encode("utf-8", "replace").decode()
    return found


async def _read(answer: aiohttp.ClientResponse, body: bytearray, most: int) -> None:
    """The body, decoded, into `body`. Raises `_Broken` at the cap or where it does not decode."""
    decode = _decoder(answer.headers.get("Content-Encoding", "").strip().lower())
    is_over = True
    async for chunk in answer.content.iter_chunked(_CHUNK):
        is_over = decode(chunk, body, most)
        if len(body) > most:
            del body[:]
            raise _Broken("too_large", f"more than {most} bytes after decoding")
    if not is_over:
        raise _Broken("encoding", "the compressed body does not end")


Decode = Callable[[bytes, bytearray, int], bool]
"""Adds what a chunk decodes to, at most one byte over the cap; whether all of it ended."""


def _decoder(encoding: str) -> Decode:
    if encoding in ("", "identity"):
        return _as_it_is
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise _Broken("encoding", f"content encoding {encoding!r} was not asked for")
    machine = zlib.decompressobj(47)

    def inflate(chunk: bytes, body: bytearray, most: int) -> bool:
        try:
            body += machine.decompress(chunk, most + 1 - len(body))
        except zlib.error as error:
            raise _Broken("encoding", str(error)) from error
        return machine.eof

    return inflate


def _as_it_is(chunk: bytes, body: bytearray, most: int) -> bool:
    body += chunk
    return True


def painter(key: str | None) -> Callable[[bytes], tuple[bytes, bool]]:
    """A function that paints a key over, as long as it was; and whether it was there."""
    forms = {key.encode(), quote(key, safe="").encode()} if key else set()

    def paint(data: bytes) -> tuple[bytes, bool]:
        found = False
        for form in forms:
            if form in data:
                data, found = data.replace(form, b"*" * len(form)), True
        return data, found

    return paint


def hide_text(text: str, key: str | None) -> str:
    """A text without the key."""
    return painter(key)(text.encode("utf-8", "replace"))[0].decode("utf-8", "replace")
