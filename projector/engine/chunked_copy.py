"""Turns: a large selection that is made a range of seqs at a time, and published as one file.

    sightings ──> ranges of so many seqs ──> the rows of each, aside ──> put together ──> a file

DuckDB holds the keys of a join, and cannot put rows as wide as bodies aside while it does. A
turn holds the keys of its range alone, so memory does not follow the size of the log; and as
rows lie by seq, a range is read where it lies and not by reading everything.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb

from projector.engine.connections import write
from projector.engine.parquet_files import copy_options
from projector.engine.sql_text import fill, literal, literals
from projector.limits import Limits


def ranges(
    connection: duckdb.DuckDBPyConnection, query: str, rows: int, limits: Limits
) -> list[str]:
    """Conditions on `_seq` that divide the rows of a query: each row meets exactly one.

    About equal in rows, at most `max_chunk_keys`. `rows`: how many there are at most.
    """
    turns = -(-rows // limits.max_chunk_keys)
    if turns <= 1:
        return ["true"]
    shares = ", ".join(str(n / turns) for n in range(1, turns))
    found = connection.execute(fill("cuts", shares=shares, rows=query)).fetchall()
    return list(_between(sorted({int(each) for each in found[0][0] or ()})))


def _between(cuts: Sequence[int]) -> Iterator[str]:
    for low, high in pairwise((None, *cuts, None)):
        ends = (low is not None and f"_seq >= {low}", high is not None and f"_seq < {high}")
        yield " AND ".join(each for each in ends if each) or "true"


@contextlib.contextmanager
def in_turns(
    connection: duckdb.DuckDBPyConnection,
    query: Callable[[str], str],
    turns: Sequence[str],
    path: Path,
) -> Iterator[str]:
    """A query that gives the rows of all turns, and holds none of them: to publish as `path`.

    `query`: the rows of a turn. Where there are several, they lie beside `path` meanwhile.
    """
    if len(turns) == 1:
        yield query(turns[0])
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = [path.with_name(f".{path.name}.{os.getpid()}-{n}.tmp") for n in range(len(turns))]
    try:
        for turn, piece in zip(turns, pieces, strict=True):
            options = copy_options("lz4")
            write(connection, f"COPY ({query(turn)}) TO {literal(str(piece))} ({options})")
        yield f"FROM read_parquet([{literals(map(str, pieces))}])"
    finally:  # what a crash leaves is swept like other files that nobody names
        for each in pieces:
            each.unlink(missing_ok=True)
