"""Parquet from rows that are already here: the result of a query, written to a file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 20_000


def write_parquet(columns: Sequence[str], rows: Iterable[Sequence[object]], path: Path) -> None:
    """Write rows with the types that their first 20,000 have; memory for as many at a time.

    Raises `pyarrow.ArrowInvalid` where a later row does not fit.
    """
    chunks = _chunks(rows)
    first = next(chunks, [])
    table = _table(columns, first, None)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        for chunk in chunks:
            writer.write_table(_table(columns, chunk, table.schema))


def _chunks(rows: Iterable[Sequence[object]]) -> Iterator[list[Sequence[object]]]:
    left = iter(rows)
    while chunk := list(islice(left, _ROWS)):
        yield chunk


def _table(columns: Sequence[str], rows: list[Sequence[object]], schema: Any) -> Any:
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    if schema is None:
        return pa.table([pa.array(each) for each in values], names=list(columns))
    arrays = [pa.array(each, field.type) for each, field in zip(values, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
