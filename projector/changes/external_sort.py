"""External merge sort of numbered bodies: spills sorted runs to one temporary file.

    (number, body) in any order ──> sorted runs in one file ──> merged: by number

In memory are at most `max_sort_run_bytes` of bodies, or one block of each run while runs are
merged. When there are `max_sort_runs` runs, they are merged into one.
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
"""Sort key, unique within a sort, and a body, or None if there is none."""

_Block = tuple[int, int, int]
"""Offset in the file, compressed size and raw size, in bytes."""
_DECODER = msgspec.msgpack.Decoder(list[Numbered])
_ITEM_BYTES = 100
"""Estimated size in memory of an item, in bytes, without its body."""


def sort_bodies(
    items: Iterable[Numbered], path: Path, limits: Limits
) -> Generator[Numbered, None, None]:
    """Yields the items by number. The runs are in a file at `path`, which is deleted at the end."""
    try:
        with path.open("w+b") as file:
            runs: list[Sequence[_Block]] = []
            for group in _grouped(items, limits.max_sort_run_bytes):
                runs.append(_write(file, sorted(group, key=itemgetter(0)), limits))
                if len(runs) == limits.max_sort_runs:
                    runs = [_write(file, _merged(file, runs), limits)]
            yield from _merged(file, runs)
    finally:
        path.unlink(missing_ok=True)


def _grouped(items: Iterable[Numbered], min_bytes: int) -> Iterator[list[Numbered]]:
    """Yields consecutive items in groups of at least that size; the last may be smaller."""
    group: list[Numbered] = []
    size = 0
    for item in items:
        group.append(item)
        size += len(item[1] or b"") + _ITEM_BYTES
        if size >= min_bytes:
            yield group
            group, size = [], 0
    if group:
        yield group


def _write(file: BinaryIO, run: Iterable[Numbered], limits: Limits) -> Sequence[_Block]:
    """Appends a sorted run to the file and returns its blocks."""
    blocks = []
    for group in _grouped(run, limits.max_sort_block_bytes):
        raw = msgspec.msgpack.encode(group)
        packed = compress(raw)
        blocks.append((file.tell(), len(packed), len(raw)))
        file.write(packed)
    file.flush()  # blocks are read by file descriptor, without the write buffer
    return blocks


def _merged(file: BinaryIO, runs: Iterable[Sequence[_Block]]) -> Iterator[Numbered]:
    return heapq.merge(*(_read(file, blocks) for blocks in runs), key=itemgetter(0))


def _read(file: BinaryIO, blocks: Sequence[_Block]) -> Iterator[Numbered]:
    for offset, size, raw_bytes in blocks:
        yield from _DECODER.decode(decompress(os.pread(file.fileno(), size, offset), raw_bytes))
