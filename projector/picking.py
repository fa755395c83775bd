"""Picking: rows as wide as bodies, chosen by their narrow columns and copied afterwards.

    sightings, rows, bodies ──(narrow columns, so many entities a turn)──> which rows, and
                                                                           what is said of them
    each file of them ──(all columns, so many rows a turn)──> those rows ──> put together

Where rows are few one query does it. It groups them, and DuckDB holds what it groups: with all
columns of their bodies that would be as much as the bodies are.
Law: the rows are the same, however many turns they are made in.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import duckdb

from projector.engine import write
from projector.keyframes import count_rows
from projector.parts import copy_options
from projector.texts import fill, identifier, literal, literals
from projector.turns import in_turns

MOST_ROWS = 20_000
"""Rows that are chosen with all their columns."""
MOST_PICKED = 500_000
"""Rows whose narrow columns are looked at in one turn."""
MOST_COPIED = 500_000
"""Rows of a file that are looked through in one turn; of those chosen all columns pass through."""

_KNOWN = ("_seen_at", "_first_at", "_last_at", "_absent_since", "_absent_because")
_NARROW = ("_type", "_id", "_writer", "_seq", "_row")
_AS_WRITTEN = "join_order,build_side_probe_side"


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
) -> Iterator[str]:
    """A query that gives the rows that `query` makes of files: to publish as `path`.

    `schema`: a file with their columns and no row. What is needed meanwhile lies beside `path`.
    """
    held = (*files.rows, *files.delta, *files.near)
    rows = sum(count_rows(connection, held).values())
    if rows <= MOST_ROWS:
        yield query(files)
        return
    columns = _columns(connection, schema)
    with _beside(path) as place:
        picks = _pick(connection, query, files, columns, -(-rows // MOST_PICKED), place)
        copies = _copies(connection, picks, _every(files), columns, schema)
        with (
            _joined_as_written(connection),
            in_turns(connection, lambda copy: copy, copies, path) as everything,
        ):
            yield everything


def _columns(connection: duckdb.DuckDBPyConnection, schema: Path) -> list[str]:
    rows = connection.execute(f"DESCRIBE FROM read_parquet({literal(str(schema))})").fetchall()
    return [str(row[0]) for row in rows]


def _every(files: Files) -> list[Path]:
    """The files that rows lie in, in the order in which they are numbered from 1."""
    return list(dict.fromkeys((*files.rows, *files.delta, *files.near, *files.bodies)))


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Callable[[str], Path]]:
    """Names for files beside a path; they are gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{path.name}.{os.getpid()}-"
    try:
        yield lambda name: path.with_name(f"{start}{name}.tmp")
    finally:  # what a crash leaves is swept like other files that nobody names
        for each in path.parent.iterdir():
            if each.name.startswith(start):
                each.unlink(missing_ok=True)


def _pick(
    connection: duckdb.DuckDBPyConnection,
    query: Callable[[Files], str],
    files: Files,
    columns: Sequence[str],
    turns: int,
    place: Callable[[str], Path],
) -> list[Path]:
    """Files of which rows there are, where each lies, and what is said of it."""
    every = literals(map(str, _every(files)))
    body = ", ".join(each for each in _NARROW if each in columns)

    def narrow(name: str, given: Sequence[Path], chosen: str, more: str = "") -> tuple[Path]:
        listed = literals(map(str, given))
        told = fill(
            "rows_narrow", columns=body, every=every, files=listed, chosen=chosen, more=more
        )
        return (_copy(connection, told, place(name)),)

    def passed(name: str, given: Sequence[Path], chosen: str) -> tuple[Path]:
        listed = literals(map(str, given))
        told = fill("rows_chosen", files=listed, chosen=chosen)
        return (_copy(connection, told, place(name)),)

    known = "".join(f", {each}" for each in _KNOWN)
    bodies = narrow("bodies", files.bodies, "true")
    picks = []
    for turn in range(turns):
        chosen = f"hash(_id) % {turns} = {turn}"
        mine = Files(
            passed("sightings", files.sightings, chosen),
            passed("fresh", files.fresh, chosen),
            narrow("rows", files.rows, chosen, known),
            narrow("delta", files.delta, chosen, known),
            narrow("near", files.near, chosen),
            bodies,
        )
        picks.append(_copy(connection, query(mine), place(f"picked-{turn}")))
    return picks


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> Path:
    write(connection, f"COPY ({query}) TO {literal(str(path))} ({copy_options('lz4')})")
    return path


def _copies(
    connection: duckdb.DuckDBPyConnection,
    picks: Sequence[Path],
    every: Sequence[Path],
    columns: Sequence[str],
    schema: Path,
) -> list[str]:
    """Queries that together give the rows that were picked, each a range of those of a file."""
    common = {
        "picked": f"[{literals(map(str, picks))}]",
        "columns": ", ".join(map(_of_body, (each for each in columns if each not in _KNOWN))),
        "told": ", ".join(f"picked.{each}" for each in _KNOWN),
    }
    spans = connection.execute(fill("rows_spans", picked=common["picked"])).fetchall()
    copies = [
        fill(
            "rows_wide",
            file=literal(str(every[number - 1])),
            number=str(number),
            first=str(low),
            last=str(min(low + MOST_COPIED - 1, last)),
            **common,
        )
        for number, first, last in spans
        for low in range(first, last + 1, MOST_COPIED)
    ]
    return [*copies, fill("rows_bare", schema=literal(str(schema)), **common)]


def _of_body(column: str) -> str:
    """A column of the body; those of the entity are what is said of it."""
    return f"{'picked' if column in ('_type', '_id') else 'body'}.{identifier(column)}"


@contextlib.contextmanager
def _joined_as_written(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Meanwhile a join holds its right side, which is narrow, whatever is expected of it."""
    connection.execute(f"SET disabled_optimizers = {literal(_AS_WRITTEN)}")
    try:
        yield
    finally:
        connection.execute("RESET disabled_optimizers")
