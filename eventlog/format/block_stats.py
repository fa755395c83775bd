"""Statistics of a block of complete lines, for the manifest. Pure.

Most lines of a page begin like the line before, except for the seq. The fast path therefore
compares the beginning of each line with the most recent distinct beginnings, and extracts
no line from the block. A line with a new beginning is matched against a regular expression.
If that fails, the slow path reads every line; the result is the same.
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
from eventlog.format.named_assets import named_assets

_AFTER_SEQ = (
    rb'([0-9]{1,18})(,"observed_at":"([0-9T:.Z-]{27})'
    + KIND
    + rb'(?:\}|,"(?!(?:run|epoch|type)":)\w+":))'  # the next member is none of these
)
_MAX_RECENT = 4
"""Number of recent beginnings that a line is compared with: few pages mix more types."""


@attrs.frozen
class BlockStats:
    """Counts and ranges of a block of complete lines."""

    rows: int
    first_seq: int
    last_seq: int
    first_observed_at: str
    last_observed_at: str
    longest_line_bytes: int
    kinds: dict[str, int]
    types: dict[str, int]
    assets: frozenset[str]
    """SHA-256 of the assets that the lines name."""


_Meaning = tuple[str, str, str | None]
"""Instant, kind and type."""


@attrs.frozen
class _Groups:
    """A block as groups of consecutive lines with the same instant, kind and type."""

    first_seq: int
    longest_line_bytes: int
    groups: Sequence[tuple[Hashable, int]]
    """Key of a group's beginning in `meanings`, and the number of its lines."""
    meanings: Mapping[Any, _Meaning]
    """Instant, kind and type of each beginning."""


def block_stats(block: bytes, source: str, writer: str, where: str) -> BlockStats:
    """Returns the statistics of complete lines, which are events of one stream in seq order.

    Raises `Corrupt` like `read_block`, and if an event was observed before its predecessor.
    """
    grouped = _group_by_beginning(block, source, writer) or _group_by_head(
        read_block(block, source, writer, where)
    )
    _check_order(grouped, where)
    lines: dict[Hashable, int] = {}
    for key, count in grouped.groups:
        lines[key] = lines.get(key, 0) + count
    kinds: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for key, count in lines.items():
        _, kind, type_ = grouped.meanings[key]
        kinds[kind] += count
        if type_ is not None:
            types[type_] += count
    rows = sum(lines.values())
    return BlockStats(
        rows=rows,
        first_seq=grouped.first_seq,
        last_seq=grouped.first_seq + rows - 1,
        first_observed_at=grouped.meanings[grouped.groups[0][0]][0],
        last_observed_at=grouped.meanings[grouped.groups[-1][0]][0],
        longest_line_bytes=grouped.longest_line_bytes,
        kinds=dict(sorted(kinds.items())),
        types=dict(sorted(types.items())),
        assets=named_assets(block),
    )


def _check_order(grouped: _Groups, where: str) -> None:
    observed = [grouped.meanings[key][0] for key, _ in grouped.groups]
    if all(map(le, observed, observed[1:])):
        return
    after = accumulate(count for _, count in grouped.groups)
    line = next(n for n, (a, b) in zip(after, pairwise(observed), strict=False) if a > b) + 1
    raise Corrupt(f"{where}: line {line}: observed before the previous line")


def _group_by_beginning(block: bytes, source: str, writer: str) -> _Groups | None:
    """Fast path. Returns None if a line is not spelled as our writer spells lines."""
    startswith, find, size = block.startswith, block.find, len(block)
    first = _line_start(source, writer)[1].match(block)
    if first is None:
        return None
    meanings: dict[bytes, _Meaning] = {}
    recent: list[bytes] = []
    begins_at: list[tuple[bytes, int]] = []
    beginning, seq, at, longest = b"%d", int(first[1]), 0, 0
    while at < size:
        if not startswith(beginning % seq, at):
            for beginning in recent:
                if startswith(beginning % seq, at):
                    break
            else:
                beginning = _beginning(block, at, _line_start(source, writer), meanings)
                if not beginning or not startswith(beginning % seq, at):
                    return None
                recent = [beginning, *recent[: _MAX_RECENT - 1]]
            begins_at.append((beginning, seq))
        end = find(b"\n", at) + 1
        if end - at > longest:  # max() would cost as much as the search
            longest = end - at
        elif not end:
            return None
        at, seq = end, seq + 1
    pairs = pairwise([*begins_at, (b"", seq)])
    runs = [(beginning, below - above) for (beginning, above), (_, below) in pairs]
    return _Groups(begins_at[0][1], longest - 1, runs, meanings)


def _beginning(
    block: bytes, at: int, head: tuple[bytes, re.Pattern[bytes]], meanings: dict[bytes, _Meaning]
) -> bytes:
    """Returns the beginning of the line at `at`, with `%d` for the seq; empty if not matched.

    Adds its meaning to `meanings`.
    """
    start, pattern = head
    match = pattern.match(block, at)
    if match is None:
        return b""
    beginning = start + b"%d" + match[2].replace(b"%", b"%%")
    observed, kind, type_ = match.group(3, 4, 5)
    meanings[beginning] = (
        observed.decode(),
        kind.decode(),
        None if type_ is None else type_.decode(),
    )
    return beginning


@lru_cache(maxsize=64)
def _line_start(source: str, writer: str) -> tuple[bytes, re.Pattern[bytes]]:
    """Returns the constant start of the lines, and a pattern up to the member after `type`."""
    start = f'{{"v":1,"source":"{source}","writer":"{writer}","seq":'.encode()
    return start, re.compile(re.escape(start) + _AFTER_SEQ)


def _group_by_head(block: LineBlock) -> _Groups:
    """Slow path: groups the extracted lines of a block."""
    return _Groups(
        block.first_seq,
        max(map(len, block.lines)),
        [(head, len(list(group))) for head, group in groupby(block.heads)],
        {
            head: (observed, *kind_and_type(sort))
            for head, (observed, sort) in block.meanings.items()
        },
    )
