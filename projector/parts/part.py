"""Parts: each is a Parquet file with the rows of one definition over a list of segments.

    views/parts/<source>/<definition name>/<definition hash>/<first>-<last>-<list>.parquet

A part is a pure function of (definition, list of segments). Its name contains the first and the
last instant and a hash of the list; its metadata contains the list itself. It is published by
rename, and building it is idempotent. An open segment has a part of its own,
`open-<segment>.parquet`, which is replaced as the segment grows.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import attrs
import duckdb
import orjson

from eventlog.clock import format_us
from eventlog.format.paths import SegmentName
from projector.definition import Definition
from projector.engine.connections import sql_errors
from projector.engine.parquet_files import publish
from projector.engine.sql_text import literal, template_text
from projector.parts.part_sql import select

_PART = re.compile(r"[0-9].*\.parquet")


@attrs.frozen
class Segment:
    """A segment to read: described by its manifest, or a copy of lines."""

    name: SegmentName
    path: Path
    first_us: int
    last_us: int
    raw_bytes: int
    rows: int | None
    """Number of lines; None for a copy of an open segment, whose lines are not counted."""
    longest_line: int
    """Length of the longest line in bytes."""
    sha256: str | None = None
    """SHA-256 of the sealed file; None for a copy of lines."""
    zst_bytes: int | None = None
    """Size of the sealed file; None for a copy of lines."""


@attrs.frozen
class Part:
    """A published part over sealed segments."""

    path: Path
    first: str
    """First instant, `YYYYMMDDTHHMMSSffffff`. An as-of query reads the part if it is not later
    than the instant of the query."""
    covers: frozenset[str]
    """Names of the segments."""

    @property
    def last(self) -> str:
        """Last instant, in the same form."""
        return self.path.name.split("-")[1]


@attrs.frozen
class ChosenParts:
    """The parts of a definition over a source that are read, and their folder."""

    folder: Path
    parts: tuple[Part, ...]
    """By file name; see `choose_parts`."""
    covers: frozenset[str]
    """The segments that any of them covers."""
    disjoint: bool
    """Whether no two of them cover the same segment."""


def compact_instant(instant: int) -> str:
    """Returns an instant in the form that names of parts use; text order is time order."""
    text = format_us(instant)
    return "".join(character for character in text if character not in "-:.Z")


def folder_of(parts: Path, source: str, definition: Definition) -> Path:
    """Returns the folder of the parts of a definition over one source."""
    return parts / source / definition.name / definition.hash


def part_name(segments: Sequence[Segment]) -> str:
    """Returns the file name of the part over a list of sealed segments."""
    return name_over(
        compact_instant(min(segment.first_us for segment in segments)),
        compact_instant(max(segment.last_us for segment in segments)),
        [str(segment.name) for segment in segments],
    )


def name_over(first: str, last: str, covers: Sequence[str]) -> str:
    """Returns the file name of a part with these instants; the order of `covers` is irrelevant."""
    digest = hashlib.sha256("\n".join(sorted(covers)).encode()).hexdigest()[:16]
    return f"{first}-{last}-{digest}.parquet"


def open_name(name: SegmentName) -> str:
    """Returns the file name of the part over an open segment."""
    return f"open-{name.date}T{name.hour}-{name.writer}-{name.number:03d}.parquet"


def list_parts(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Part]:
    """Returns the published parts over sealed segments, by file name.

    A file whose metadata names no segments is skipped.
    """
    stamps = _stamps(folder)
    cached = _COVERS_CACHE.get(folder, {})
    changed = [path for path, stamp in stamps.items() if cached.get(path, (None,))[0] != stamp]
    read = _read_covers(connection, folder, changed)
    current = {
        path: (stamp, read[path] if path in read else cached[path][1])
        for path, stamp in stamps.items()
    }
    _COVERS_CACHE[folder] = current
    return [
        Part(path, path.name.partition("-")[0], covers)
        for path, (_, covers) in sorted(current.items())
        if covers is not None
    ]


_Stamp = tuple[int, int]
"""Size in bytes, and time of change in ns."""
_COVERS_CACHE: dict[Path, dict[Path, tuple[_Stamp, frozenset[str] | None]]] = {}
"""What the files of each folder covered when they were last listed. An update lists a folder
several times, and `hindlog view update --follow` updates again and again. Published files do not
change; a damaged one has another stamp."""


def _stamps(folder: Path) -> dict[Path, _Stamp]:
    """Returns the stamp of each file in the folder that is named like a part."""
    try:
        with os.scandir(folder) as entries:
            stats = {entry.name: entry.stat() for entry in entries if _PART.fullmatch(entry.name)}
    except FileNotFoundError:
        return {}
    return {folder / name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def _read_covers(
    connection: duckdb.DuckDBPyConnection, folder: Path, files: Sequence[Path]
) -> dict[Path, frozenset[str] | None]:
    """Returns the segments that each file covers; None for a file whose metadata names none."""
    if not files:
        return {}
    with sql_errors(str(folder)):
        rows = connection.execute(
            "SELECT file_name, value FROM parquet_kv_metadata(?) WHERE key = 'covers'",
            [[str(path) for path in files]],
        ).fetchall()
    covers = {Path(name): _names(bytes(value)) for name, value in rows}
    return {path: covers.get(path) for path in files}


@lru_cache(1024)
def _names(text: bytes) -> frozenset[str]:
    """Returns the parsed list; parts of all definitions over one list share the value."""
    return frozenset(orjson.loads(text))


def covered_bytes(connection: duckdb.DuckDBPyConnection, path: Path) -> int | None:
    """Returns the number of bytes of its open segment that a part covers; None without the part."""
    if not path.exists():
        return None
    with sql_errors(str(path)):
        rows = connection.execute(
            "SELECT value FROM parquet_kv_metadata(?) WHERE key = 'size'", [str(path)]
        ).fetchall()
    return int(rows[0][0]) if rows else None


def choose_parts(parts: Iterable[Part], sealed: frozenset[str]) -> list[Part]:
    """Returns parts, by file name, that together cover all segments that any of them covers.

    Parts with more segments are preferred, and a part that adds no segment is left out. A part
    over a segment that is not in `sealed`, the segments of the log, is not used.
    """
    covered: set[str] = set()
    chosen: list[Part] = []
    for part in sorted(parts, key=lambda part: (-len(part.covers), part.path.name)):
        if part.covers <= sealed and not part.covers <= covered:
            chosen.append(part)
            covered |= part.covers
    return sorted(chosen, key=lambda part: part.path.name)


def load_chosen(
    connection: duckdb.DuckDBPyConnection, folders: Mapping[str, Path], sealed: frozenset[str]
) -> dict[str, ChosenParts]:
    """Returns the parts to read in each of some folders, by the name given to the folder.

    Parts over the same lists have the same file names in all folders of a source, so the choice
    is made once for all of them.
    """
    chosen_of: dict[tuple[tuple[str, frozenset[str]], ...], ChosenParts] = {}
    loaded: dict[str, ChosenParts] = {}
    for name, folder in folders.items():
        parts = list_parts(connection, folder)
        lists = tuple((part.path.name, part.covers) for part in parts)
        if lists not in chosen_of:
            chosen_of[lists] = _chosen(folder, parts, sealed)
        same = chosen_of[lists]
        own = {part.path.name: part for part in parts}
        loaded[name] = attrs.evolve(
            same, folder=folder, parts=tuple(own[part.path.name] for part in same.parts)
        )
    return loaded


def _chosen(folder: Path, parts: Sequence[Part], sealed: frozenset[str]) -> ChosenParts:
    chosen = choose_parts(parts, sealed)
    covers = frozenset[str]().union(*(part.covers for part in chosen))
    disjoint = sum(len(part.covers) for part in chosen) == len(covers)
    return ChosenParts(folder, tuple(chosen), covers, disjoint)


def build_part(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    path: Path,
    covers: Sequence[str],
    open_bytes: int = 0,
    empty: Path | None = None,
) -> int:
    """Publishes the part of a definition over the relation `line` and returns its number of rows.

    `covers`: names of the segments in `line`. `open_bytes`: the covered size of an open segment.
    `empty`: the part over no line, to be copied because no line concerns the definition.
    """
    if empty is None:
        for macro in definition.macros:
            connection.execute(template_text(macro))
        query = select(definition)
    else:
        query = f"FROM read_parquet({literal(str(empty))})"
    return publish(connection, query, path, covers, definition.hash, open_bytes)
