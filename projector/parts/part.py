"""Parts: the rows of a definition over a list of segments, as one Parquet file.

    views/parts/<source>/<definition name>/<definition hash>/<first>-<last>-<list>.parquet

A part is a pure function of (definition, list of segments): its name holds the first
and last instant and a hash of the list, its metadata the list itself. It appears by
rename; building it twice is harmless. The open segment of a writer has a part of its
own, `open-<segment>.parquet`, that is replaced as the segment grows.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import attrs
import duckdb
import orjson

from eventlog.clock import format_us
from eventlog.format.paths import SegmentName
from projector.definition import CASTS, LINE_ROWS, Column, Definition
from projector.engine.connections import ROW_GROUP, ROW_GROUP_BYTES, sql_errors, write
from projector.engine.sql_text import fill, literal, literals

SCHEMA = "schema.parquet"
_PART = re.compile(r"[0-9].*\.parquet")


@attrs.frozen
class Packing:
    """How a file is packed."""

    compression: str
    encodings: str
    """Of which version of Parquet."""


PLAIN = Packing("zstd", "v1")
"""As every reader knows it."""
SMALL = Packing("zstd", "v2")
"""Smaller, and sooner unpacked; for files that only our views read."""
QUICK = Packing("lz4", "v2")
"""Half as large again, and much sooner unpacked; for files that are mostly read whole."""


@attrs.frozen
class Segment:
    """A segment as the runner sees it: what its manifest says, or its open file."""

    name: SegmentName
    path: Path
    first_us: int
    last_us: int
    raw_bytes: int
    rows: int | None
    """None while it is open: whole lines of a copy are counted as they are read."""
    longest_line: int
    sha256: str | None = None
    """Of the sealed file; None for copies of lines."""


@attrs.frozen
class Part:
    """A published part."""

    path: Path
    first: str
    """First instant, `YYYYMMDDTHHMMSSffffff`; what `--as-of` is compared with."""
    covers: frozenset[str]

    @property
    def last(self) -> str:
        """Last instant."""
        return self.path.name.split("-")[1]


def compact_instant(instant: int) -> str:
    """An instant as it stands in names of parts; text order is time order."""
    text = format_us(instant)
    return "".join(c for c in text if c not in "-:.Z")


def folder_of(parts: Path, source: str, definition: Definition) -> Path:
    """Where the parts of a definition over one source lie."""
    return parts / source / definition.name / definition.hash


def part_name(segments: Sequence[Segment]) -> str:
    """The name of the part over a list of sealed segments."""
    return name_over(
        compact_instant(min(each.first_us for each in segments)),
        compact_instant(max(each.last_us for each in segments)),
        [str(each.name) for each in segments],
    )


def name_over(first: str, last: str, covers: Sequence[str]) -> str:
    """The name of the part over some segments between two instants."""
    digest = hashlib.sha256("\n".join(sorted(covers)).encode()).hexdigest()[:16]
    return f"{first}-{last}-{digest}.parquet"


def open_name(name: SegmentName) -> str:
    """The name of the part over an open segment."""
    return f"open-{name.date}T{name.hour}-{name.writer}-{name.number:03d}.parquet"


def list_parts(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Part]:
    """The published parts over sealed segments, by name. A file that is none is left out."""
    found = _stamps(folder)
    held = _READ.get(folder, {})
    fresh = [path for path, stamp in found.items() if path not in held or held[path][0] != stamp]
    told = _read_covers(connection, folder, fresh)
    known = {path: (found[path], told[path] if path in told else held[path][1]) for path in found}
    _READ[folder] = known
    return [
        Part(path, path.name.partition("-")[0], covers)
        for path, (_, covers) in sorted(known.items())
        if covers is not None
    ]


_Stamp = tuple[int, int]
_READ: dict[Path, dict[Path, tuple[_Stamp, frozenset[str] | None]]] = {}
"""What the files of a folder covered when they were last listed. An update lists a folder
several times, and one that follows the log every second; published files never change."""


def _stamps(folder: Path) -> dict[Path, _Stamp]:
    """The files of parts, with size and time of change: one that is damaged has others."""
    try:
        with os.scandir(folder) as entries:
            found = [(each.name, each.stat()) for each in entries if _PART.fullmatch(each.name)]
    except FileNotFoundError:
        return {}
    return {folder / name: (told.st_size, told.st_mtime_ns) for name, told in found}


def _read_covers(
    connection: duckdb.DuckDBPyConnection, folder: Path, files: Sequence[Path]
) -> dict[Path, frozenset[str] | None]:
    """What files cover, as their metadata says; None for one that does not say."""
    if not files:
        return {}
    with sql_errors(str(folder)):
        rows = connection.execute(
            "SELECT file_name, value FROM parquet_kv_metadata(?) WHERE key = 'covers'",
            [[str(path) for path in files]],
        ).fetchall()
    told = {Path(name): _names(bytes(value)) for name, value in rows}
    return {path: told.get(path) for path in files}


@lru_cache(1024)
def _names(text: bytes) -> frozenset[str]:
    """The list as metadata holds it; parts of all definitions over one list share it."""
    return frozenset(orjson.loads(text))


def covered_size(connection: duckdb.DuckDBPyConnection, path: Path) -> int | None:
    """How many bytes of its open segment a part covers. None where there is no such part."""
    if not path.exists():
        return None
    with sql_errors(str(path)):
        rows = connection.execute(
            "SELECT value FROM parquet_kv_metadata(?) WHERE key = 'size'", [str(path)]
        ).fetchall()
    return int(rows[0][0]) if rows else None


def choose(parts: Iterable[Part], sealed: frozenset[str]) -> list[Part]:
    """The fewest parts, largest first, that cover what is covered.

    A part over a segment that the log no longer has is not read.
    """
    done: set[str] = set()
    chosen: list[Part] = []
    for part in sorted(parts, key=lambda each: (-len(each.covers), each.path.name)):
        if part.covers <= sealed and not part.covers <= done:
            chosen.append(part)
            done |= part.covers
    return sorted(chosen, key=lambda each: each.path.name)


def build(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    path: Path,
    covers: Sequence[str],
    size: int = 0,
) -> int:
    """Publish the part of a definition over `line` under `path`; its rows.

    `size`: how many bytes of an open segment it covers.
    """
    return publish(connection, select(definition), path, covers, definition.hash, size)


def publish(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    covers: Sequence[str],
    definition: str,
    size: int = 0,
    packing: Packing = PLAIN,
    **more: str,
) -> int:
    """Write the rows of a query as a part that appears whole or not at all; their number.

    `more`: what else its metadata should say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    metadata = {
        "covers": orjson.dumps(list(covers)).decode(),
        "definition": definition,
        "size": str(size),
        "duckdb": duckdb.__version__,
        **more,
    }
    options = ", ".join(f"{key}: {literal(value)}" for key, value in metadata.items())
    try:
        rows = write(
            connection,
            f"COPY ({query}) TO {literal(str(temporary))} "
            f"({copy_options(packing.compression)}, PARQUET_VERSION {packing.encodings}, "
            f"KV_METADATA {{{options}}})",
        )
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return rows


