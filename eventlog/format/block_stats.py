"""The census: what a block of whole lines holds, for the manifest. Pure.

Most lines of a page begin as the line above, but for the seq. So a block is walked from
line end to line end: each line is held against the beginnings met last, and none is cut
out. A line that begins in another way is looked at closer: the answer is the same, only
slower.
"""

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from operator import le
from typing import Any

import attrs

from eventlog.errors import Corrupt
from eventlog.format.line_header import KIND, LineBlock, kind_and_type, read_block

_REST = (
    rb'([0-9]{1,18})(,"observed_at":"([0-9T:.Z-]{27})'
    + KIND
    + rb'(?:\}|,"(?!(?:run|epoch|type)":)\w+":))'  # with the name behind: it is none of these
)
_TRIED = 4
"""So many beginnings are tried before a line is matched: few pages mix more types."""


@attrs.frozen
class BlockStats:
    """What a block of whole lines holds."""

    rows: int
    first_seq: int
    last_seq: int
    first_observed_at: str
    last_observed_at: str
    longest_line_bytes: int
    kinds: dict[str, int]
    types: dict[str, int]


_Said = tuple[str, str, str | None]
"""Instant, kind and type."""


@attrs.frozen
class _Walk:
    """A block as runs of lines that say the same."""

    first_seq: int
    longest_line_bytes: int
    runs: Sequence[tuple[Hashable, int]]
    """What stands for the beginning of the lines, and how many they are."""
    told: Mapping[Any, _Said]
    """What each beginning says."""


def block_stats(block: bytes, source: str, writer: str, where: str) -> BlockStats:
    """Count a block of whole lines, which are the events of one stream in seq order.

    Raises `Corrupt` as `glance` does, and for a time before the one above it.
    """
    walk = _walked(block, source, writer) or _looked(read_block(block, source, writer, where))
    _check_order(walk, where)
    lines: dict[Hashable, int] = {}
    for form, count in walk.runs:
        lines[form] = lines.get(form, 0) + count
    kinds: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for form, count in lines.items():
        _, kind, type_ = walk.told[form]
        kinds[kind] += count
        if type_ is not None:
            types[type_] += count
    rows = sum(lines.values())
    return BlockStats(
        rows=rows,
        first_seq=walk.first_seq,
        last_seq=walk.first_seq + rows - 1,
        first_observed_at=walk.told[walk.runs[0][0]][0],
        last_observed_at=walk.told[walk.runs[-1][0]][0],
        longest_line_bytes=walk.longest_line_bytes,
        kinds=dict(sorted(kinds.items())),
        types=dict(sorted(types.items())),
    )


def _check_order(walk: _Walk, where: str) -> None:
    observed = [walk.told[form][0] for form, _ in walk.runs]
    if all(map(le, observed, observed[1:])):
        return
    after = accumulate(count for _, count in walk.runs)
    line = next(n for n, (a, b) in zip(after, pairwise(observed), strict=False) if a > b) + 1
    raise Corrupt(f"{where}: line {line}: observed before the line above it")


def _walked(block: bytes, source: str, writer: str) -> _Walk | None:
    """A block line end by line end. None where a line is not spelled as our writer does."""
    begins, find, size = block.startswith, block.find, len(block)
    first = _head(source, writer)[1].match(block)
    if first is None:
        return None
    told: dict[bytes, _Said] = {}
    recent: list[bytes] = []
    begun: list[tuple[bytes, int]] = []
    form, seq, at, longest = b"%d", int(first[1]), 0, 0
    while at < size:
        if not begins(form % seq, at):
            for form in recent:
                if begins(form % seq, at):
                    break
            else:
                form = _form(block, at, _head(source, writer), told)
                if not form or not begins(form % seq, at):
                    return None
                recent = [form, *recent[: _TRIED - 1]]
            begun.append((form, seq))
        end = find(b"\n", at) + 1
        if end - at > longest:  # max() would cost as much as the search
            longest = end - at
        elif not end:
            return None
        at, seq = end, seq + 1
    pairs = pairwise([*begun, (b"", seq)])
    runs = [(form, below - above) for (form, above), (_, below) in pairs]
    return _Walk(begun[0][1], longest - 1, runs, told)


def _form(
    block: bytes, at: int, head: tuple[bytes, re.Pattern[bytes]], told: dict[bytes, _Said]
) -> bytes:
    """How the line at `at` begins, with `%d` for its seq; what it says is noted. Empty: as none."""
    start, pattern = head
    found = pattern.match(block, at)
    if found is None:
        return b""
    form = start + b"%d" + found[2].replace(b"%", b"%%")
    observed, kind, type_ = found.group(3, 4, 5)
    told[form] = observed.decode(), kind.decode(), None if type_ is None else type_.decode()
    return form


@lru_cache(maxsize=64)
def _head(source: str, writer: str) -> tuple[bytes, re.Pattern[bytes]]:
    """What every line of a stream begins with, and all up to the member behind the type."""
    start = f'{{"v":1,"source":"{source}","writer":"{writer}","seq":'.encode()
    return start, re.compile(re.escape(start) + _REST)


def _looked(run: LineBlock) -> _Walk:
    """The same of lines that were cut out."""
    return _Walk(
        run.first_seq,
        max(map(len, run.lines)),
        [(head, len(list(group))) for head, group in groupby(run.heads)],
        {head: (observed, *kind_and_type(sort)) for head, (observed, sort) in run.told.items()},
    )
