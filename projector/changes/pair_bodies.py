"""Pairs of consecutive versions with their bodies, read from the log in one pass.

    far earlier bodies, by place in the log ──> external merge sort by pair ──┐
    later bodies and near earlier bodies, by place in the log ────────────────┴──> pairs

The pairs are in the order of their later bodies in the log. If an entity is seen each hour, its
earlier body is shortly before the later one: near. If it is seen again after a long time, the
earlier body is anywhere: far. Reading far bodies in the order of the pairs would decompress a frame
for each, so they are read in the order of the log and sorted. Memory is bounded by the cache of
`body_cache.py` and the runs of `external_sort.py`.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import duckdb
import pyarrow.parquet as pq

from projector.changes.body_cache import BodyPlace, body_reader
from projector.changes.external_sort import Numbered, sort_bodies
from projector.engine.parquet_files import copy_rows
from projector.engine.sql_text import fill, literal
from projector.limits import Limits

_BATCH_ROWS = 2_000
"""Rows of a file of pairs that are converted to Python values at a time."""


@attrs.frozen
class Pair:
    """Two consecutive versions, and the places of their bodies in the log."""

    type: str
    before_hash: str
    hash: str
    before: BodyPlace
    after: BodyPlace
    is_far: bool
    """Whether the earlier body is read beforehand and sorted."""


_PLACES = ("before_segment", "before_seq", "segment", "seq")
_COLUMNS = ("type", "before_hash", "hash", *_PLACES, "is_far")


def write_far_bodies(connection: duckdb.DuckDBPyConnection, pairs: Path) -> None:
    """Writes, beside a file of pairs, the places of their far earlier bodies in log order."""
    query = fill("pairs_far", found=literal(str(pairs)))
    copy_rows(connection, query, _far_path(pairs))


def _far_path(pairs: Path) -> Path:
    return pairs.with_suffix(".far")


def paired_bodies(
    root: Path, pairs: Path, check_cancelled: Callable[[], None], limits: Limits
) -> Iterator[tuple[Pair, bytes, bytes]]:
    """Yields the pairs of a file in its order, with the earlier and the later body.

    A pair is left out if one of its bodies is not in the log. `check_cancelled` is called for
    each body and may raise an error to stop.
    """
    runs = pairs.with_suffix(".aside")
    body_at = body_reader(root, limits)
    far = sort_bodies(_far_bodies(_far_path(pairs), body_at, check_cancelled), runs, limits)
    with closing(far):
        for pair in _pairs(pairs):
            check_cancelled()
            before = next(far)[1] if pair.is_far else body_at(pair.before)
            after = body_at(pair.after)
            if before is not None and after is not None:
                yield pair, before, after


def _far_bodies(
    path: Path, body_at: Callable[[BodyPlace], bytes | None], check_cancelled: Callable[[], None]
) -> Iterator[Numbered]:
    for number, segment, seq in _rows(path, ("number", "segment", "seq")):
        check_cancelled()
        yield number, body_at((segment, seq))


def _pairs(path: Path) -> Iterator[Pair]:
    for type_, before_hash, hash_, old_segment, old_seq, segment, seq, is_far in _rows(
        path, _COLUMNS
    ):
        yield Pair(type_, before_hash, hash_, (old_segment, old_seq), (segment, seq), is_far)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):  # iterating over all groups, pyarrow keeps them all
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=list(columns)):
            yield from zip(*(batch[column].to_pylist() for column in columns), strict=True)
