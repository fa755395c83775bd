"""Late materialization: selects rows by narrow columns, then copies the wide ones.

    sightings, rows, bodies ──(narrow columns, a chunk of entities at a time)──> selected rows
    each file with such rows ──(all columns, a chunk of rows at a time)──> one file

If there are few rows, one query does both. That query groups the rows, and DuckDB keeps groups
in memory: with all columns of the bodies they would be as large as the bodies.
Law: the rows are the same, whatever the number of chunks.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import duckdb

from projector.engine.chunked_copy import copied_in_chunks
from projector.engine.parquet_files import copy_options, copy_rows, count_rows
from projector.engine.sql_text import fill, identifier, list_literal, literal, literals
from projector.limits import Limits

_KNOWN = ("_seen_at", "_first_at", "_last_at", "_absent_since", "_absent_because")
_NARROW = ("_type", "_id", "_writer", "_seq", "_row")
_PLACE = ("_file", "_number")
"""Columns that locate a row: number of the file, from 1, and of the row in it."""
_ALL = ("* EXCLUDE (_file, _number)",)
_MOST_UNWRITTEN = 8_000
"""Number of rows in memory while a COPY partitions them into files."""
_AS_WRITTEN = "join_order,build_side_probe_side"


_Paths = tuple[Path, ...]


@attrs.frozen
class RowFiles:
    """Files from which a row cache is built."""

    sightings: tuple[Path, ...]
    pages: tuple[Path, ...]
    fresh: tuple[Path, ...]
    """Sightings since the previous row cache."""
    since: str
    """SQL of the instant of the previous row cache."""
    rows: tuple[Path, ...]
    """The previous row cache, and a file without rows."""
    near: tuple[Path, ...]
    """Bodies that the sightings are likely to name."""
    bodies: tuple[Path, ...]
    """All bodies."""


@contextlib.contextmanager
def materialized_late(
    connection: duckdb.DuckDBPyConnection,
    query: Callable[[RowFiles], str],
    files: RowFiles,
    schema: Path,
    path: Path,
    limits: Limits,
) -> Iterator[str]:
    """Yields a query for the rows that `query` selects from files, to publish as `path`.

    `schema`: a file with their columns, and without rows.
    """
    wide_files = (*files.rows, *files.near)
    rows = sum(count_rows(connection, wide_files).values())
    if rows <= limits.max_single_query_rows:
        yield query(files)
        return
    columns = _columns(connection, schema)
    with _spill_folder(connection) as spill_folder, _small_partition_buffers(connection):
        selections = _select(connection, query, files, columns, rows, spill_folder, limits)
        copies = _copies(connection, selections, _row_files(files), columns, schema, limits)
        with (
            _joins_as_written(connection),
            copied_in_chunks(connection, lambda copy: copy, copies, path) as everything,
        ):
            yield everything


def _columns(connection: duckdb.DuckDBPyConnection, schema: Path) -> list[str]:
    rows = connection.execute(f"DESCRIBE FROM read_parquet({literal(str(schema))})").fetchall()
    return [str(row[0]) for row in rows]


def _row_files(files: RowFiles) -> list[Path]:
    """Returns the files that contain the rows, in the order of their numbers, from 1."""
    return list(dict.fromkeys((*files.rows, *files.near, *files.bodies)))


@contextlib.contextmanager
def _spill_folder(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """Yields a folder below the spill folder of the connection, and deletes it afterwards."""
    ((folder,),) = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    with tempfile.TemporaryDirectory(dir=folder) as spill_folder:
        yield Path(spill_folder)


def _select(
    connection: duckdb.DuckDBPyConnection,
    query: Callable[[RowFiles], str],
    files: RowFiles,
    columns: Sequence[str],
    row_count: int,
    spill_folder: Path,
    limits: Limits,
) -> list[Path]:
    """Returns files with the selected rows: their location, and the columns about the entity."""
    body = [name for name in _NARROW if name in columns]
    every = literals(map(str, _row_files(files)))
    turns = -(-row_count // limits.max_narrow_chunk_rows)

    def split(name: str, paths: Sequence[Path], columns: Sequence[str], turns: int) -> list[_Paths]:
        listed = literals(map(str, paths))
        narrow = fill("rows_narrow", columns=", ".join(columns), every=every, files=listed)
        return _split(connection, narrow, turns, spill_folder / name, limits)

    (bodies,) = split("bodies", files.bodies, [*body, *_PLACE], 1)
    columns_of: dict[str, Sequence[str]] = {
        "sightings": _ALL,
        "fresh": _ALL,
        "rows": [*body, *_PLACE, *_KNOWN],
        "near": [*body, *_PLACE],
    }
    lists = [split(name, getattr(files, name), each, turns) for name, each in columns_of.items()]
    selections = []
    for turn, paths in enumerate(zip(*lists, strict=True)):
        selections.append(spill_folder / f"picked-{turn}.parquet")
        chunk = attrs.evolve(files, bodies=bodies, **dict(zip(columns_of, paths, strict=True)))
        copy_rows(connection, query(chunk), selections[-1])
    return selections


def _split(
    connection: duckdb.DuckDBPyConnection, query: str, turns: int, folder: Path, limits: Limits
) -> list[_Paths]:
    """Partitions the rows of a query by entity. Returns the files of each partition.

    The first file of each has no rows.
    """
    folder.mkdir()
    none = folder / "none.parquet"
    copy_rows(connection, f"FROM ({query}) LIMIT 0", none)
    if turns == 1:
        copy_rows(connection, query, folder / "all.parquet")
        return [(none, folder / "all.parquet")]
    count = limits.max_open_partitions
    for first in range(0, turns, count):
        copy_rows(
            connection,
            fill("rows_split", rows=query, turns=str(turns), first=str(first), count=str(count)),
            folder / f"{first}",
            f"{copy_options('lz4')}, PARTITION_BY (_turn)",
        )
    partitions: list[list[Path]] = [[none] for _ in range(turns)]
    for number, path in enumerate(sorted(folder.glob("*/*/*.parquet"))):
        turn = int(path.parent.name.partition("=")[2])
        # Renamed, because DuckDB reads `_turn=…` in a path as a column.
        partitions[turn].append(path.rename(folder / f"{turn}-{number}.parquet"))
    return [tuple(paths) for paths in partitions]


def _copies(
    connection: duckdb.DuckDBPyConnection,
    selections: Sequence[Path],
    every: Sequence[Path],
    columns: Sequence[str],
    schema: Path,
    limits: Limits,
) -> list[str]:
    """Returns queries for the selected rows: each reads a range of rows of one file."""
    common = {
        "picked": list_literal(selections),
        "columns": ", ".join(map(_column_sql, (name for name in columns if name not in _KNOWN))),
        "told": ", ".join(f"picked.{name}" for name in _KNOWN),
    }
    size = limits.max_wide_chunk_rows
    spans = connection.execute(fill("rows_spans", picked=common["picked"])).fetchall()
    copies = [
        fill(
            "rows_wide",
            file=literal(str(every[number - 1])),
            number=str(number),
            first=str(low),
            last=str(min(low + size - 1, last)),
            **common,
        )
        for number, first, last in spans
        for low in range(first, last + 1, size)
    ]
    return [*copies, fill("rows_bare", schema=literal(str(schema)), **common)]


def _column_sql(column: str) -> str:
    """Returns the SQL of a column: of the selection if it is about the entity, else of the body."""
    return f"{'picked' if column in ('_type', '_id') else 'body'}.{identifier(column)}"


@contextlib.contextmanager
def _small_partition_buffers(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Limits the rows that a partitioned COPY keeps in memory."""
    connection.execute(f"SET partitioned_write_flush_threshold = {_MOST_UNWRITTEN}")
    try:
        yield
    finally:
        connection.execute("RESET partitioned_write_flush_threshold")


@contextlib.contextmanager
def _joins_as_written(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Makes joins build their hash table from the right side, which is narrow."""
    connection.execute(f"SET disabled_optimizers = {literal(_AS_WRITTEN)}")
    try:
        yield
    finally:
        connection.execute("RESET disabled_optimizers")