def copy_options(compression: str) -> str:
    """How COPY writes rows: in groups so small that it holds little."""
    return (
        f"FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE {ROW_GROUP}, "
        f"ROW_GROUP_SIZE_BYTES '{ROW_GROUP_BYTES}'"
    )


def _sync(path: Path) -> None:
    """A renamed file without its bytes would look published after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def select(definition: Definition) -> str:
    """The SQL that makes a definition's rows from `line`."""
    if definition.reads == LINE_ROWS:
        return definition.select
    numbered = list(enumerate(definition.columns, 1))
    failed = [f"({_failed(n, column)})" for n, column in numbered]
    return fill(
        "event",
        pointers="[" + literals(each.pointer for each in definition.columns) + "]::VARCHAR[]",
        types="[" + literals(definition.types) + "]",
        shapes=shape_test(definition, "shape"),
        columns="".join(f"{_value(n, each)} AS {each.name},\n        " for n, each in numbered),
        any_error=" OR ".join(failed) or "false",
        errors=", ".join(
            f"CASE WHEN {test} THEN {{path: {literal(column.pointer)}, value: told[{n}]}} END"
            for test, (n, column) in zip(failed, numbered, strict=True)
        )
        or "NULL",
        select=definition.select,
    )


def shape_test(definition: Definition, column: str) -> str:
    """The condition that a shape is one the definition reads."""
    return " OR ".join(_is_of(group, column) for group in definition.shapes)


def shape_rank(definition: Definition, column: str) -> str:
    """How good a shape is: the first group highest."""
    groups = enumerate(reversed(definition.shapes))
    tests = (f"WHEN {_is_of(group, column)} THEN {rank}" for rank, group in groups)
    return "CASE " + " ".join(reversed(list(tests))) + " END"


def best_rank(definition: Definition) -> int:
    """What `shape_rank` gives for shapes of the first group."""
    return len(definition.shapes) - 1


def _is_of(group: Sequence[str], column: str) -> str:
    return " OR ".join(f"coalesce({column}, '') GLOB {literal(pattern)}" for pattern in group)


def _value(number: int, column: Column) -> str:
    cast = f"as_{column.cast}(told[{number}])::{CASTS[column.cast]}"
    if column.cast != "text":
        return cast
    odd = f"is_odd(told[{number}], body, {literal(column.pointer)})"
    return f"CASE WHEN {odd} THEN NULL ELSE {cast} END"


def _failed(number: int, column: Column) -> str:
    return f"told[{number}] IS NOT NULL AND {column.name} IS NULL"
