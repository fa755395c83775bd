"""The value hash: when two bodies say the same thing. Pure.

`c1:` and 128 bits of SHA-256 over the body without white space, members sorted by
decoded key (code points, equal keys in their order), strings with the shortest
escapes, numbers as spelled. It counts versions; storing never depends on it.

The fast way lets the C scanner of the standard library parse and orjson write. It
gives up on repeated keys, which a dict would lose, and on the deepest values; then
the slow way walks the tokens itself. Bytes that are not strict JSON are hashed as they are.
"""

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec
import orjson

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_MAX_DEPTH = 256


def value_hash(body: bytes) -> str:
    """The `c1` hash of a body. Equal for equal values, whatever their spelling.

    Law: reordering members, white space and escapes do not change it; the
    spelling of a number does (1 and 1.0 differ).
    """
    return _named(normal_form(body))


def strict_value_hash(body: bytes) -> str:
    """The same, of bytes that are known to be strict JSON."""
    return _named(strict_normal_form(body))


def parsed_value_hash(value: object) -> str:
    """The same, of a value that orjson read from a body and writes back as the same bytes."""
    return _named(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def parsed_value_hashes(values: Iterable[object]) -> list[str]:
    """The same of many values, in their order."""
    # Not by way of `parsed_value_hash`: the calls would take a tenth of the time.
    return [
        "c1:" + sha256(orjson.dumps(value, None, orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        for value in values
    ]


def _named(normal: bytes) -> str:
    return "c1:" + sha256(normal).hexdigest()[:32]


def normal_form(body: bytes) -> bytes:
    """The bytes that are hashed: itself in normal form, again the same bytes."""
    return strict_normal_form(body) if is_strict(body) else body


def strict_normal_form(body: bytes) -> bytes:
    """The normal form of bytes that are known to be strict JSON."""
    written = _fastest(body)
    if written is not None:
        return written
    try:
        return _fast(body)
    except (_Repeated, orjson.JSONEncodeError):  # orjson goes 254 deep
        return _slow(body)


def _fastest(body: bytes) -> bytes | None:
    """Sorted by orjson, where reading and writing again shows that it loses nothing."""
    try:
        value = orjson.loads(body)
        if orjson.dumps(value) != body:
            return None
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None


def is_strict(body: bytes) -> bool:
    """Whether every strict reader accepts these bytes as one JSON value.

    UTF-8 is checked apart: msgspec lets invalid bytes pass inside strings.
    """
    try:
        body.decode()
        msgspec.json.decode(body, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return depth_at_most(body, _MAX_DEPTH)


def depth_at_most(body: bytes, limit: int) -> bool:
    """Whether no value lies inside more than `limit` arrays and objects."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return True
    depth = 0
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth > limit:
                return False
        elif token in (b"]", b"}"):
            depth -= 1
    return True


class _Repeated(Exception):
    """An object with a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Repeated
    return members


def _as_spelled(text: str) -> orjson.Fragment:
    return orjson.Fragment(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_as_spelled, parse_float=_as_spelled
)


def _fast(body: bytes) -> bytes:
    value = _DECODER.decode(body.decode())
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _slow(body: bytes) -> bytes:
    tokens = (match[0] for match in _TOKEN.finditer(body))
    return _write(next(tokens), tokens)


def _write(token: bytes, tokens: Iterator[bytes]) -> bytes:
    if token == b"{":
        return _write_object(tokens)
    if token == b"[":
        return _write_array(tokens)
    if token.startswith(b'"'):
        return orjson.dumps(json.loads(token))
    return token


def _write_object(tokens: Iterator[bytes]) -> bytes:
    members: list[tuple[str, bytes]] = []
    for token in tokens:
        if token == b"}":
            break
        if token == b",":
            continue
        key = json.loads(token)
        next(tokens)  # the colon
        members.append((key, _write(next(tokens), tokens)))
    members.sort(key=lambda member: member[0])  # stable: equal keys keep their order
    written = (orjson.dumps(key) + b":" + value for key, value in members)
    return b"{" + b",".join(written) + b"}"


def _write_array(tokens: Iterator[bytes]) -> bytes:
    items: list[bytes] = []
    for token in tokens:
        if token == b"]":
            break
        if token != b",":
            items.append(_write(token, tokens))
    return b"[" + b",".join(items) + b"]"
