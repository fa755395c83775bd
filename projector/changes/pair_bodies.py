"""Pairs: neighbouring versions with their bodies, the log read once.

    earlier bodies that are far, by where they lie ──> put aside in the order of the pairs ──┐
    later bodies, by where they lie, the others near them ───────────────────────────────────┴──>

Of things that are seen each hour the earlier body lies a little before the later one. Others
are seen again after a long time, and their earlier bodies lie anywhere: in the order of the
pairs each would cost a frame. Held at a time: what `lines.py` and `aside.py` hold.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import duckdb
import pyarrow.parquet as pq

from projector.changes.body_cache import Place, body_reader
from projector.changes.external_sort import Numbered, in_order
from projector.engine.connections import run_copy
from projector.engine.parquet_files import copy_options
from projector.engine.sql_text import fill, literal
from projector.limits import Limits

_AT_ONCE = 2_000
"""Rows of the files of pairs that are made values of Python at a time."""


@attrs.frozen
class Pair:
    """Two versions that follow each other, and where their bodies lie."""

    type: str
    before_hash: str
    hash: str
    before: Place
    after: Place
    is_far: bool
    """Whether the earlier body is read beforehand."""


_PLACES = ("before_segment", "before_seq", "segment", "seq")
_COLUMNS = ("type", "before_hash", "hash", *_PLACES, "is_far")


def write_far(connection: duckdb.DuckDBPyConnection, found: Path) -> None:
    """Write beside a file of pairs which of them are far, by where the earlier bodies lie."""
    query = fill("pairs_far", found=literal(str(found)))
    path = literal(str(far_path(found)))
    run_copy(connection, f"COPY ({query}) TO {path} ({copy_options('lz4')})")


def far_path(found: Path) -> Path:
    """Where that is written."""
    return found.with_suffix(".far")


def paired_bodies(
    root: Path, found: Path, go_on: Callable[[], None], limits: Limits
) -> Iterator[tuple[Pair, bytes, bytes]]:
    """The pairs of a file in its order, with their bodies; without those that lack one.

    `go_on` is called for each body, and raises where the work is to end.
    """
    aside = found.with_suffix(".aside")
    body_at = body_reader(root, limits)
    far = in_order(_far_bodies(far_path(found), body_at, go_on), aside, limits)
    with closing(far):
        for pair in _pairs(found):
            go_on()
            before = next(far)[1] if pair.is_far else body_at(pair.before)
            after = body_at(pair.after)
            if before is not None and after is not None:
                yield pair, before, after


def _far_bodies(
    path: Path, body_at: Callable[[Place], bytes | None], go_on: Callable[[], None]
) -> Iterator[Numbered]:
    for number, segment, seq in _rows(path, ("number", "segment", "seq")):
        go_on()
        yield number, body_at((segment, seq))


def _pairs(found: Path) -> Iterator[Pair]:
    for type_, before_hash, hash_, old_segment, old_seq, segment, seq, is_far in _rows(
        found, _COLUMNS
    ):
        yield Pair(type_, before_hash, hash_, (old_segment, old_seq), (segment, seq), is_far)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):  # of all at once pyarrow keeps what it has read
        for batch in file.iter_batches(_AT_ONCE, row_groups=[group], columns=list(columns)):
            yield from zip(*(batch[each].to_pylist() for each in columns), strict=True)
