"""Row cache: the rows of a view as of a keyframe, so that only changed entities are evaluated.

    views/parts/<source>/<definition>/<hash>/rows-<rules>.parquet            columns, no rows
                                             r-<instant>-<list>.parquet      rows of all entities
                                             d-<instant>-<list>.parquet      delta

A row cache contains the rows of every entity that was seen in a shape of the definition, absent
ones too, with all columns of their bodies. A view at T copies the rows of the last row cache not
after T, except for entities that were seen since: those it evaluates from sightings and pages
(`moved.sql`, `resolved.sql`). The cost of a query is that of the changed entities, and of reading.

A row cache belongs to a keyframe and is read if that keyframe decides, that is, if nothing
arrived late. A delta contains the rows of all entities that changed since the last row cache,
and replaces their cached rows. The next delta is due when sightings for a sixteenth of the rows
have been added. Only the last two deltas are read, and kept: the present and the recent past
are queried most.

Law: a view has the same rows with any row cache, and without one.
"""

import hashlib
from pathlib import Path

import attrs
import duckdb
import orjson

from projector.definition import Definition
from projector.keyframes.cut_points import CutPoint, cut_points
from projector.keyframes.keyframe import Keyframe, SourceParts, covered_segments, has_rows
from projector.limits import Limits
from projector.parts.part import folder_of, name_over
from projector.rule_versions import ROW_CACHE_RULES

MOST_DELTAS = 2
"""Number of deltas that are read: each contains all entities changed since the row cache."""


@attrs.frozen
class Delta:
    """The rows of the entities that changed since the row cache of a keyframe."""

    path: Path
    adds: frozenset[str]
    """The segments that it covers and the keyframe does not."""

    @property
    def instant(self) -> str:
        """Last instant that it covers, in the form of the names of parts."""
        return self.path.name.split("-")[1]


@attrs.frozen
class RowCache:
    """The cached rows of a definition over a source."""

    folder: Path
    rules: str
    """Digest of everything besides the definition that the rows depend on."""
    keyframes: tuple[Keyframe, ...] = ()
    """The keyframes of the chain that have cached rows, by instant."""
    deltas: tuple[Delta, ...] = ()
    """The last usable deltas on the last of `readable`, by instant; at most `MOST_DELTAS`."""

    @property
    def readable(self) -> tuple[Keyframe, ...]:
        """The keyframes whose cached rows views read: those that decide."""
        return tuple(keyframe for keyframe in self.keyframes if keyframe.decides)

    @property
    def delta(self) -> Delta | None:
        """The last delta, if there is one."""
        return self.deltas[-1] if self.deltas else None

    @property
    def schema(self) -> Path:
        """File with the columns of cached rows, and without rows."""
        return self.folder / f"rows-{self.rules}.parquet"

    def rows(self, keyframe: Keyframe) -> Path:
        """Returns the file of the rows as of a keyframe, which may not exist."""
        return self.folder / name_over("r", keyframe.instant, [keyframe.name, self.rules])

    def next_delta(self, cut: CutPoint) -> Path:
        """Returns the file of the delta up to a cut point."""
        names = [self.readable[-1].name, self.rules, *cut.adds]
        return self.folder / name_over("d", cut.instant, names)


def load_row_cache(
    connection: duckdb.DuckDBPyConnection, parts: Path, source: SourceParts, definition: Definition
) -> RowCache:
    """Returns the cached rows of a definition."""
    folder = folder_of(parts, definition.source, definition)
    text = f"{source.folder.name}\0{ROW_CACHE_RULES}"
    empty = RowCache(folder, hashlib.sha256(text.encode()).hexdigest()[:12])
    cached = (keyframe for keyframe in source.chain if empty.rows(keyframe).exists())
    row_cache = attrs.evolve(empty, keyframes=tuple(cached))
    usable = [
        delta
        for delta in _list_deltas(connection, row_cache)
        if is_complete(source, row_cache, delta.instant, delta.adds)
    ]
    usable.sort(key=lambda delta: delta.instant)
    return attrs.evolve(row_cache, deltas=tuple(usable[-MOST_DELTAS:]))


def _list_deltas(connection: duckdb.DuckDBPyConnection, row_cache: RowCache) -> list[Delta]:
    """Returns the deltas on the last row cache, built by the same rules."""
    files = sorted(row_cache.folder.glob("d-*.parquet"))
    if not files or not row_cache.readable:
        return []
    metadata_rows = connection.execute(
        "SELECT file_name, key, value FROM parquet_kv_metadata(?)", [list(map(str, files))]
    ).fetchall()
    metadata = {(Path(name), bytes(key)): bytes(value) for name, key, value in metadata_rows}
    base = row_cache.rows(row_cache.readable[-1]).name
    return [
        Delta(path, frozenset(orjson.loads(metadata[path, b"covers"])))
        for path in files
        if metadata[path, b"base"].decode() == base
    ]


def is_complete(
    source: SourceParts, row_cache: RowCache, instant: str, adds: frozenset[str]
) -> bool:
    """Returns whether a delta that adds these segments covers every part that begins before it."""
    covered = covered_by_keyframe(source, row_cache.readable[-1]) | adds
    late = (
        part.first <= instant and has_rows(source, part)
        for part in (*source.sightings, *source.pages)
        if not part.covers <= covered
    )
    opened = (first <= instant for first in source.opened)
    return adds <= source.sealed and not any(late) and not any(opened)


def covered_by_keyframe(source: SourceParts, keyframe: Keyframe) -> frozenset[str]:
    """Returns the segments that a keyframe of the chain and those before it cover."""
    return covered_segments(source.chain[: source.chain.index(keyframe) + 1])


def due_rows(source: SourceParts, row_cache: RowCache, limits: Limits) -> list[Keyframe]:
    """Returns the keyframes since the last row cache for which one is due."""
    after = row_cache.keyframes[-1].instant if row_cache.keyframes else ""
    return [
        keyframe
        for keyframe in source.chain
        if keyframe.decides
        and keyframe.instant > after
        and keyframe.rows > limits.min_keyframe_rows
        and keyframe.moved <= limits.max_moved_share
    ]


def due_delta(
    source: SourceParts, row_cache: RowCache, busy: frozenset[str], entities: int, limits: Limits
) -> CutPoint | None:
    """Returns the cut point of the next delta, with all segments since the row cache, if due.

    If several are due, it is the last, and for the first delta the middle one.

    `entities`: number of cached rows. A delta is due once there are new sightings for a
    sixteenth of them. A cut point after the begin of an open segment is skipped, because a delta
    up to it would not be read.
    """
    if not row_cache.readable:
        return None
    last = row_cache.delta
    added = last.adds if last else frozenset[str]()
    covered = covered_by_keyframe(source, row_cache.readable[-1]) | added
    after = last.instant if last else row_cache.readable[-1].instant
    least = max(limits.min_keyframe_rows, entities) // 16
    due = []
    for cut in cut_points(source, busy, covered, after, least):
        extended = attrs.evolve(cut, adds=cut.adds | added)
        if is_complete(source, row_cache, extended.instant, extended.adds):
            due.append(extended)
    if not due:
        return None
    return due[-1] if last else due[(len(due) - 1) // 2]


def existing_files(row_cache: RowCache, keyframe: Keyframe) -> list[Path]:
    """Returns the existing files of a keyframe: its bodies, and its cached rows."""
    paths = (keyframe.bodies(row_cache.folder), row_cache.rows(keyframe))
    return [path for path in paths if path.exists()]
