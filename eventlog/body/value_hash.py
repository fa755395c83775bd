"""The value hash: equal for two bodies with the same JSON value. Pure.

`c1:` and 128 bits of SHA-256 over the body without white space, members sorted by
decoded key (code points, equal keys in their order), strings with the shortest
escapes, numbers as spelled. It serves to count versions; it never decides what is stored.

The fast path parses with the C scanner of the standard library and writes with orjson.
It cannot process repeated keys, which a dict would lose, nor very deep values. For those,
the slow path processes the tokens in Python. Bytes that are not strict JSON are hashed
unchanged.
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
    """Returns the `c1` hash of a body: equal for equal values, regardless of their spelling.

    Law: reordering members, white space and escapes do not change it; the
    spelling of a number does (1 and 1.0 differ).
    """
    return _hash(normal_form(body))


def strict_value_hash(body: bytes) -> str:
    """Returns the `c1` hash of bytes that are known to be strict JSON."""
    return _hash(strict_normal_form(body))


def parsed_value_hash(value: object) -> str:
    """Returns the `c1` hash of a body that orjson parsed and would write back unchanged."""
    return _hash(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def parsed_value_hashes(values: Iterable[object]) -> list[str]:
    """Returns `parsed_value_hash` of each value, in order."""
    # Does not call `parsed_value_hash`: the calls would take a tenth of the time.
    return [
        "c1:" + sha256(orjson.dumps(value, None, orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        for value in values
    ]


def _hash(normal: bytes) -> str:
    return "c1:" + sha256(normal).hexdigest()[:32]


def normal_form(body: bytes) -> bytes:
    """Returns the bytes that are hashed. Idempotent."""
    return strict_normal_form(body) if is_strict(body) else body


def strict_normal_form(body: bytes) -> bytes:
    """Returns the normal form of bytes that are known to be strict JSON."""
    written = _by_orjson(body)
    if written is not None:
        return written
    try:
        return _by_json_decoder(body)
    except (_Repeated, orjson.JSONEncodeError):  # orjson's limit is 254 levels
        return _by_tokens(body)


def _by_orjson(body: bytes) -> bytes | None:
    """Returns the normal form by orjson, or None if orjson does not write the body unchanged."""
    try:
        value = orjson.loads(body)
        if orjson.dumps(value) != body:
            return None
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None


def is_strict(body: bytes) -> bool:
    """Whether every strict reader accepts these bytes as one JSON value.

    UTF-8 is checked separately: msgspec accepts invalid bytes inside strings.
    """
    try:
        body.decode()
        msgspec.json.decode(body, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return depth_at_most(body, _MAX_DEPTH)


def depth_at_most(body: bytes, limit: int) -> bool:
    """Whether no value is nested inside more than `limit` arrays and objects."""
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
    """An object contains a key twice."""


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


def _by_json_decoder(body: bytes) -> bytes:
    value = _DECODER.decode(body.decode())
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _by_tokens(body: bytes) -> bytes:
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
