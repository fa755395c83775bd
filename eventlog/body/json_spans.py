"""Finds the byte offsets of the members and elements of a JSON value. Pure.

Spans are half-open offsets into the same buffer; nothing is copied or changed.

The fast path lets msgspec decode only the requested members. The offset of an element
follows from the lengths of the elements before it; the offset of a member follows from
the memory address of its `Raw` view (a text search could hit an equal copy). msgspec
rejects a whole page for a single NaN or lone surrogate. Then the slow path is used: our
own scanner, which recognizes only strings and brackets. If a key is repeated, both paths
take its last occurrence.
"""

import ctypes
import json
import re
from functools import cache
from typing import Any

import attrs
import msgspec

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:"]', re.DOTALL)
_BLANK = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@attrs.frozen
class Span:
    """Half-open offsets of a value in a buffer."""

    start: int
    end: int

    def of(self, buffer: bytes) -> bytes:
        """The bytes of the value."""
        return buffer[self.start : self.end]


class NotJson(ValueError):
    """Bytes that are not the expected JSON value; `offset` is that of the first wrong byte."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"{what} at byte {offset}")
        self.offset = offset


def value_span(buffer: bytes) -> Span:
    """Returns the span of a buffer's value, without white space and byte order mark around it."""
    start = len(BYTE_ORDER_MARK) if buffer.startswith(BYTE_ORDER_MARK) else 0
    body = buffer[start:]
    start += len(body) - len(body.lstrip(_BLANK))
    end = len(buffer.rstrip(_BLANK))
    if start >= end:
        raise NotJson("no JSON value", start)
    return Span(start, end)


def value_of(buffer: bytes) -> bytes:
    """Returns the bytes of a buffer's value (see `value_span`); empty if there is none."""
    try:
        return value_span(buffer).of(buffer)
    except NotJson:
        return b""


def member_spans(buffer: bytes, span: Span, names: tuple[str, ...]) -> dict[str, Span]:
    """Returns the spans of those named members that exist. Raises `NotJson` if not an object."""
    if buffer[span.start : span.start + 1] != b"{":
        raise NotJson("expected an object", span.start)
    raws = _fast_members(memoryview(buffer)[span.start : span.end], names)
    if raws is None:
        spans = _slow_members(buffer, span)
        return {name: spans[name] for name in names if name in spans}
    base = _address(buffer)[0]
    return {name: _span(base, raw) for name, raw in raws.items()}


def all_member_spans(buffer: bytes, span: Span) -> dict[str, Span]:
    """Returns the spans of all members of an object, in order. Raises `NotJson` if it is none."""
    if buffer[span.start : span.start + 1] != b"{":
        raise NotJson("expected an object", span.start)
    try:
        raws = _ALL_MEMBERS.decode(memoryview(buffer)[span.start : span.end])
    except _DECODE_ERRORS:
        return _slow_members(buffer, span)
    base = _address(buffer)[0]
    return {name: _span(base, raw) for name, raw in raws.items()}


def member_values(value: bytes, names: tuple[str, ...]) -> dict[str, bytes]:
    """Returns the bytes of those named members of an object that exist. Raises `NotJson`."""
    if value[:1] != b"{":
        value = value_of(value)
    if value[:1] != b"{":
        raise NotJson("expected an object", 0)
    raws = _fast_members(value, names)
    if raws is None:
        spans = _slow_members(value, Span(0, len(value)))
        return {name: spans[name].of(value) for name in names if name in spans}
    return {name: bytes(raw) for name, raw in raws.items()}


def element_spans(buffer: bytes, span: Span) -> list[Span]:
    """Returns the span of each element of an array. Raises `NotJson` if not an array."""
    if buffer[span.start : span.start + 1] != b"[":
        raise NotJson("expected an array", span.start)
    raws = _fast_elements(buffer, span)
    return raws if raws is not None else _slow_elements(buffer, span)


def locate(body: bytes, root: Span, pointer: str) -> Span | None:
    """Returns the span of the value at a pointer without `*`, or None if there is none."""
    span = root
    for key in pointer.split("/")[1:]:
        if body[span.start : span.start + 1] != b"{":
            return None
        inner = member_spans(body, span, (key,)).get(key)
        if inner is None:
            return None
        span = inner
    return span


