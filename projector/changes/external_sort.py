"""Aside: bodies in another order than they lie in, put aside meanwhile and never all held.

    (number, body), as they come ──> runs, each in order, in one file ──> merged: in order

Held at a time: `max_sort_run_bytes` of bodies; while runs are merged, one block of each, and
there are never more than `max_sort_runs`.
"""

import heapq
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import msgspec

from eventlog.format.frames import compress, decompress
from projector.limits import Limits

Numbered = tuple[int, bytes | None]
"""Where a body belongs, and the body, if there is one."""

_Block = tuple[int, int, int]
"""Offset, bytes and raw bytes."""
_DECODER = msgspec.msgpack.Decoder(list[Numbered])
_EACH_BYTES = 100
"""What a body takes beside itself."""


def in_order(
    found: Iterable[Numbered], path: Path, limits: Limits
) -> Generator[Numbered, None, None]:
    """The same, by their numbers, which all differ. A file lies at `path` meanwhile."""
    try:
        with path.open("w+b") as file:
            runs: list[Sequence[_Block]] = []
            for group in _grouped(found, limits.max_sort_run_bytes):
                runs.append(_write(file, sorted(group, key=itemgetter(0)), limits))
                if len(runs) == limits.max_sort_runs:
                    runs = [_write(file, _merged(file, runs), limits)]
            yield from _merged(file, runs)
    finally:
        path.unlink(missing_ok=True)


def _grouped(found: Iterable[Numbered], most_bytes: int) -> Iterator[list[Numbered]]:
    """In a row, so many that they reach that size; the last ones may be fewer."""
    held: list[Numbered] = []
    size = 0
    for each in found:
        held.append(each)
        size += len(each[1] or b"") + _EACH_BYTES
        if size >= most_bytes:
            yield held
            held, size = [], 0
    if held:
        yield held


def _write(file: BinaryIO, run: Iterable[Numbered], limits: Limits) -> Sequence[_Block]:
    """Append them; where their blocks lie."""
    blocks = []
    for group in _grouped(run, limits.max_sort_block_bytes):
        raw = msgspec.msgpack.encode(group)
        packed = compress(raw)
        blocks.append((file.tell(), len(packed), len(raw)))
        file.write(packed)
    file.flush()  # blocks are read past what the file holds for writing
    return blocks


def _merged(file: BinaryIO, runs: Iterable[Sequence[_Block]]) -> Iterator[Numbered]:
    return heapq.merge(*(_read(file, blocks) for blocks in runs), key=itemgetter(0))


def _read(file: BinaryIO, blocks: Sequence[_Block]) -> Iterator[Numbered]:
    for offset, size, raw_bytes in blocks:
        yield from _DECODER.decode(decompress(os.pread(file.fileno(), size, offset), raw_bytes))
