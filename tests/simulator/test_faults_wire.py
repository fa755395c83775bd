"""Faults of the wire: encodings, byte order mark, headers, and endless paginations."""

import gzip
import zlib
from collections.abc import Callable

import aiohttp
import orjson
import pytest
import zstandard

from fetcher.simulator.faults.delivery import asked_query
from fetcher.simulator.faults.encodings import ENCODINGS, encode_body, uncompressed_brotli
from fetcher.simulator.faults.plan import Fault
from tests.simulator.requesting import OR, C
from tests.simulator.test_faults import LIST, spoilt
from tests.simulator.test_http import body, faulty, visit

BODY = b'{"a":[' + b"1," * 500 + b"2]}"
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "members": gzip.decompress,
    "raw": lambda data: zlib.decompress(data, -15),
    "none": bytes,
    "plain": bytes,
    "twice": lambda data: gzip.decompress(gzip.decompress(data)),
    "truncated": lambda data: zlib.decompressobj(31).decompress(data),
    "zstd": zstandard.decompress,
    "br": lambda data: data[3:-1],
    "garbage": lambda data: zlib.decompressobj(31).decompress(data),
}


@pytest.mark.parametrize("form", ENCODINGS)
def test_an_encoded_body_can_be_decoded(form: str) -> None:
    encoded_body, _ = encode_body(BODY, form)

    assert BODY.startswith(DECODERS[form](encoded_body)[: len(BODY) - 20])
    assert len(DECODERS[form](encoded_body)) > len(BODY) // 2


@pytest.mark.parametrize(
    ("size", "encoded"),
    [(0, b"\x06"), (1, b"\x00\x00\x10x\x03"), (5, b"\x40\x00\x10xxxxx\x03")],
)
def test_uncompressed_brotli_has_a_header_of_three_bytes_per_block(
    size: int, encoded: bytes
) -> None:
    assert uncompressed_brotli(b"x" * size) == encoded
    assert len(uncompressed_brotli(b"x" * 200_000)) == 200_000 + 4 * 3 + 1


@pytest.mark.parametrize("form", ENCODINGS)
def test_an_encoding_is_sent_with_its_header(form: str) -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[str, bytes]:
        async with client.get(f"{C}/models") as response:
            return response.headers["Content-Encoding"], await response.read()

    name, received = visit(faulty(f"encoding.{form}:1"), act, auto_decompress=False)

    sending = spoilt("encoding", form)
    assert ("Content-Encoding", name) in sending.answer.headers
    decoded = DECODERS[form](received)
    assert decoded.startswith(b'{"items":[') and len(decoded) > 1000


def test_what_is_observed_is_what_a_client_can_decode() -> None:
    observed: list[bytes] = []

    async def act(client: aiohttp.ClientSession, origin: str) -> bytes:
        return (await body(client, f"{C}/models"))[1]

    for form in ("members", "br"):
        app = faulty(f"encoding.{form}:1", observe=lambda _, status, part: observed.append(part))
        received = visit(app, act, auto_decompress=False)

    assert observed[0].startswith(b'{"items":[')
    assert observed[1] == received


def test_a_byte_order_mark_precedes_the_page() -> None:
    assert spoilt("bom").answer.body == b"\xef\xbb\xbf" + LIST.body


def test_a_bad_header_is_refused_and_a_long_one_exceeds_the_limit_of_the_library() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[int, bytes]:
        return await body(client, f"{OR}/models")

    assert spoilt("badheader").answer.body == LIST.body
    for fault, problem in (("badheader", "Invalid header token"), ("longheader", "more than 8190")):
        with pytest.raises(aiohttp.ClientResponseError, match=problem):
            visit(faulty(f"{fault}:1"), act)

    assert visit(faulty("longheader:1"), act, max_field_size=65_536)[0] == 200


@pytest.mark.parametrize(("form", "count"), [("same", 3), ("empty", 0)])
def test_an_endless_listing_always_has_a_new_cursor(form: str, count: int) -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[list[str], set[bytes]]:
        cursors, items = [""], set()
        for _ in range(9):
            query = f"&cursor={cursors[-1]}" if cursors[-1] else ""
            page = orjson.loads((await body(client, f"{C}/models?limit=3{query}"))[1])
            items.add(orjson.dumps(page["items"]))
            assert len(page["items"]) == count
            cursors.append(page["metadata"]["nextCursor"])
        return cursors, items

    cursors, items = visit(faulty(f"endless.{form}:1"), act)

    assert (len(set(cursors)), len(items)) == (10, 1)


def test_only_an_endless_listing_ignores_the_cursor() -> None:
    query = {"cursor": "7", "limit": "3"}

    assert asked_query(None, query) == query
    assert asked_query(Fault("bom", "", 0, 1), query) == query
    assert asked_query(Fault("endless", "same", 0, 1), query) == {"limit": "3"}