def elements_or_object(body: bytes, span: Span | None) -> list[Span]:
    """Returns the spans of an array's elements, or the span of an object in place of the array."""
    opening = body[span.start : span.start + 1] if span else b""
    if span is None or opening not in (b"[", b"{"):
        return []
    try:
        return element_spans(body, span) if opening == b"[" else [span]
    except NotJson:
        return []


def replace_spans(body: bytes, cuts: list[tuple[Span, bytes]]) -> bytes:
    """Returns the body with each span replaced by its bytes. Spans must not overlap."""
    pieces: list[bytes] = []
    at = 0
    for span, new in sorted(cuts, key=lambda cut: cut[0].start):
        pieces += (body[at : span.start], new)
        at = span.end
    return b"".join((*pieces, body[at:]))


class _Buffer(ctypes.Structure):
    """The struct `Py_buffer` of CPython's stable ABI."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int)
_release = ctypes.pythonapi.PyBuffer_Release
_release.argtypes = (ctypes.POINTER(_Buffer),)


def _address(value: object) -> tuple[int, int]:
    view = _Buffer()
    _get_buffer(value, ctypes.byref(view), 0)
    address = (view.buf or 0, view.len)
    _release(ctypes.byref(view))
    return address


_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_ALL_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DECODE_ERRORS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_MISSING = msgspec.Raw(b"")
_SEPARATORS = _BLANK + b","


@cache
def _decoder_of(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Returns a decoder that reads the named members and skips all others."""
    fields = {f"member_{number}": name for number, name in enumerate(names)}
    wanted = [(field, msgspec.Raw, _MISSING) for field in fields]
    return msgspec.json.Decoder(msgspec.defstruct("Members", wanted, rename=fields))


def _fast_members(
    value: bytes | memoryview, names: tuple[str, ...]
) -> dict[str, msgspec.Raw] | None:
    try:
        decoded = _decoder_of(names).decode(value)
    except _DECODE_ERRORS:
        return None
    raws = zip(names, msgspec.structs.astuple(decoded), strict=True)
    return {name: raw for name, raw in raws if raw is not _MISSING}


def _fast_elements(buffer: bytes, span: Span) -> list[Span] | None:
    try:
        decoded = _ELEMENTS.decode(memoryview(buffer)[span.start : span.end])
    except _DECODE_ERRORS:
        return None
    spans = []
    at = span.start + 1
    for raw in decoded:
        while buffer[at] in _SEPARATORS:
            at += 1
        spans.append(Span(at, at + len(raw)))
        at += len(raw)
    return spans


def _span(base: int, raw: msgspec.Raw) -> Span:
    address, length = _address(raw)
    return Span(address - base, address - base + length)


def _slow_members(buffer: bytes, span: Span) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    for part in _parts(buffer, span, b"}"):
        token = _TOKEN.match(buffer, part.start)
        colon = buffer.find(b":", token.end(), part.end) if token else -1
        if token is None or token[0][:1] != b'"' or colon < 0:
            raise NotJson("expected a member", part.start)
        spans[_key(token[0])] = _trim(buffer, colon + 1, part.end)
    return spans


def _slow_elements(buffer: bytes, span: Span) -> list[Span]:
    return list(_parts(buffer, span, b"]"))


def _parts(buffer: bytes, span: Span, closing: bytes) -> list[Span]:
    """Returns the spans between the commas of one array or object."""
    parts: list[Span] = []
    depth, start, last = 1, span.start + 1, span.start
    for match in _TOKEN.finditer(buffer, span.start + 1, span.end):
        token = match[0]
        if token == b'"':
            raise NotJson("a string does not end", match.start())
        last = match.end()
        if token in (b"[", b"{"):
            depth += 1
        elif token in (b"]", b"}"):
            depth -= 1
        if depth == 0 or (depth == 1 and token == b","):
            part = _trim(buffer, start, match.start())
            if part.start < part.end:
                parts.append(part)
            start = match.end()
        if depth == 0:
            break
    if depth != 0 or last != span.end or buffer[span.end - 1 : span.end] != closing:
        raise NotJson("an array or object does not end", last)
    return parts


def _trim(buffer: bytes, start: int, end: int) -> Span:
    while start < end and buffer[start] in _BLANK:
        start += 1
    while end > start and buffer[end - 1] in _BLANK:
        end -= 1
    return Span(start, end)


def _key(token: bytes) -> str:
    try:
        key = json.loads(token.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return token[1:-1].decode("utf-8", "replace")
    return str(key)
