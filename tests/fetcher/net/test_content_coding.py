"""Content codings: what can be decoded is decoded, everything else is kept as received."""

import gzip
import os
import tracemalloc
import zlib

import pytest
import zstandard

from fetcher.net.content_coding import decode_body

JSON = b'{"data":[{"id":"a","name":"\xc3\xa4"}]}'
BROTLI = b"\x0b\x02\x80hello\x03"
LIMIT = 1_000_000


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(body) + compressor.flush()


GZIP = gzip.compress(JSON)
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
HALVES = gzip.compress(JSON[:9]) + gzip.compress(JSON[9:])


@pytest.mark.parametrize(
    ("received", "content_encoding"),
    [
        (JSON, ""),
        (JSON, "identity"),
        (JSON, "None"),
        (JSON, ", identity ,"),
        (GZIP, "gzip"),
        (GZIP, " X-GZIP "),
        (HALVES, "gzip"),
        (gzip.compress(b"") + HALVES, "gzip"),
        (GZIP + b"\0" * 40_000, "gzip"),
        (b"".join(gzip.compress(JSON[at : at + 1]) for at in range(len(JSON))), "gzip"),
        (zlib.compress(JSON), "deflate"),
        (raw_deflate(JSON), "deflate"),
        (zlib.compress(JSON), "gzip"),
        (GZIP, "deflate"),
        (zstandard.compress(JSON), "zstd"),
        (zstandard.compress(JSON[:5]) + SKIPPABLE + zstandard.compress(JSON[5:]), "zstd"),
        (JSON, "gzip"),
        (JSON, "deflate"),
        (JSON, "br"),
        (JSON, "zstd"),
        (JSON, "utf-8"),
        (b"\xef\xbb\xbf \n" + JSON, "gzip"),
        (gzip.compress(GZIP), "gzip, gzip"),
        (gzip.compress(zlib.compress(JSON)), "deflate, gzip"),
        (gzip.compress(GZIP), "gzip"),
        (GZIP, ""),
        (GZIP, "none"),
        (GZIP, "binary"),
        (zstandard.compress(JSON), "gzip"),
        (b"", "gzip"),
    ],
)
def test_what_can_be_decoded_is_decoded_whatever_is_announced(
    received: bytes, content_encoding: str
) -> None:
    decoded = decode_body(received, content_encoding, LIMIT)

    assert (decoded.error_class, decoded.message) == (None, "")
    assert decoded.body.removeprefix(b"\xef\xbb\xbf \n") == (JSON if received else b"")


@pytest.mark.parametrize(
    ("received", "content_encoding", "why"),
    [
        (BROTLI, "br", "'br' was not requested"),
        (BROTLI, "gzip, br", "'br' was not requested"),
        (b"\x1f\x9d\x90", "compress", "'compress' was not requested"),
        (b"no gzip at all", "gzip", "incorrect header check"),
        (b"{\x00\x01\x02}", "br", "'br' was not requested"),
        (GZIP[:-8] + b"12345678", "gzip", "incorrect data check"),
        (GZIP + b"and more", "gzip", "incorrect header check"),
        (zlib.compress(JSON) + b"and more", "deflate", "bytes follow"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 30, "zstd", "decompress"),
        (gzip.compress(os.urandom(900))[:-20], "gzip", "truncated"),
        (GZIP[:10], "gzip", "truncated"),
        (GZIP, "gzip,gzip,gzip,gzip,gzip", "more than 4"),
    ],
)
def test_what_cannot_be_decoded_is_kept_as_received(
    received: bytes, content_encoding: str, why: str
) -> None:
    decoded = decode_body(received, content_encoding, LIMIT)

    assert (decoded.body, decoded.error_class) == (received, "encoding")
    assert why in decoded.message


@pytest.mark.parametrize(
    ("received", "content_encoding"),
    [
        (GZIP[:-9], "gzip"),
        (gzip.compress(JSON[:20]) + gzip.compress(JSON[20:])[:-4], "gzip"),
        (raw_deflate(JSON * 9)[:-2], "deflate"),
    ],
)
def test_a_compressed_body_that_breaks_off_is_readable_up_to_there(
    received: bytes, content_encoding: str
) -> None:
    decoded = decode_body(received, content_encoding, LIMIT)

    assert (decoded.error_class, decoded.message) == (
        "encoding",
        "the compressed body is truncated",
    )
    assert len(decoded.body) > 20 and (JSON * 9).startswith(decoded.body)


@pytest.mark.parametrize("content_encoding", ["", "gzip", "deflate", "zstd"])
@pytest.mark.parametrize("excess", [0, 1])
def test_the_maximum_size_applies_to_the_decoded_body(content_encoding: str, excess: int) -> None:
    body = b"[" + b"1" * (LIMIT - 2 + excess) + b"]"
    compress = {"gzip": gzip.compress, "deflate": raw_deflate, "zstd": zstandard.compress}
    received = compress.get(content_encoding, bytes)(body)

    decoded = decode_body(received, content_encoding, LIMIT)

    assert decoded.error_class == ("too_large" if excess else None)
    assert decoded.body == (b"" if excess else body)
    assert not excess or f"{len(received)} bytes were received" in decoded.message


@pytest.mark.parametrize("content_encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_is_not_decompressed_beyond_the_maximum_size(content_encoding: str) -> None:
    zeros = b"\0" * 60_000_000
    compress = {"gzip": gzip.compress, "deflate": raw_deflate, "zstd": zstandard.compress}
    received = compress[content_encoding](zeros)

    tracemalloc.start()
    try:
        assert decode_body(received, content_encoding, LIMIT).error_class == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
