"""Prefixes: the envelope of a line without parsing its body. Pure.

Our writer spells members in one order, so a regular expression reads the first ones
at the speed of C. A line in another spelling is decoded in full: the answer is the
same, only slower.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter, le

import attrs

from eventlog.errors import Corrupt
from eventlog.event import decode

_TEXT = rb'"([^"\\\n]*)"'
_KIND = (
    rb'","kind":'
    + _TEXT
    + rb'(?:,"run":"[^"\\]*")?(?:,"epoch":"[^"\\]*")?(?:,"type":'
    + _TEXT
    + rb")?"
)
_HEAD = (
    rb'\{"v":\d+,"source":' + _TEXT + rb',"writer":"([0-9a-f]{8})","seq":(\d+),"observed_at":'
    rb'"([^"\\]*)' + _KIND
)
_ONE = re.compile(
    _HEAD + rb'(?:,"id":' + _TEXT + rb')?(?:,"parent_type":"[^"\\]*")?(?:,"parent_id":"[^"\\]*")?'
    rb'(?:,"shape":' + _TEXT + rb')?,"'
)
_KNOWN_NEXT = re.compile(rb'(?:endpoint|params|hash|body|body_raw|url|state|reason)"')
_SORT = re.compile(_KIND + rb'(?=\}|,"(?!(?:run|epoch|type)":)\w+":)')
_FIRST_SEQ = re.compile(rb'\{"v":1,"source":"[^"]*","writer":"[^"]*","seq":(\d+),')
_STAMP = 27
"""Bytes of an instant in a line."""
_AHEAD = 160
"""Kind and type stand within so many bytes behind the instant, or the line is decoded."""


_envelope = attrgetter("source", "writer", "seq", "observed_at", "kind", "type", "id", "shape")


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
        return Prefix(*_envelope(decode(line)))
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


Sort = bytes | tuple[str, str | None]
"""Kind and type: the bytes of a line in which they stand, or themselves."""


@attrs.frozen
class Run:
    """What a block of lines says at a glance: the events of one stream, seq by seq."""

    lines: list[bytes]
    """Without their line feeds."""
    first_seq: int
    observed: list[str]
    sorts: Sequence[Sort]
    """Of each line its kind and type, as `sort_of` reads them."""


def glance(block: bytes, source: str, writer: str, where: str) -> Run:
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


def _fast(lines: list[bytes], source: str, writer: str) -> Run | None:
    """As our writer spells them: then each line begins with bytes known beforehand."""
    found = _FIRST_SEQ.match(lines[0])
    if found is None:
        return None
    first = int(found[1])
    told = f'{{"v":1,"source":"{source}","writer":"{writer}","seq":%d,"observed_at":"'.encode()
    starts = [told % seq for seq in range(first, first + len(lines))]
    if not all(map(bytes.startswith, lines, starts)):
        return None
    ends = [len(start) + _STAMP for start in starts]
    observed = b"\n".join([line[end - _STAMP : end] for line, end in zip(lines, ends, strict=True)])
    sorts = [
        line[end : mark + 6]  # from the kind up to the id
        if (mark := line.find(b',"id":', end, end + _AHEAD)) > 0
        else line[end : end + _AHEAD]
        for line, end in zip(lines, ends, strict=True)
    ]
    if not all(map(_SORT.match, set(sorts))):
        return None
    return Run(lines, first, observed.decode("ascii", "replace").split("\n"), sorts)


def _slow(lines: list[bytes], source: str, writer: str, where: str) -> Run:
    """In any other spelling of the same."""
    observed: list[str] = []
    sorts: list[Sort] = []
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
        observed.append(event.observed_at)
        sorts.append((event.kind, event.type))
    return Run(lines, first, observed, sorts)


@lru_cache(maxsize=4096)  # a run of a crawl has a handful
def sort_of(sort: Sort) -> tuple[str, str | None]:
    """Kind and type, from what `glance` set aside."""
    if isinstance(sort, tuple):
        return sort
    found = _SORT.match(sort)
    if found is None:
        raise Corrupt(f"no kind in {sort[:40]!r}")
    return found[1].decode(), found[2].decode() if found[2] is not None else None


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

    Raises `Corrupt` as `glance` does, and for a time before the one above it.
    """
    run = glance(block, source, writer, where)
    if not all(map(le, run.observed, run.observed[1:])):
        number = next(n for n, pair in enumerate(pairwise(run.observed), 2) if pair[0] > pair[1])
        raise Corrupt(f"{where}: line {number}: observed before the line above it")
    kinds: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for sort, count in Counter(run.sorts).items():
        kind, type_ = sort_of(sort)
        kinds[kind] += count
        if type_ is not None:
            types[type_] += count
    return Census(
        rows=len(run.lines),
        first_seq=run.first_seq,
        last_seq=run.first_seq + len(run.lines) - 1,
        first_observed_at=run.observed[0],
        last_observed_at=run.observed[-1],
        longest_line_bytes=max(map(len, run.lines)),
        kinds=dict(sorted(kinds.items())),
        types=dict(sorted(types.items())),
    )
