"""Row cache: the rows of a view as of a keyframe, so that only changed entities are evaluated.

    views/parts/<source>/<definition>/<hash>/rows-<rules>.parquet            columns, no rows
                                             r-<instant>-<list>.parquet      rows of all entities

A row cache contains the rows of every entity that was seen in a shape of the definition, absent
ones too, with all columns of their bodies. A view at T copies the rows of the last row cache not
after T, except for entities that were seen since: those it evaluates from sightings and pages
(`moved.sql`, `resolved.sql`). The cost of a query is that of the changed entities, and of reading.

A row cache belongs to a keyframe and is read if that keyframe decides, that is, if nothing
arrived late.

Law: a view has the same rows with any row cache, and without one.
"""

import hashlib
from pathlib import Path

import attrs

from projector.definition import Definition
from projector.keyframes.keyframe import Keyframe, SourceParts
from projector.limits import Limits
from projector.parts.part import folder_of, name_over
from projector.rule_versions import ROW_CACHE_RULES


@attrs.frozen
class RowCache:
    """The cached rows of a definition over a source."""

    folder: Path
    rules: str
    """Digest of everything besides the definition that the rows depend on."""
    keyframes: tuple[Keyframe, ...] = ()
    """The keyframes of the chain that have cached rows, by instant."""

    @property
    def readable(self) -> tuple[Keyframe, ...]:
        """The keyframes whose cached rows views read: those that decide."""
        return tuple(keyframe for keyframe in self.keyframes if keyframe.decides)

    @property
    def schema(self) -> Path:
        """File with the columns of cached rows, and without rows."""
        return self.folder / f"rows-{self.rules}.parquet"

    def rows(self, keyframe: Keyframe) -> Path:
        """Returns the file of the rows as of a keyframe, which may not exist."""
        return self.folder / name_over("r", keyframe.instant, [keyframe.name, self.rules])


def load_row_cache(parts: Path, source: SourceParts, definition: Definition) -> RowCache:
    """Returns the cached rows of a definition."""
    folder = folder_of(parts, definition.source, definition)
    text = f"{source.folder.name}\0{ROW_CACHE_RULES}"
    empty = RowCache(folder, hashlib.sha256(text.encode()).hexdigest()[:12])
    cached = (keyframe for keyframe in source.chain if empty.rows(keyframe).exists())
    return attrs.evolve(empty, keyframes=tuple(cached))


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


def existing_files(row_cache: RowCache, keyframe: Keyframe) -> list[Path]:
    """Returns the existing files of a keyframe: its bodies, and its cached rows."""
    paths = (keyframe.bodies(row_cache.folder), row_cache.rows(keyframe))
    return [path for path in paths if path.exists()]
