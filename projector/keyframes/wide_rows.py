"""Picking: rows as wide as bodies, chosen by their narrow columns and copied afterwards.

    sightings, rows, bodies ──(narrow columns, so many entities a turn)──> which rows, and
                                                                           what is said of them
    each file of them ──(all columns, so many rows a turn)──> those rows ──> put together

Where rows are few one query does it. It groups them, and DuckDB holds what it groups: with all
columns of their bodies that would be as much as the bodies are.
Law: the rows are the same, however many turns they are made in.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import duckdb

from projector.engine.chunked_copy import copied_in_chunks
from projector.engine.connections import run_copy
from projector.engine.parquet_files import copy_options, count_rows
from projector.engine.sql_text import fill, identifier, literal, literals
from projector.limits import Limits

_KNOWN = ("_seen_at", "_first_at", "_last_at", "_absent_since", "_absent_because")
_NARROW = ("_type", "_id", "_writer", "_seq", "_row")
_PLACE = ("_file", "_number")
"""Where a row lies: in which file, counted from 1, and which of its rows."""
_ALL = ("* EXCLUDE (_file, _number)",)
_MOST_UNWRITTEN = 8_000
"""Rows that are held while they are divided among those files."""
_AS_WRITTEN = "join_order,build_side_probe_side"


_Paths = tuple[Path, ...]


@attrs.frozen
class Files:
    """What rows are made of."""

    sightings: tuple[Path, ...]
    fresh: tuple[Path, ...]
    rows: tuple[Path, ...]
    delta: tuple[Path, ...]
    near: tuple[Path, ...]
    bodies: tuple[Path, ...]


@contextlib.contextmanager
def picked(
    connection: duckdb.DuckDBPyConnection,
    query: Callable[[Files], str],
    files: Files,
    schema: Path,
    path: Path,
    limits: Limits,
) -> Iterator[str]:
    """A query that gives the rows that `query` makes of files: to publish as `path`.

    `schema`: a file with their columns and no row.
    """
    held = (*files.rows, *files.delta, *files.near)
    rows = sum(count_rows(connection, held).values())
    if rows <= limits.max_single_query_rows:
        yield query(files)
        return
    columns = _columns(connection, schema)
    with _aside(connection) as aside, _written_often(connection):
        picks = _pick(connection, query, files, columns, rows, aside, limits)
        copies = _copies(connection, picks, _every(files), columns, schema, limits)
        with (
            _joined_as_written(connection),
            copied_in_chunks(connection, lambda copy: copy, copies, path) as everything,
        ):
            yield everything


def _columns(connection: duckdb.DuckDBPyConnection, schema: Path) -> list[str]:
    rows = connection.execute(f"DESCRIBE FROM read_parquet({literal(str(schema))})").fetchall()
    return [str(row[0]) for row in rows]


def _every(files: Files) -> list[Path]:
    """The files that rows lie in, in the order in which they are numbered from 1."""
    return list(dict.fromkeys((*files.rows, *files.delta, *files.near, *files.bodies)))


@contextlib.contextmanager
def _aside(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """A folder where the connection puts aside what it cannot hold; gone afterwards."""
    ((folder,),) = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        yield Path(aside)


def _pick(
    connection: duckdb.DuckDBPyConnection,
    query: Callable[[Files], str],
    files: Files,
    columns: Sequence[str],
    row_count: int,
    aside: Path,
    limits: Limits,
) -> list[Path]:
    """Files of which rows there are, where each lies, and what is said of it."""
    body = [each for each in _NARROW if each in columns]
    every = literals(map(str, _every(files)))
    turns = -(-row_count // limits.max_narrow_chunk_rows)

    def split(name: str, given: Sequence[Path], columns: Sequence[str], turns: int) -> list[_Paths]:
        listed = literals(map(str, given))
        told = fill("rows_narrow", columns=", ".join(columns), every=every, files=listed)
        return _split(connection, told, turns, aside / name, limits)

    (bodies,) = split("bodies", files.bodies, [*body, *_PLACE], 1)
    divided = zip(
        split("sightings", files.sightings, _ALL, turns),
        split("fresh", files.fresh, _ALL, turns),
        split("rows", files.rows, [*body, *_PLACE, *_KNOWN], turns),
        split("delta", files.delta, [*body, *_PLACE, *_KNOWN], turns),
        split("near", files.near, [*body, *_PLACE], turns),
        strict=True,
    )
    picks = []
    for turn, (sightings, fresh, rows, delta, near) in enumerate(divided):
        picks.append(aside / f"picked-{turn}.parquet")
        mine = Files(sightings, fresh, rows, delta, near, bodies)
        _copy(connection, query(mine), picks[-1])
    return picks


def _split(
    connection: duckdb.DuckDBPyConnection, query: str, turns: int, folder: Path, limits: Limits
) -> list[_Paths]:
    """The rows of a query by their entities, in so many lists of files; the first has none."""
    folder.mkdir()
    none = folder / "none.parquet"
    _copy(connection, f"FROM ({query}) LIMIT 0", none)
    if turns == 1:
        _copy(connection, query, folder / "all.parquet")
        return [(none, folder / "all.parquet")]
    count = limits.max_open_partitions
    for first in range(0, turns, count):
        _copy(
            connection,
            fill("rows_split", rows=query, turns=str(turns), first=str(first), count=str(count)),
            folder / f"{first}",
            "PARTITION_BY (_turn)",
        )
    found: list[list[Path]] = [[none] for _ in range(turns)]
    for number, path in enumerate(sorted(folder.glob("*/*/*.parquet"))):
        turn = int(path.parent.name.partition("=")[2])
        # moved: DuckDB takes a folder's name for a column
        found[turn].append(path.rename(folder / f"{turn}-{number}.parquet"))
    return [tuple(each) for each in found]


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path, *more: str) -> None:
    options = ", ".join([copy_options("lz4"), *more])
    run_copy(connection, f"COPY ({query}) TO {literal(str(path))} ({options})")


def _copies(
    connection: duckdb.DuckDBPyConnection,
    picks: Sequence[Path],
    every: Sequence[Path],
    columns: Sequence[str],
    schema: Path,
    limits: Limits,
) -> list[str]:
    """Queries that together give the rows that were picked, each a range of those of a file."""
    common = {
        "picked": f"[{literals(map(str, picks))}]",
        "columns": ", ".join(map(_of_body, (each for each in columns if each not in _KNOWN))),
        "told": ", ".join(f"picked.{each}" for each in _KNOWN),
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


def _of_body(column: str) -> str:
    """A column of the body; those of the entity are what is said of it."""
    return f"{'picked' if column in ('_type', '_id') else 'body'}.{identifier(column)}"


@contextlib.contextmanager
def _written_often(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Meanwhile a COPY that divides rows among files holds few of them."""
    connection.execute(f"SET partitioned_write_flush_threshold = {_MOST_UNWRITTEN}")
    try:
        yield
    finally:
        connection.execute("RESET partitioned_write_flush_threshold")


@contextlib.contextmanager
def _joined_as_written(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Meanwhile a join holds its right side, which is narrow, whatever is expected of it."""
    connection.execute(f"SET disabled_optimizers = {literal(_AS_WRITTEN)}")
    try:
        yield
    finally:
        connection.execute("RESET disabled_optimizers")
