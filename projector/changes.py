"""Changes: the differences between neighbouring versions, each computed once.

A difference is a pure function of two bodies, kept by (type, hash before, hash after),
in any order: a late segment makes new neighbours, and old ones simply stop being
neighbours. The view `X_changes` joins them with the neighbours of its versions.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from eventlog.assets import get_asset
from eventlog.disk import replace_file
from eventlog.embed import repair
from eventlog.event import decode
from eventlog.paths import SegmentName, parse_segment
from eventlog.reader import segment_records
from eventlog.rebuild import stored_body
from eventlog.select import EVERYTHING, ready
from projector.diff import ADD, REMOVE, diff, old_class
from projector.fields import is_telemetry
from projector.texts import fill, identifier

FOLDER = "log.diffs"
MOST_BODIES = 8_000
"""Bodies held at a time; more pairs than that are compared in several passes."""
MOST_FILES = 16
"""Files of differences; more are put together."""

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

Place = tuple[str, int]
"""Writer and seq."""


def version_of_rules() -> str:
    """A name for the rules of comparing: differences of two rules are never mixed."""
    folder = Path(__file__).parent
    text = b"".join((folder / name).read_bytes() for name in ("diff.py", "fields.py"))
    return hashlib.sha256(text).hexdigest()[:12]


def folder_of_diffs(parts: Path, source: str) -> Path:
    """Where the differences of a source lie; there is always a file."""
    return parts / source / FOLDER / version_of_rules()


def make_schema(folder: Path) -> None:
    """A file without rows, so that views always have one to read."""
    if not (folder / "schema.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _publish(folder, "schema.parquet", [])


def add_differences(
    root: Path,
    folder: Path,
    source: str,
    types: Sequence[str],
    views: duckdb.DuckDBPyConnection,
) -> int:
    """Compare the neighbours that were not compared yet; how many pairs.

    `views`: a connection in which the views over the parts as they are stand.
    """
    pairs = [(type_, *pair) for type_ in types for pair in _missing(views, source, type_)]
    for group in _groups(pairs):
        wanted = {place for *_, old, new in group for place in (old, new)}
        bodies = dict(_bodies(root, views, source, wanted))
        rows = [row for each in group for row in _rows(source, each, bodies)]
        name = hashlib.sha256(repr(sorted(map(str, group))).encode()).hexdigest()[:16]
        _publish(folder, f"d-{name}.parquet", rows)
    _merge(folder)
    return len(pairs)


_Pair = tuple[str, str, str, Place, Place]


def _missing(
    views: duckdb.DuckDBPyConnection, source: str, type_: str
) -> Iterator[tuple[str, str, Place, Place]]:
    query = fill("missing", schema=identifier(source))
    rows = views.execute(query, {"type": type_}).fetchall()
    for before, after, before_writer, before_seq, writer, seq in rows:
        yield before, after, (before_writer, before_seq), (writer, seq)


def _groups(pairs: Sequence[_Pair]) -> Iterator[Sequence[_Pair]]:
    size = MOST_BODIES // 2
    ordered = sorted(pairs, key=lambda each: (each[0], each[4]))
    yield from (ordered[n : n + size] for n in range(0, len(ordered), size))


def _bodies(
    root: Path, views: duckdb.DuckDBPyConnection, source: str, wanted: set[Place]
) -> Iterator[tuple[Place, Any]]:
    """The bodies at some places, each segment read once."""
    for segment, places in _by_segment(views, source, wanted):
        for record in segment_records(root, segment, ready(EVERYTHING)):
            if (record.writer, record.seq) in places:
                body = stored_body(decode(record.line), partial(get_asset, root))
                yield (record.writer, record.seq), _value(body or b"null")


def _by_segment(
    views: duckdb.DuckDBPyConnection, source: str, wanted: set[Place]
) -> Iterator[tuple[SegmentName, set[Place]]]:
    writers, seqs = [each[0] for each in wanted], [each[1] for each in wanted]
    rows = views.execute(
        "SELECT DISTINCT segment, writer, seq FROM log.events AS event JOIN ("
        "SELECT unnest(?::VARCHAR[]) AS writer, unnest(?::BIGINT[]) AS seq) AS wanted "
        "USING (writer, seq) WHERE source = ?",
        [writers, seqs, source],
    ).fetchall()
    places: dict[str, set[Place]] = {}
    for segment, writer, seq in rows:
        places.setdefault(segment, set()).add((writer, seq))
    for text in sorted(places):
        name = parse_segment(text)
        if name is not None:
            yield name, places[text]


def _value(body: bytes) -> Any:
    """A body as Python values; of one that is no strict JSON its repaired copy."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            return json.loads(repair(body) or b"null")
        except ValueError:
            return None


def _rows(source: str, pair: _Pair, bodies: Mapping[Place, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a pair; one without a path where nothing differs but spelling."""
    type_, before, after, old, new = pair
    if old not in bodies or new not in bodies:
        return
    found = diff(bodies[old], bodies[new])
    for each in found:
        telemetry = is_telemetry(source, type_, each.path)
        old_text = None if each.kind == ADD else _text(each.old)
        new_text = None if each.kind == REMOVE else _text(each.new)
        values = (old_text, new_text, old_class(each), telemetry)
        yield type_, before, after, each.path, each.kind, *values
    if not found:
        yield type_, before, after, None, None, None, None, None, False


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


def _merge(folder: Path) -> None:
    """Put many small files together. The old ones are left to readers that named them."""
    files = list_diffs(folder)
    if len(files) <= MOST_FILES:
        return
    table = pa.concat_tables([pq.read_table(path) for path in files])
    name = hashlib.sha256("\n".join(path.name for path in files).encode()).hexdigest()[:16]
    temporary = folder / f".m-{name}.{os.getpid()}.tmp"
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(folder / f"m-{name}.parquet")
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
