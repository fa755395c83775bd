"""Parcels: parts of a response as few bytes, for the process that has the response. Pure.

    parts ──pack──> bytes ──unpack, with the body──> parts

Where the entities lie in the response one after the other only their lengths travel:
their bytes are slices of what both sides have. Elsewhere the bodies travel too.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from eventlog.body.split_rules import Entity, Rule
from fetcher.split.response import Parts

MOST_BYTES = 32 * 1024 * 1024
"""What a page becomes at most: a long name of a parent stands in each of its children."""


class _Flat(msgspec.Struct, array_like=True):
    """Entities of one rule, a comma between them."""

    first: int
    lengths: bytes
    ids: list[str]


class _Parcel(msgspec.Struct, array_like=True):
    flat: _Flat | None
    entities: tuple[Entity, ...]
    page_body: bytes | None
    digests: tuple[bytes, ...]
    hashes: tuple[str | None, ...] | None
    misfits: tuple[tuple[str, bytes], ...]
    shapes: dict[str, str]
    is_exact: bool
    sha256: str


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Parcel)


def pack(parts: Parts) -> bytes | None:
    """A parcel; None where it would be too large. What orjson read of them stays behind."""
    flat = _flat(parts) if parts.first is not None else None
    if flat is None and sum(map(_size, parts.entities)) > MOST_BYTES:
        return None
    return _ENCODER.encode(
        _Parcel(
            flat,
            parts.entities if flat is None else (),
            parts.page_body,
            parts.digests,
            parts.hashes,
            parts.misfits,
            dict(parts.shapes),
            parts.is_exact,
            parts.sha256,
        )
    )


def _size(entity: Entity) -> int:
    parent = entity.parent or ("", "")
    named = (entity.pointer, entity.type, entity.shape, entity.id, *parent)
    return len(entity.body) + 4 * sum(map(len, named)) + 128


def _flat(parts: Parts) -> _Flat:
    lengths = array("I", [len(entity.body) for entity in parts.entities])
    return _Flat(parts.first or 0, lengths.tobytes(), [entity.id for entity in parts.entities])


def unpack(parcel: bytes, body: bytes, rules: Sequence[Rule]) -> Parts:
    """The parts again, of the same response by the same rules."""
    found = _DECODER.decode(parcel)
    flat = found.flat
    return Parts(
        envelope=found.page_body or body,
        entities=found.entities if flat is None else _slices(flat, body, rules[0]),
        values=None,
        first=None if flat is None else flat.first,
        digests=found.digests,
        misfits=found.misfits,
        shapes=found.shapes,
        page_body=found.page_body,
        is_exact=found.is_exact,
        sha256=found.sha256,
        hashes=found.hashes,
    )


def _slices(flat: _Flat, body: bytes, rule: Rule) -> tuple[Entity, ...]:
    lengths = array("I", flat.lengths)
    starts = accumulate(lengths, lambda start, length: start + length + 1, initial=flat.first)
    pointer, type_, shape, parent = rule.pointer, rule.type, rule.shape, rule.parent
    return tuple(
        Entity(pointer, type_, shape, name, body[start : start + length], parent)
        for name, start, length in zip(flat.ids, starts, lengths, strict=False)
    )
