"""Writes the rows of a query result to a Parquet file."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from projector.engine.connections import connect

_CHUNK_ROWS = 20_000
_AS_TEXT = ("JSON", "UUID")
"""Types of DuckDB that are written as text, which every reader knows."""


def write_parquet(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    path: Path,
    types: Sequence[str] | None = None,
) -> None:
    """Writes rows to a file, 20,000 at a time.

    `types` are DuckDB's type names, as in `QueryResult`. Without them the types are those of
    the first rows.
    """
    chunks = _chunks(rows)
    first = next(chunks, [])
    schema = _arrow_schema(columns, types) if types is not None else None
    table = _arrow_table(columns, first, schema)
    # an open file: pyarrow itself refuses a path that is not UTF-8
    with (
        path.open("wb") as file,
        pq.ParquetWriter(file, table.schema, compression="zstd") as writer,
    ):
        writer.write_table(table)
        for chunk in chunks:
            writer.write_table(_arrow_table(columns, chunk, table.schema))


def _arrow_schema(columns: Sequence[str], types: Sequence[str]) -> Any:
    """Returns Arrow's schema for DuckDB's types: that of an empty table with these types."""
    plain_types = ["VARCHAR" if name in _AS_TEXT else name for name in types]
    nulls = ", ".join(f"NULL::{name} AS c{n}" for n, name in enumerate(plain_types))
    with contextlib.closing(connect()) as connection:
        empty: Any = connection.sql(f"FROM (SELECT {nulls}) LIMIT 0")
        fields = zip(columns, empty.to_arrow_table().schema, strict=True)
    return pa.schema([pa.field(name, field.type) for name, field in fields])


def _chunks(rows: Iterable[Sequence[object]]) -> Iterator[list[Sequence[object]]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, _CHUNK_ROWS)):
        yield chunk


def _arrow_table(columns: Sequence[str], rows: list[Sequence[object]], schema: Any) -> Any:
    by_column: list[Sequence[object]] = list(zip(*rows, strict=True)) or [() for _ in columns]
    if schema is None:
        return pa.table([pa.array(list(values)) for values in by_column], names=list(columns))
    arrays = [
        _arrow_array(list(values), field) for values, field in zip(by_column, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _arrow_array(values: list[object], field: Any) -> Any:
    if field.type == pa.string():
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, field.type)
