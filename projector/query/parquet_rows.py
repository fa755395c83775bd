"""Parquet from rows that are already here: the result of a query, written to a file."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from projector.engine.connections import connect

_ROWS = 20_000
_AS_TEXT = ("JSON", "UUID")


def write_parquet(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    path: Path,
    types: Sequence[str] | None = None,
) -> None:
    """Write rows, 20,000 at a time; JSON and UUID as text, which every reader knows.

    `types` are DuckDB's names, as `Result` has them; without them the types are those
    of the first rows.
    """
    chunks = _chunks(rows)
    first = next(chunks, [])
    schema = _schema(columns, types) if types is not None else None
    table = _table(columns, first, schema)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        for chunk in chunks:
            writer.write_table(_table(columns, chunk, table.schema))


def _schema(columns: Sequence[str], types: Sequence[str]) -> Any:
    """What Arrow calls these types: asked of DuckDB, by an empty table of them."""
    plain = ["VARCHAR" if each in _AS_TEXT else each for each in types]
    with contextlib.closing(connect()) as connection:
        nulls = ", ".join(f"NULL::{each} AS c{n}" for n, each in enumerate(plain))
        asked: Any = connection.sql(f"FROM (SELECT {nulls}) LIMIT 0")
        found = asked.to_arrow_table().schema
    fields = zip(columns, found, strict=True)
    return pa.schema([pa.field(name, field.type) for name, field in fields])


def _chunks(rows: Iterable[Sequence[object]]) -> Iterator[list[Sequence[object]]]:
    left = iter(rows)
    while chunk := list(islice(left, _ROWS)):
        yield chunk


def _table(columns: Sequence[str], rows: list[Sequence[object]], schema: Any) -> Any:
    values: list[Sequence[object]] = list(zip(*rows, strict=True)) or [() for _ in columns]
    if schema is None:
        return pa.table([pa.array(list(each)) for each in values], names=list(columns))
    arrays = [_array(list(each), field) for each, field in zip(values, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: list[object], field: Any) -> Any:
    if field.type == pa.string():
        values = [None if each is None else str(each) for each in values]
    return pa.array(values, field.type)
