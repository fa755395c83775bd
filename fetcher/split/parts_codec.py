"""Compact encoding of a split response, for a process that has the response itself. Pure.

    parts ── encode_parts ──> bytes ── decode_parts, with the body ──> parts

If the entities are adjacent in the response, only their lengths are encoded: their bodies
are slices of the response, which both sides have. Otherwise the bodies are encoded, too.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from eventlog.body.split_rules import Entity, Rule
from fetcher.split.response import SplitResponse

MAX_ENCODED_BYTES = 32 * 1024 * 1024
"""Maximum size of the encoding. It can exceed the page: every child repeats its parent's id."""


class _Adjacent(msgspec.Struct, array_like=True):
    """Entities of one rule that are adjacent in the response, separated by commas."""

    first: int
    lengths: bytes
    ids: list[str]


class _EncodedParts(msgspec.Struct, array_like=True):
    adjacent: _Adjacent | None
    entities: tuple[Entity, ...]
    page_body: bytes | None
    digests: tuple[bytes, ...]
    hashes: tuple[str | None, ...] | None
    misfits: tuple[tuple[str, bytes], ...]
    shapes: dict[str, str]
    is_exact: bool
    sha256: str


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_EncodedParts)


def encode_parts(parts: SplitResponse) -> bytes | None:
    """Returns the encoding; None if it would be too large. Drops `values`."""
    adjacent = _adjacent(parts) if parts.first is not None else None
    if adjacent is None and sum(map(_max_encoded_size, parts.entities)) > MAX_ENCODED_BYTES:
        return None
    return _ENCODER.encode(
        _EncodedParts(
            adjacent,
            parts.entities if adjacent is None else (),
            parts.page_body,
            parts.digests,
            parts.hashes,
            parts.misfits,
            dict(parts.shapes),
            parts.is_exact,
            parts.sha256,
        )
    )


def _max_encoded_size(entity: Entity) -> int:
    """Upper bound: a character takes at most 4 bytes in UTF-8."""
    parent = entity.parent or ("", "")
    texts = (entity.pointer, entity.type, entity.shape, entity.id, *parent)
    return len(entity.body) + 4 * sum(map(len, texts)) + 128


def _adjacent(parts: SplitResponse) -> _Adjacent:
    lengths = array("I", [len(entity.body) for entity in parts.entities])
    return _Adjacent(parts.first or 0, lengths.tobytes(), [entity.id for entity in parts.entities])


def decode_parts(encoded: bytes, body: bytes, rules: Sequence[Rule]) -> SplitResponse:
    """Inverse of `encode_parts`, given the same response body and rules."""
    decoded = _DECODER.decode(encoded)
    adjacent = decoded.adjacent
    return SplitResponse(
        envelope=decoded.page_body or body,
        entities=decoded.entities if adjacent is None else _slices(adjacent, body, rules[0]),
        values=None,
        first=None if adjacent is None else adjacent.first,
        digests=decoded.digests,
        misfits=decoded.misfits,
        shapes=decoded.shapes,
        page_body=decoded.page_body,
        is_exact=decoded.is_exact,
        sha256=decoded.sha256,
        hashes=decoded.hashes,
    )


def _slices(adjacent: _Adjacent, body: bytes, rule: Rule) -> tuple[Entity, ...]:
    lengths = array("I", adjacent.lengths)
    starts = accumulate(lengths, lambda start, length: start + length + 1, initial=adjacent.first)
    pointer, type_, shape, parent = rule.pointer, rule.type, rule.shape, rule.parent
    return tuple(
        Entity(pointer, type_, shape, id_, body[start : start + length], parent)
        for id_, start, length in zip(adjacent.ids, starts, lengths, strict=False)
    )
