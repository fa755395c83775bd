"""Reads the first members of a line without parsing its body. Pure.

Our writer spells members in a fixed order, so a regular expression can read the first
ones at the speed of C. A line with another spelling is decoded completely: this is
slower, and the result is the same.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter

import attrs

from eventlog.errors import Corrupt
from eventlog.format.event_codec import decode
from eventlog.format.paths import SegmentName

_TEXT = rb'"([^"\\\n]*)"'
KIND = (
    rb'","kind":'
    + _TEXT
    + rb'(?:,"run":"[^"\\\n]*")?(?:,"epoch":"[^"\\\n]*")?(?:,"type":'
    + _TEXT
    + rb")?"
)
"""Pattern from the end of the instant to the type. Groups: kind, type."""
_HEAD = (
    rb'\{"v":\d+,"source":' + _TEXT + rb',"writer":"([0-9a-f]{8})","seq":(\d+),"observed_at":'
    rb'"([^"\\]*)' + KIND
)
_HEADER = re.compile(
    _HEAD + rb'(?:,"id":' + _TEXT + rb')?(?:,"parent_type":"[^"\\]*")?(?:,"parent_id":"[^"\\]*")?'
    rb'(?:,"shape":' + _TEXT + rb')?,"'
)
_KNOWN_NEXT = re.compile(rb'(?:endpoint|params|hash|body|body_raw|url|state|reason)"')
_KIND_AND_TYPE = re.compile(KIND + rb'(?=\}|,"(?!(?:run|epoch|type)":)\w+":)')
_FIRST_SEQ = re.compile(rb'\{"v":1,"source":"[^"]*","writer":"[^"]*","seq":(\d{1,18}),')
_INSTANT_BYTES = 27
"""Length of an instant in a line."""
_MAX_KIND_BYTES = 160
"""Kind and type must end within this many bytes after the instant; else the line is decoded."""


_header_members = attrgetter(
    "source", "writer", "seq", "observed_at", "kind", "type", "id", "shape"
)


@attrs.frozen
class LineHeader:
    """The members of a line that filters need."""

    source: str
    writer: str
    seq: int
    observed_at: str
    kind: str
    type: str | None
    id: str | None
    shape: str | None


def line_header(line: bytes) -> LineHeader:
    """Returns the header of a line. Raises `Corrupt` if the line is no event."""
    match = _HEADER.match(line)
    if match is None or _KNOWN_NEXT.match(line, match.end()) is None:
        return LineHeader(*_header_members(decode(line)))
    source, writer, seq, at, kind, type_, id_, shape = match.groups()
    return LineHeader(
        source.decode(),
        writer.decode(),
        int(seq),
        at.decode(),
        kind.decode(),
        type_.decode() if type_ is not None else None,
        id_.decode() if id_ is not None else None,
        shape.decode() if shape is not None else None,
    )


def is_event_of(line: bytes, name: SegmentName, seq: int) -> bool:
    """Whether a line is the event of a segment's stream with this seq."""
    start = f'{{"v":1,"source":"{name.source}","writer":"{name.writer}","seq":{seq},'
    if line.startswith(start.encode()):
        return True
    with suppress(Corrupt):
        header = line_header(line)
        return (header.source, header.writer, header.seq) == (name.source, name.writer, seq)
    return False


KindAndType = bytes | tuple[str, str | None]
"""Kind and type, either as undecoded bytes of a line or as decoded values."""


@attrs.frozen
class LineBlock:
    """The lines of a block, which are consecutive events of one stream."""

    lines: list[bytes]
    """Without their line feeds."""
    first_seq: int
    heads: Sequence[Hashable]
    """Per line, a key into `meanings`; equal for most lines of a page."""
    meanings: Mapping[Hashable, tuple[str, KindAndType]]
    """Per head, the instant, and the argument of `kind_and_type`."""

    @property
    def observed(self) -> list[str]:
        """The instant of each line."""
        return [self.meanings[head][0] for head in self.heads]

    @property
    def kinds_and_types(self) -> list[KindAndType]:
        """The kind and type of each line."""
        return [self.meanings[head][1] for head in self.heads]


def read_block(block: bytes, source: str, writer: str, where: str) -> LineBlock:
    """Returns all lines of a block with their instants, kinds and types.

    Raises `Corrupt` with the line number if a line is no event, belongs to another stream,
    or does not have the next seq.
    """
    lines = block.split(b"\n")
    if lines.pop():
        raise Corrupt(f"{where}: line {len(lines) + 1} has no line feed")
    if not lines:
        raise Corrupt(f"{where}: expected at least one line")
    return _read_our_spelling(lines, source, writer) or _read_any_spelling(
        lines, source, writer, where
    )


def _read_our_spelling(lines: list[bytes], source: str, writer: str) -> LineBlock | None:
    """Fast path: each line begins with bytes that follow from its seq. None if any does not."""
    match = _FIRST_SEQ.match(lines[0])
    if match is None:
        return None
    first = int(match[1])
    start = f'{{"v":1,"source":"{source}","writer":"{writer}","seq":%d,"observed_at":"'.encode()
    starts = [start % seq for seq in range(first, first + len(lines))]
    if not all(map(bytes.startswith, lines, starts)):
        return None
    size = _INSTANT_BYTES + _MAX_KIND_BYTES
    heads = [
        line[at : mark + 6]  # from the instant to the id: equal for most lines of a page
        if (mark := line.find(b',"id":', at + _INSTANT_BYTES, at + size)) > 0
        else line[at : at + size]
        for line, at in zip(lines, map(len, starts), strict=True)
    ]
    meanings: dict[Hashable, tuple[str, KindAndType]] = {}
    for head in set(heads):
        encoded = head[_INSTANT_BYTES:]
        if not _KIND_AND_TYPE.match(encoded):
            return None
        meanings[head] = head[:_INSTANT_BYTES].decode("ascii", "replace"), encoded
    return LineBlock(lines, first, heads, meanings)


def _read_any_spelling(lines: list[bytes], source: str, writer: str, where: str) -> LineBlock:
    """Slow path: decodes every line."""
    heads: list[tuple[str, KindAndType]] = []
    first = expected = 0
    for number, line in enumerate(lines, 1):
        try:
            event = decode(line)
        except Corrupt as error:
            raise Corrupt(f"{where}: line {number}: {error.what}") from error
        first, expected = (first, expected) if number > 1 else (event.seq, event.seq)
        if (event.source, event.writer) != (source, writer):
            stream = f"{event.source}, writer {event.writer}"
            raise Corrupt(f"{where}: line {number}: an event of another stream: {stream}")
        if event.seq != expected:
            raise Corrupt(f"{where}: line {number}: expected seq {expected}, found {event.seq}")
        expected += 1
        heads.append((event.observed_at, (event.kind, event.type)))
    return LineBlock(lines, first, heads, {head: head for head in heads})


@lru_cache(maxsize=4096)  # a crawl has only a few distinct values
def kind_and_type(encoded: KindAndType) -> tuple[str, str | None]:
    """Decodes a kind and type of `LineBlock`."""
    if isinstance(encoded, tuple):
        return encoded
    match = _KIND_AND_TYPE.match(encoded)
    if match is None:
        raise Corrupt(f"no kind in {encoded[:40]!r}")
    return match[1].decode(), match[2].decode() if match[2] is not None else None
