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
from projector.definition import Definition
from projector.engine.connections import sql_errors
from projector.engine.parquet_files import (
    publish,
)
from projector.engine.sql_text import statements
from projector.parts.part_sql import (
    select,
)

_PART = re.compile(r"[0-9].*\.parquet")


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
    for each in definition.macros:
        connection.execute(statements(each))
    return publish(connection, select(definition), path, covers, definition.hash, size)
