"""Decodes response bodies by their `Content-Encoding`, and keeps what cannot be decoded. Pure.

    bytes as received ── each announced coding, the last one first ──> body
                     └── not decodable ──> the same bytes, and an error class

Servers announce codings that they do not use. A body that is text despite the header is
taken as it is. Undecodable bytes are returned whole, and a compressed body that breaks off
is returned up to that point. Only a body over the maximum size is dropped.
"""

import codecs
import zlib

import attrs
import zstandard

_IDENTITY = frozenset({"", "identity", "none"})
_ZLIB_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_RAW_DEFLATE_FORMAT = -zlib.MAX_WBITS
"""Deflate without the header of zlib, as some servers send it."""
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_CODINGS = 4
"""Codings of one body, announced or not; each one multiplies the work."""
_PIECE_BYTES = 16 * 1024
"""Input of one step. Every member of a gzip file copies the rest of its piece."""
_ZSTD_PIECE_BYTES = 256
"""Input of one step of zstd, which returns at most 8 MiB: it has no limit for its output."""
_TEXT_BYTES = 256
"""Bytes at the beginning of a body that decide whether it is text."""


@attrs.frozen
class DecodedBody:
    """A body, decoded if possible, or the error that prevents it."""

    body: bytes
    error_class: str | None = None
    """`encoding` or `too_large`; None if the body is complete."""
    message: str = ""


class _CannotDecode(Exception):
    """Bytes that do not have the announced coding."""


class _TooLarge(Exception):
    """A body with more than the maximum number of bytes."""


class _Truncated(Exception):
    """A compressed body that breaks off."""

    def __init__(self, decoded: bytes) -> None:
        super().__init__("the compressed body is truncated")
        self.decoded = decoded


def decode_body(received: bytes, content_encoding: str, max_bytes: int) -> DecodedBody:
    """Returns the decoded body of a response. `content_encoding` is the header, in any case.

    `max_bytes` limits the body before and after every decoding.
    """
    announced = [name.strip().lower() for name in content_encoding.split(",")]
    codings = [name for name in announced if name not in _IDENTITY]
    body = received
    try:
        if len(received) > max_bytes:
            raise _TooLarge
        if len(codings) > _MAX_CODINGS:
            raise _CannotDecode(f"more than {_MAX_CODINGS} content encodings")
        for coding in reversed(codings):
            body = _decode_or_text(body, coding, max_bytes)
        return DecodedBody(_decode_unannounced(body, _MAX_CODINGS - len(codings), max_bytes))
    except _TooLarge:
        what = f"more than {max_bytes} bytes after decoding; {len(received)} bytes were received"
        return DecodedBody(b"", "too_large", what)
    except _Truncated as error:
        is_readable = _is_text(error.decoded)
        return DecodedBody(error.decoded if is_readable else received, "encoding", str(error))
    except _CannotDecode as error:
        return DecodedBody(received, "encoding", f"{error}; kept as received")


def _decode_or_text(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Decodes one coding; returns text that is not encoded, despite the header, unchanged."""
    try:
        return _decode(body, coding, max_bytes) if body else body
    except (_CannotDecode, _Truncated):
        if _is_text(body):
            return body
        raise


def _decode_unannounced(body: bytes, max_codings: int, max_bytes: int) -> bytes:
    """Decodes gzip and zstd that no header announced; returns other bodies unchanged."""
    for _ in range(max_codings):
        if not body.startswith((_GZIP_MAGIC, _ZSTD_MAGIC)):
            break
        body = _decode(body, "", max_bytes)
    return body


def _decode(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Decodes a body by its first bytes, which are more reliable than the announced coding."""
    if body.startswith(_GZIP_MAGIC):
        return _inflate(body, _GZIP_FORMAT, max_bytes)
    if body.startswith(_ZSTD_MAGIC) or coding == "zstd":
        return _decode_zstd(body, max_bytes)
    if coding not in _ZLIB_CODINGS:
        raise _CannotDecode(f"content encoding {coding[:40]!r} was not requested")
    try:
        return _inflate(body, zlib.MAX_WBITS, max_bytes)
    except _CannotDecode as error:
        if coding != "deflate":
            raise
        try:
            return _inflate(body, _RAW_DEFLATE_FORMAT, max_bytes)
        except _CannotDecode:
            raise error from None


def _inflate(body: bytes, wbits: int, max_bytes: int) -> bytes:
    """Decompresses a body by zlib: of gzip, all members, one after the other.

    `wbits` is the format, as `zlib.decompressobj` takes it.
    """
    output = bytearray()
    decompressor = zlib.decompressobj(wbits)
    for start in range(0, len(body), _PIECE_BYTES):
        rest = body[start : start + _PIECE_BYTES]
        while rest:
            if decompressor.eof:
                rest = rest.lstrip(b"\0")  # gzip files may be padded
                if not rest:
                    break
                if wbits != _GZIP_FORMAT:
                    raise _CannotDecode("bytes follow the compressed body")
                decompressor = zlib.decompressobj(wbits)
            try:
                output += decompressor.decompress(rest, max_bytes + 1 - len(output))
            except zlib.error as error:
                raise _CannotDecode(str(error)) from error
            if len(output) > max_bytes:
                raise _TooLarge
            rest = decompressor.unused_data
    if not decompressor.eof:
        raise _Truncated(bytes(output))
    return bytes(output)


def _decode_zstd(body: bytes, max_bytes: int) -> bytes:
    """Decompresses all frames of a zstd body."""
    output = bytearray()
    context = zstandard.ZstdDecompressor()
    decompressor = context.decompressobj()
    for start in range(0, len(body), _ZSTD_PIECE_BYTES):
        rest = body[start : start + _ZSTD_PIECE_BYTES]
        while rest:
            if decompressor.eof:
                decompressor = context.decompressobj()
            try:
                output += decompressor.decompress(rest)
            except zstandard.ZstdError as error:
                raise _CannotDecode(str(error)) from error
            if len(output) > max_bytes:
                raise _TooLarge
            rest = decompressor.unused_data
    if not decompressor.eof:
        raise _Truncated(bytes(output))
    return bytes(output)


def _is_text(body: bytes) -> bool:
    """Whether a body begins like JSON or a web page, not like compressed data."""
    beginning = body[:_TEXT_BYTES].removeprefix(codecs.BOM_UTF8)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return False
    has_control_characters = any(char < " " and char not in "\t\r\n" for char in text)
    return text.lstrip()[:1] in ("{", "[", "<") and not has_control_characters
