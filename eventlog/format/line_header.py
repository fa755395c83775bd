"""Prefixes: the envelope of a line without parsing its body. Pure.

Our writer spells members in one order, so a regular expression reads the first ones
at the speed of C. A line in another spelling is decoded in full: the answer is the
same, only slower.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter

import attrs

from eventlog.errors import Corrupt
from eventlog.format.event_codec import decode

_TEXT = rb'"([^"\\\n]*)"'
KIND = (
    rb'","kind":'
    + _TEXT
    + rb'(?:,"run":"[^"\\\n]*")?(?:,"epoch":"[^"\\\n]*")?(?:,"type":'
    + _TEXT
    + rb")?"
)
"""From the end of the instant to the type. Groups: kind, type."""
_HEAD = (
    rb'\{"v":\d+,"source":' + _TEXT + rb',"writer":"([0-9a-f]{8})","seq":(\d+),"observed_at":'
    rb'"([^"\\]*)' + KIND
)
_ONE = re.compile(
    _HEAD + rb'(?:,"id":' + _TEXT + rb')?(?:,"parent_type":"[^"\\]*")?(?:,"parent_id":"[^"\\]*")?'
    rb'(?:,"shape":' + _TEXT + rb')?,"'
)
_KNOWN_NEXT = re.compile(rb'(?:endpoint|params|hash|body|body_raw|url|state|reason)"')
_SORT = re.compile(KIND + rb'(?=\}|,"(?!(?:run|epoch|type)":)\w+":)')
_FIRST_SEQ = re.compile(rb'\{"v":1,"source":"[^"]*","writer":"[^"]*","seq":(\d{1,18}),')
_STAMP = 27
"""Bytes of an instant in a line."""
_AHEAD = 160
"""Kind and type stand within so many bytes behind the instant, or the line is decoded."""


_envelope = attrgetter("source", "writer", "seq", "observed_at", "kind", "type", "id", "shape")


@attrs.frozen
class LineHeader:
    """What a filter asks of a line."""

    source: str
    writer: str
    seq: int
    observed_at: str
    kind: str
    type: str | None
    id: str | None
    shape: str | None


def line_header(line: bytes) -> LineHeader:
    """The envelope of a line. Raises `Corrupt` if it is no event."""
    match = _ONE.match(line)
    if match is None or _KNOWN_NEXT.match(line, match.end()) is None:
        return LineHeader(*_envelope(decode(line)))
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


KindAndType = bytes | tuple[str, str | None]
"""Kind and type: the bytes of a line in which they stand, or themselves."""


@attrs.frozen
class LineBlock:
    """What a block of lines says at a glance: the events of one stream, seq by seq."""

    lines: list[bytes]
    """Without their line feeds."""
    first_seq: int
    heads: Sequence[Hashable]
    """Of each line what stands for its instant, kind and type: the same for most of a page."""
    told: Mapping[Hashable, tuple[str, KindAndType]]
    """What each head says: the instant, and kind and type as `sort_of` reads them."""

    @property
    def observed(self) -> list[str]:
        """Of each line its instant."""
        return [self.told[head][0] for head in self.heads]

    @property
    def sorts(self) -> list[KindAndType]:
        """Of each line its kind and type."""
        return [self.told[head][1] for head in self.heads]


def read_block(block: bytes, source: str, writer: str, where: str) -> LineBlock:
    """Read all lines of a block at once.

    Raises `Corrupt` with the line where one is no event, is one of another stream, or
    has a seq that is not the next.
    """
    lines = block.split(b"\n")
    if lines.pop():
        raise Corrupt(f"{where}: line {len(lines) + 1} does not end")
    if not lines:
        raise Corrupt(f"{where}: no line")
    return _fast(lines, source, writer) or _slow(lines, source, writer, where)


def _fast(lines: list[bytes], source: str, writer: str) -> LineBlock | None:
    """As our writer spells them: then each line begins with bytes known beforehand."""
    found = _FIRST_SEQ.match(lines[0])
    if found is None:
        return None
    first = int(found[1])
    start = f'{{"v":1,"source":"{source}","writer":"{writer}","seq":%d,"observed_at":"'.encode()
    starts = [start % seq for seq in range(first, first + len(lines))]
    if not all(map(bytes.startswith, lines, starts)):
        return None
    heads = [
        line[at : mark + 6]  # from the instant up to the id: most lines of a page have the same
        if (mark := line.find(b',"id":', at + _STAMP, at + _STAMP + _AHEAD)) > 0
        else line[at : at + _STAMP + _AHEAD]
        for line, at in zip(lines, map(len, starts), strict=True)
    ]
    told: dict[Hashable, tuple[str, KindAndType]] = {}
    for head in set(heads):
        sort = head[_STAMP:]
        if not _SORT.match(sort):
            return None
        told[head] = head[:_STAMP].decode("ascii", "replace"), sort
    return LineBlock(lines, first, heads, told)


def _slow(lines: list[bytes], source: str, writer: str, where: str) -> LineBlock:
    """In any other spelling of the same."""
    heads: list[tuple[str, KindAndType]] = []
    first = expected = 0
    for number, line in enumerate(lines, 1):
        try:
            event = decode(line)
        except Corrupt as error:
            raise Corrupt(f"{where}: line {number}: {error.what}") from error
        first, expected = (first, expected) if number > 1 else (event.seq, event.seq)
        if (event.source, event.writer) != (source, writer):
            found = f"{event.source}, writer {event.writer}"
            raise Corrupt(f"{where}: line {number}: an event of another stream: {found}")
        if event.seq != expected:
            raise Corrupt(f"{where}: line {number}: expected seq {expected}, found {event.seq}")
        expected += 1
        heads.append((event.observed_at, (event.kind, event.type)))
    return LineBlock(lines, first, heads, {head: head for head in heads})


@lru_cache(maxsize=4096)  # a run of a crawl has a handful
def kind_and_type(sort: KindAndType) -> tuple[str, str | None]:
    """Kind and type, from what `glance` set aside."""
    if isinstance(sort, tuple):
        return sort
    found = _SORT.match(sort)
    if found is None:
        raise Corrupt(f"no kind in {sort[:40]!r}")
    return found[1].decode(), found[2].decode() if found[2] is not None else None
