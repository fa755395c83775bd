"""Prefixes: the envelope of a line without parsing its body. Pure.

Our writer spells members in one order, so a regular expression reads the first ones
at the speed of C. A line in another spelling is decoded in full: the answer is the
same, only slower.
"""

import re
from collections import Counter

import attrs

from eventlog.errors import Corrupt
from eventlog.event import decode

_TEXT = rb'"([^"\\\n]*)"'
_HEAD = (
    rb'^\{"v":\d+,"source":' + _TEXT + rb',"writer":"([0-9a-f]{8})","seq":(\d+),"observed_at":'
    rb'"([^"\\]*)","kind":' + _TEXT + rb'(?:,"run":"[^"\\]*")?(?:,"epoch":"[^"\\]*")?'
    rb"(?:,\"type\":" + _TEXT + rb")?"
)
_MANY = re.compile(_HEAD, re.MULTILINE)
_ONE = re.compile(
    _HEAD + rb'(?:,"id":' + _TEXT + rb')?(?:,"parent_type":"[^"\\]*")?(?:,"parent_id":"[^"\\]*")?'
    rb'(?:,"shape":' + _TEXT + rb')?,"'
)
_KNOWN_NEXT = re.compile(rb'(?:endpoint|params|hash|body|body_raw|url|state|reason)"')


@attrs.frozen
class Prefix:
    """What a filter asks of a line."""

    source: str
    writer: str
    seq: int
    observed_at: str
    kind: str
    type: str | None
    id: str | None
    shape: str | None


def prefix(line: bytes) -> Prefix:
    """The envelope of a line. Raises `Corrupt` if it is no event."""
    match = _ONE.match(line)
    if match is None or _KNOWN_NEXT.match(line, match.end()) is None:
        event = decode(line)
        return Prefix(
            event.source,
            event.writer,
            event.seq,
            event.observed_at,
            event.kind,
            event.type,
            event.id,
            event.shape,
        )
    source, writer, seq, at, kind, type_, id_, shape = match.groups()
    return Prefix(
        source.decode(),
        writer.decode(),
        int(seq),
        at.decode(),
        kind.decode(),
        type_.decode() if type_ is not None else None,
        id_.decode() if id_ is not None else None,
        shape.decode() if shape is not None else None,
    )


Head = tuple[bytes, ...]
"""Source, writer, seq, observed_at, kind, type, as they stand in a line; no type is empty."""


def heads(block: bytes, lines: list[bytes], where: str) -> list[Head]:
    """The heads of all lines of a block, in one go. Raises `Corrupt` with the line."""
    found: list[Head] = _MANY.findall(block)
    if len(found) != len(lines):
        return [_slow_head(line, f"{where}: line {n}") for n, line in enumerate(lines, 1)]
    return found


@attrs.frozen
class Census:
    """What a block of whole lines holds."""

    rows: int
    first_seq: int
    last_seq: int
    first_observed_at: str
    last_observed_at: str
    longest_line_bytes: int
    kinds: dict[str, int]
    types: dict[str, int]


def census(block: bytes, source: str, writer: str, where: str) -> Census:
    """Count a block of whole lines, which are the events of one stream in seq order.

    Raises `Corrupt` with the line where it is not that: a line that is no event, one
    of another stream, a seq that is not the next, a time before the one before.
    """
    lines = block.split(b"\n")
    if lines.pop():
        raise Corrupt(f"{where}: line {len(lines) + 1} does not end")
    found = heads(block, lines, where)
    _check_order(found, source.encode(), writer.encode(), where)
    return Census(
        rows=len(lines),
        first_seq=int(found[0][2]),
        last_seq=int(found[-1][2]),
        first_observed_at=found[0][3].decode(),
        last_observed_at=found[-1][3].decode(),
        longest_line_bytes=max(map(len, lines)),
        kinds=_counted([head[4] for head in found]),
        types=_counted([head[5] for head in found if head[5]]),
    )


def _counted(names: list[bytes]) -> dict[str, int]:
    counts = Counter(names)
    return {name.decode(): counts[name] for name in sorted(counts)}


def _slow_head(line: bytes, where: str) -> Head:
    try:
        event = decode(line)
    except Corrupt as error:
        raise Corrupt(f"{where}: {error.what}") from error
    found = (event.source, event.writer, str(event.seq), event.observed_at, event.kind)
    return tuple(text.encode() for text in (*found, event.type or ""))


def _check_order(found: list[Head], source: bytes, writer: bytes, where: str) -> None:
    if not found:
        raise Corrupt(f"{where}: no line")
    expected, before = int(found[0][2]), b""
    for number, head in enumerate(found, 1):
        if head[0] != source or head[1] != writer:
            other = f"{head[0].decode()}, writer {head[1].decode()}"
            raise Corrupt(f"{where}: line {number}: an event of another stream: {other}")
        if int(head[2]) != expected:
            raise Corrupt(f"{where}: line {number}: expected seq {expected}, found {int(head[2])}")
        if head[3] < before:
            raise Corrupt(f"{where}: line {number}: observed before the line above it")
        expected, before = expected + 1, head[3]
