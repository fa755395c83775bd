"""Differences between consecutive versions of an entity, each computed once and stored.

A difference is a pure function of two bodies and is stored under (type, hash before, hash after).
A late segment creates new pairs of consecutive versions; stored differences of pairs that are no
longer consecutive are not used. The view `X_changes` joins the differences with the consecutive
versions of its entities.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from eventlog.body.encode_body import repaired_copy
from eventlog.progress import ReportProgress, no_progress
from projector.changes.diff import ADD, REMOVE, diff, old_class
from projector.changes.diff_rules import is_telemetry
from projector.changes.pair_bodies import Pair, paired_bodies, write_far_bodies
from projector.changes.version_pairs import (
    MEMORY_MB,
    History,
    find_pairs,
    read_compared,
    recorded_files,
    write_compared,
)
from projector.engine.connections import SMALL_MEMORY_MB
from projector.engine.parquet_files import SCHEMA, publish
from projector.engine.sql_text import list_literal
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
"""Digits that may belong to an integer beyond 64 bits, which orjson parses as a float."""
_ROW_BYTES = 200
"""Estimated size of a row in memory, in bytes, without its values."""
_Row = tuple[Any, ...]
"""Values in the order of the columns."""


def version_of_rules() -> str:
    """Returns the name of the rules; differences by other rules are in other folders."""
    return f"rules-{DIFFERENCE_RULES}"


def folder_of_diffs(parts: Path, source: str) -> Path:
    """Returns the folder of the differences of a source."""
    return parts / source / FOLDER / version_of_rules()


def create_empty_differences(folder: Path) -> None:
    """Creates a file without rows, so that views always have a file to read."""
    if not (folder / "schema.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _publish(folder, "schema.parquet", [])


ComparePairs = Callable[[Path], tuple[int, set[str]]]
"""Compares the pairs in a file, which has a file of its far earlier bodies beside it, and writes
their differences. Returns the number of pairs, and the names of the files."""


def add_differences(
    folder: Path,
    history: History,
    scratch: Path,
    crew: Workers,
    limits: Limits,
    compare: ComparePairs,
) -> int:
    """Compares the consecutive versions that were not compared yet and returns their number."""
    compared = read_compared(folder, history.types)
    if not history.read - compared.read:
        return 0
    before = list_diffs(folder)
    files = list_literal((folder / SCHEMA, *before))
    pairs = scratch / f"pairs-{history.source}.parquet"
    with job_builder(crew, scratch, 1, MEMORY_MB) as connection:
        covered = find_pairs(connection, history, compared, files, pairs, limits)
        if pairs.exists():
            write_far_bodies(connection, pairs)
    count, new = 0, set[str]()
    if pairs.exists():
        count, new = compare(pairs)
    pa.default_memory_pool().release_unused()  # otherwise DuckDB's memory adds to it
    names = {*new, *(path.name for path in before)}
    if small := _files_to_merge(folder, names, limits):
        with job_builder(crew, scratch, 1, SMALL_MEMORY_MB) as connection:
            names = names - small | {_merge(folder, sorted(small), connection)}
    write_compared(folder, history.types, covered, names)
    return count


def compare_pairs(
    root: Path,
    folder: Path,
    source: str,
    pairs: Path,
    crew: Workers,
    limits: Limits,
    report: ReportProgress = no_progress,
) -> tuple[int, set[str]]:
    """Compares the pairs in a file and writes their differences into a folder.

    Returns the number of pairs, and the names of the files.
    """
    count = 0
    names: set[str] = set()
    rows: list[_Row] = []
    size = 0
    total = pq.read_metadata(pairs).num_rows
    check_cancelled = partial(raise_if_cancelled, crew)
    for pair, before, after in paired_bodies(root, pairs, check_cancelled, limits):
        pair_rows = list(_rows(source, pair, before, after))
        rows += pair_rows
        size += sum(_ROW_BYTES + len(row[5] or "") + len(row[6] or "") for row in pair_rows)
        count += 1
        report(f"pairs of versions of {source} compared", count, total)
        if size >= limits.max_difference_bytes:
            names.add(_publish(folder, _name(rows), rows))
            rows, size = [], 0
    if rows:
        names.add(_publish(folder, _name(rows), rows))
    return count, names


def _name(rows: Sequence[_Row]) -> str:
    """Returns the name of a file of differences: a hash of its pairs, so writing is idempotent."""
    pairs = sorted({row[:3] for row in rows})
    return f"d-{hashlib.sha256(repr(pairs).encode()).hexdigest()[:16]}.parquet"


def _value(body: bytes) -> Any:
    """Returns a body as Python values, repaired if it is not strict JSON; None if that fails."""
    try:
        value = orjson.loads(body)
        return json.loads(body) if _LONG.search(body) else value
    except orjson.JSONDecodeError:
        try:
            return json.loads(repaired_copy(body) or b"null")
        except ValueError:
            return None


def _rows(source: str, pair: Pair, before: bytes, after: bytes) -> Iterator[_Row]:
    """Yields the rows of a pair; a single one without a path if the bodies have equal values."""
    key = (pair.type, pair.before_hash, pair.hash)
    changes = diff(_value(before), _value(after))
    for change in changes:
        telemetry = is_telemetry(source, pair.type, change.path)
        old_text = None if change.kind == ADD else _text(change.old)
        new_text = None if change.kind == REMOVE else _text(change.new)
        yield *key, change.path, change.kind, old_text, new_text, old_class(change), telemetry
    if not changes:
        yield *key, None, None, None, None, None, False


def _text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits
        return _long_text(value)


def _long_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _publish(folder: Path, name: str, rows: Sequence[tuple[Any, ...]]) -> str:
    """Writes a file of differences atomically and returns its name."""
    arrays = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(_SCHEMA)]
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    pq.write_table(pa.table(arrays, schema=_SCHEMA), temporary, compression="zstd")
    temporary.replace(folder / name)
    return name


def _files_to_merge(folder: Path, names: Iterable[str], limits: Limits) -> set[str]:
    """Returns the names of the small files of differences; none while they are few."""
    small = {name for name in names if (folder / name).stat().st_size < _SMALL_BYTES}
    return small if len(small) > limits.max_difference_files else set()


def _merge(folder: Path, names: Sequence[str], connection: duckdb.DuckDBPyConnection) -> str:
    """Merges small files into one and returns its name.

    The old files stay, because open readers may still use them.
    """
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    query = f"FROM read_parquet({list_literal([folder / name for name in names])})"
    publish(connection, query, folder / f"m-{digest}.parquet", [], folder.name)
    return f"m-{digest}.parquet"


def list_diffs(folder: Path) -> list[Path]:
    """Returns the files of differences to read.

    They are those that the record of what was compared names. Others were merged, or left by an
    update that was interrupted before it wrote the record: the next one writes them again.
    """
    return recorded_files(folder)
