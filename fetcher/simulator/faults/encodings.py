"""Content encodings that servers send unasked, wrongly or in an unusual form. Pure."""

import zlib

import zstandard

ENCODINGS = ("members", "raw", "none", "plain", "twice", "truncated", "zstd", "br", "garbage")
"""How a body is encoded, apart from what its header says."""

_BROTLI_BLOCK_BYTES = 65_536


def encode_body(body: bytes, form: str) -> tuple[bytes, str]:
    """Returns an encoded body and its `Content-Encoding`."""
    match form:
        case "members":
            half = len(body) // 2
            return _compress(body[:half], 31) + _compress(body[half:], 31), "gzip"
        case "raw":
            return _compress(body, -15), "deflate"
        case "none":
            return body, "none"
        case "plain":
            return body, "gzip"
        case "twice":
            return _compress(_compress(body, 31), 31), "gzip"
        case "truncated":
            return _compress(body, 31)[:-9], "gzip"
        case "garbage":
            return _compress(body, 31) + b"trailing garbage", "gzip"
        case "zstd":
            return zstandard.compress(body), "zstd"
        case _:
            return uncompressed_brotli(body), "br"


def _compress(body: bytes, wbits: int) -> bytes:
    compressor = zlib.compressobj(wbits=wbits)
    return compressor.compress(body) + compressor.flush()


def uncompressed_brotli(body: bytes) -> bytes:
    """Returns a body as a stream of uncompressed brotli blocks (RFC 7932, section 9.2)."""
    pieces: list[bytes] = []
    for start in range(0, len(body), _BROTLI_BLOCK_BYTES):
        block = body[start : start + _BROTLI_BLOCK_BYTES]
        header = (len(block) - 1) << 3 | 1 << 19
        if not pieces:
            header <<= 1  # one more bit precedes the first block: a window of 64 KiB
        pieces += [header.to_bytes(3, "little"), block]
    return b"".join((*pieces, b"\x03" if pieces else b"\x06"))
