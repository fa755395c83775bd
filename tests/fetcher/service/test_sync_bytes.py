"""Syncs of unusual bytes: whatever arrives is in the log, decoded or as received, and no secret."""

import asyncio
import gzip
import zlib
from pathlib import Path

import orjson
import pytest
import zstandard
from aiohttp import web

from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED, exact_body
from fetcher.net.http import HttpLimits
from fetcher.sources import SOURCES
from tests.fetcher.making import Handle, lines, responses
from tests.fetcher.syncing import is_complete, sync_once, sync_with

CIVITAI = SOURCES["civitai"]
BOM = b"\xef\xbb\xbf"
FIRST = b'{"items":[{"id":1},{"id":2}],"metadata":{"nextCursor":3}}'
SECOND = b'{"items":[{"id":3}],"metadata":{}}'


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


def two_pages(encode: object, content_encoding: str) -> Handle:
    """A listing of two pages, each encoded by a function."""

    async def handle(request: web.Request) -> web.Response:
        body = SECOND if "cursor" in request.query else FIRST
        headers = {"Content-Encoding": content_encoding} if content_encoding else {}
        return web.Response(body=encode(body), headers=headers)  # type: ignore[operator]

    return handle


@pytest.mark.parametrize(
    ("encode", "content_encoding"),
    [
        (lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:]), "gzip"),
        (raw_deflate, "deflate"),
        (bytes, "none"),
        (bytes, "gzip"),
        (gzip.compress, ""),
        (zstandard.compress, "zstd"),
    ],
)
def test_a_listing_in_an_unusual_encoding_is_complete(
    tmp_path: Path, encode: object, content_encoding: str
) -> None:
    report = sync_with(tmp_path, CIVITAI, two_pages(encode, content_encoding), listings=["images"])

    assert is_complete(report)
    assert list(responses(tmp_path, "civitai")) == [FIRST, SECOND]
    assert not [line for line in lines(tmp_path, "civitai") if line.kind == ANOMALY]


@pytest.mark.parametrize("prefix", [BOM, b"\n", BOM + b" \r\n"])
def test_a_byte_order_mark_or_white_space_before_a_page_changes_nothing(
    tmp_path: Path, prefix: bytes
) -> None:
    encode = prefix.__add__

    report = sync_with(tmp_path, CIVITAI, two_pages(encode, ""), listings=["images"])

    assert is_complete(report)
    assert list(responses(tmp_path, "civitai")) == [prefix + FIRST, prefix + SECOND]
    pages = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert [len(page.roster["/items"]) for page in pages] == [2, 1]
    assert [page.last for page in pages] == [False, True]


@pytest.mark.parametrize(
    ("body", "content_encoding", "why"),
    [
        (b"\x0b\x1e\x80" + FIRST + b"\x03", "br", "'br' was not requested"),
        (gzip.compress(FIRST) + b"garbage", "gzip", "incorrect header check"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_kept_as_received(
    tmp_path: Path, body: bytes, content_encoding: str, why: str
) -> None:
    answer = two_pages(lambda _: body, content_encoding)

    report = sync_with(tmp_path, CIVITAI, answer, listings=["images"])

    events = lines(tmp_path, "civitai")
    assert [exact_body(line) for line in events if line.kind == ANOMALY] == [body]
    assert why in str(report.listings[0].why)


BAD_HEADERS = (
    b"Set-Cookie session=SECRET",
    b"Set-Cookie: session=SECRET" + b"x" * 70_000,
    b"Set-Cookie: a=1\r\n\x01SECRET: 1",
    b"Content-Length: 2\r\nContent-Length: SECRET",
)


@pytest.mark.parametrize("header", BAD_HEADERS)
def test_no_secret_gets_into_the_archive_through_the_text_of_an_exception(
    tmp_path: Path, header: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n{}")
        writer.close()

    async def sync() -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            report = await sync_once(tmp_path, CIVITAI, origin, listings=["models"])
        return str(report.listings[0].why)

    why = asyncio.run(sync())

    failed = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE_FAILED]
    assert len(failed) == 1
    texts = [why, caplog.text, *(str(path.read_bytes()) for path in files(tmp_path))]
    assert not [text for text in texts if "SECRET" in text]
    bodies = [line for line in lines(tmp_path, "civitai") if line.kind == ANOMALY]
    assert [exact_body(line) for line in bodies] == [b"{}"]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_error_of_a_body_over_the_cap_names_the_bytes_seen(tmp_path: Path) -> None:
    body = orjson.dumps({"items": [{"id": 1, "text": "x" * 9000}]})
    packed = gzip.compress(body)

    limits = HttpLimits(max_bytes=5000)
    answer = two_pages(lambda _: packed, "gzip")
    report = sync_with(tmp_path, CIVITAI, answer, listings=["models"], limits=limits)

    what = f"more than 5000 bytes after decoding; {len(packed)} bytes were received"
    assert report.listings[0].why == f"too_large: {what}"
    assert any(what.encode() in path.read_bytes() for path in files(tmp_path / "log"))
