"""Changes: the differences between neighbouring versions, each computed once.

A difference is a pure function of two bodies, kept by (type, hash before, hash after),
in any order: a late segment makes new neighbours, and old ones simply stop being
neighbours. The view `X_changes` joins them with the neighbours of its versions.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from eventlog.body.encode_body import repair
from eventlog.files.disk import replace_file
from projector.changes.diff import ADD, REMOVE, diff, old_class
from projector.changes.diff_rules import is_telemetry
from projector.changes.pair_bodies import Pair, paired_bodies, write_far
from projector.changes.version_pairs import (
    MEMORY_MB,
    History,
    find_neighbours,
    read_compared,
    write_compared,
)
from projector.engine.connections import SMALL_MEMORY_MB
from projector.engine.parquet_files import SCHEMA, publish
from projector.engine.sql_text import literals
from projector.engine.workers import Workers, job_builder, raise_if_cancelled
from projector.limits import Limits
from projector.rule_versions import DIFFERENCE_RULES

FOLDER = "log.diffs"
_SMALL_BYTES = 32 * 1024 * 1024
"""Size in bytes below which a file of differences is small."""

_SCHEMA = pa.schema(
    [
        ("type", pa.string()),
        ("before_hash", pa.string()),
        ("hash", pa.string()),
        ("path", pa.string()),
        ("kind", pa.string()),
        ("old", pa.string()),
        ("new", pa.string()),
        ("old_class", pa.string()),
        ("is_telemetry", pa.bool_()),
    ]
)

_LONG = re.compile(rb"\d{19}")
"""Digits of an integer beyond 64 bits, which orjson reads as a float."""
_ROW_BYTES = 200
"""Of a row, beside the values."""
_Row = tuple[Any, ...]
"""In the order of the columns."""


def version_of_rules() -> str:
    """A name for the rules of comparing: differences of two rules are never mixed."""
    return f"rules-{DIFFERENCE_RULES}"


def folder_of_diffs(parts: Path, source: str) -> Path:
    """Where the differences of a source lie; there is always a file."""
    return parts / source / FOLDER / version_of_rules()


def make_schema(folder: Path) -> None:
    """A file without rows, so that views always have one to read."""
    if not (folder / "schema.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _publish(folder, "schema.parquet", [])


def add_differences(
    root: Path, folder: Path, history: History, scratch: Path, crew: Workers, limits: Limits
) -> int:
    """Compare the neighbours that were not compared yet; how many pairs."""
    compared = read_compared(folder, history.types)
    if not history.read - compared.read:
        return 0
    files = "[" + literals(map(str, (folder / SCHEMA, *list_diffs(folder)))) + "]"
    found = scratch / f"pairs-{history.source}.parquet"
    with job_builder(crew, scratch, 1, MEMORY_MB) as connection:
        done = find_neighbours(connection, history, compared, files, found, limits)
        write_far(connection, found)
    pairs = _compare(root, folder, history.source, found, crew, limits)
    pa.default_memory_pool().release_unused()  # else DuckDB's memory comes on top of it
    if small := _small(folder, limits):
        with job_builder(crew, scratch, 1, SMALL_MEMORY_MB) as connection:
            _merge(folder, small, connection)
    write_compared(folder, history.types, done)
    return pairs


def _compare(
    root: Path, folder: Path, source: str, found: Path, crew: Workers, limits: Limits
) -> int:
    """Compare the pairs in a file, each time so many as make a file of differences."""
    pairs = 0
    rows: list[_Row] = []
    size = 0
    for pair, before, after in paired_bodies(
        root, found, partial(raise_if_cancelled, crew), limits
    ):
        made = list(_rows(source, pair, before, after))
        rows += made
        size += sum(_ROW_BYTES + len(row[5] or "") + len(row[6] or "") for row in made)
        pairs += 1
        if size >= limits.max_difference_bytes:
            _publish(folder, _name(rows), rows)
            rows, size = [], 0
    if rows:
        _publish(folder, _name(rows), rows)
    return pairs


def _name(rows: Sequence[_Row]) -> str:
    """The name of a file of differences: that of the pairs, so it is harmless when repeated."""
    pairs = sorted({row[:3] for row in rows})
    return f"d-{hashlib.sha256(repr(pairs).encode()).hexdigest()[:16]}.parquet"


def _value(body: bytes) -> Any:
    """A body as Python values; of one that is no strict JSON its repaired copy."""
    try:
        value = orjson.loads(body)
        return json.loads(body) if _LONG.search(body) else value
    except orjson.JSONDecodeError:
        try:
            return json.loads(repair(body) or b"null")
        except ValueError:
            return None


def _rows(source: str, pair: Pair, before: bytes, after: bytes) -> Iterator[_Row]:
    """The rows of a pair; one without a path where nothing differs but spelling."""
    key = (pair.type, pair.before_hash, pair.hash)
    found = diff(_value(before), _value(after))
    for each in found:
        telemetry = is_telemetry(source, pair.type, each.path)
        old_text = None if each.kind == ADD else _text(each.old)
        new_text = None if each.kind == REMOVE else _text(each.new)
        yield *key, each.path, each.kind, old_text, new_text, old_class(each), telemetry
    if not found:
        yield *key, None, None, None, None, None, False


def _text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits
        return _long_text(value)


def _long_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _publish(folder: Path, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    arrays = [pa.array([row[n] for row in rows], each.type) for n, each in enumerate(_SCHEMA)]
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    pq.write_table(pa.table(arrays, schema=_SCHEMA), temporary, compression="zstd")
    temporary.replace(folder / name)


def _small(folder: Path, limits: Limits) -> list[Path]:
    """The files to put together; none while they are few."""
    files = [path for path in list_diffs(folder) if path.stat().st_size < _SMALL_BYTES]
    return files if len(files) > limits.max_difference_files else []


def _merge(folder: Path, files: Sequence[Path], connection: duckdb.DuckDBPyConnection) -> None:
    """Put small files together. The old ones are left to readers that named them."""
    name = hashlib.sha256("\n".join(path.name for path in files).encode()).hexdigest()[:16]
    query = f"FROM read_parquet([{literals(map(str, files))}])"
    publish(connection, query, folder / f"m-{name}.parquet", [], folder.name)
    names = [*_read_merged(folder), *(path.name for path in files)]
    replace_file(folder / "merged", "\n".join(names).encode())


def list_diffs(folder: Path) -> list[Path]:
    """The files of differences to read, without those that were put together."""
    merged = set(_read_merged(folder))
    found = [path for path in folder.glob("[dm]-*.parquet") if path.name not in merged]
    return sorted(found)


def _read_merged(folder: Path) -> Iterable[str]:
    try:
        return (folder / "merged").read_text().split()
    except FileNotFoundError:
        return ()
