"""Chunked COPY: a large selection is copied in ranges of seqs and published as one file.

    sightings ──> ranges of seqs ──> rows of each range, in a temporary file ──> one file

DuckDB holds the keys of a join in memory, and cannot spill rows as wide as bodies meanwhile. A
chunk holds only the keys of its own range, so memory does not grow with the log. Rows are stored
in the order of their seqs, so a range is read without scanning the whole file.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb

from projector.engine.parquet_files import copy_rows
from projector.engine.sql_text import fill, list_literal
from projector.limits import Limits


def split_by_seq(
    connection: duckdb.DuckDBPyConnection, query: str, max_rows: int, limits: Limits
) -> list[str]:
    """Returns conditions on `_seq`, one per chunk; each row of the query meets exactly one.

    The chunks have about the same number of rows, at most `max_chunk_keys`. `max_rows` is an
    upper bound of the rows of the query.
    """
    count = -(-max_rows // limits.max_chunk_keys)
    if count <= 1:
        return ["true"]
    shares = ", ".join(str(n / count) for n in range(1, count))
    ((quantiles,),) = connection.execute(fill("cuts", shares=shares, rows=query)).fetchall()
    return list(_conditions(sorted({int(seq) for seq in quantiles or ()})))


def _conditions(cuts: Sequence[int]) -> Iterator[str]:
    """Yields the conditions of the half-open ranges between the cuts."""
    for low, high in pairwise((None, *cuts, None)):
        ends = (low is not None and f"_seq >= {low}", high is not None and f"_seq < {high}")
        yield " AND ".join(end for end in ends if end) or "true"


@contextlib.contextmanager
def copied_in_chunks(
    connection: duckdb.DuckDBPyConnection,
    query: Callable[[str], str],
    chunks: Sequence[str],
    path: Path,
) -> Iterator[str]:
    """Yields a query over the rows of all chunks, to be published as `path`.

    `query` maps a chunk to the SQL of its rows. If there are several chunks, each is copied into
    a temporary file beside `path`; these files are deleted on exit.
    """
    if len(chunks) == 1:
        yield query(chunks[0])
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = [path.with_name(f".{path.name}.{os.getpid()}-{n}.tmp") for n in range(len(chunks))]
    try:
        for chunk, piece in zip(chunks, pieces, strict=True):
            copy_rows(connection, query(chunk), piece)
        yield f"FROM read_parquet({list_literal(pieces)})"
    finally:  # after a crash, `sweep` deletes them like every file that no views file names
        for piece in pieces:
            piece.unlink(missing_ok=True)
