"""Keyframes: the past sightings and pages that can still affect a view at or after an instant.

    views/parts/<source>/log.keyframes/<hash>/s-<instant>-<list>.parquet   sightings
                                              p-<instant>-<list>.parquet   pages
    views/parts/<source>/<definition>/<hash>/k-<instant>-<list>.parquet    bodies they name

A keyframe is a selection: unchanged rows of the parts it covers, without those that cannot
affect a view at its instant or later (`keyframe_seen.sql`, `keyframe_pages.sql`). It contains
absent entities, and every `gone` event that may still matter. A view at T reads the last
keyframe not after T, the parts that begin after it and not after T, and the late parts: those
that begin before it but that it does not cover.

Keyframes form a chain: each is built from the one before and the parts since then, and records
only the segments that it adds. Its instant is a cut point, which no part spans. Half rule: the
next keyframe is due when the rows since the last one exceed half of its rows. A keyframe with
more late rows than that is not read, nor are those built from it. Bodies change less often than
they are seen and follow a rule of their own. The rows of a view as of a keyframe may be cached,
too: `row_cache.py`.

Law: a view has the same rows with any keyframes, and without them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import duckdb
import orjson

from projector.definition import Definition
from projector.engine.parquet_files import count_rows
from projector.limits import LIMITS, Limits
from projector.parts.part import (
    ChosenParts,
    Part,
    compact_instant,
    folder_of,
    load_chosen,
    open_name,
)
from projector.parts.plan import SegmentListing, definitions_of
from projector.rule_versions import KEYFRAME_RULES

FOLDER = "log.keyframes"
"""Folder of a source's keyframes, next to the folders of its definitions."""


@attrs.frozen
class Keyframe:
    """A published keyframe."""

    path: Path
    """File of its sightings."""
    base: str
    """Name of the keyframe it was built from; empty for the first."""
    adds: frozenset[str]
    """The segments that it covers and its base does not."""
    rows: int
    """Number of its sightings."""
    moved: float
    """Share of its entities, 0 to 1, that were seen since its base."""
    late: tuple[Part, ...] = ()
    """Parts of sightings that begin not after it and that it does not cover."""
    decides: bool = False
    """Whether its pages replace all pages before it. With a late part they do not: only the
    complete pages show which listing missed an entity whose sighting arrived late."""

    @property
    def name(self) -> str:
        """Common part of the names of its files: `<instant>-<list>.parquet`."""
        return self.path.name.removeprefix("s-")

    @property
    def instant(self) -> str:
        """Last instant that it covers, in the form of the names of parts."""
        return self.name.partition("-")[0]

    @property
    def pages(self) -> Path:
        """File of its pages, which is published last."""
        return _pages(self.path)

    def bodies(self, folder: Path) -> Path:
        """Returns the file of the bodies it names, in the folder of a definition's parts."""
        return folder / f"k-{self.name}"


@attrs.frozen
class SourceParts:
    """The parts of a source that are read, and its keyframes: loaded once per step."""

    listing: SegmentListing
    folder: Path
    """Folder of its keyframes."""
    sightings: tuple[Part, ...]
    pages: tuple[Part, ...]
    rows: Mapping[str, int]
    """Number of rows, by path: of all sightings, and of the pages that are late."""
    opened: tuple[str, ...]
    """Begin of each open segment that has sightings or pages."""
    chain: tuple[Keyframe, ...] = ()
    """The keyframes that may be read, by instant."""
    chosen: Mapping[str, ChosenParts] = attrs.field(factory=dict)
    """The parts of each definition, by its name."""

    @property
    def sealed(self) -> frozenset[str]:
        """Names of the sealed segments."""
        return self.listing.sealed_names


def keyframes_folder(parts: Path, source: str, definitions: Iterable[Definition]) -> Path:
    """Returns the folder of a source's keyframes; its name covers all that they depend on."""
    hashes = sorted(
        definition.hash
        for definition in definitions
        if definition.name in ("log.sightings", "log.pages")
    )
    text = "\0".join([*hashes, str(KEYFRAME_RULES)])
    return parts / source / FOLDER / hashlib.sha256(text.encode()).hexdigest()[:12]


def load_source_parts(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    listing: SegmentListing,
    definitions: Sequence[Definition],
    limits: Limits = LIMITS,
) -> SourceParts:
    """Returns the parts of a source and its keyframes."""
    folders = {
        definition.name: folder_of(parts, listing.source, definition)
        for definition in definitions_of(definitions, listing.source)
    }
    chosen = load_chosen(connection, folders, listing.sealed_names)
    sightings, pages = chosen["log.sightings"], chosen["log.pages"]
    source = SourceParts(
        listing,
        keyframes_folder(parts, listing.source, definitions),
        sightings.parts,
        pages.parts,
        count_rows(connection, [part.path for part in sightings.parts]),
        _open_since(connection, (sightings.folder, pages.folder), listing),
        chosen=chosen,
    )
    keyframes = list_keyframes(connection, source.folder)
    late = count_rows(connection, [part.path for part in _late_pages(source, keyframes)])
    source = attrs.evolve(source, rows={**source.rows, **late})
    return attrs.evolve(source, chain=tuple(usable_chain(source, keyframes, limits)))


def _late_pages(source: SourceParts, keyframes: Sequence[Keyframe]) -> list[Part]:
    if not keyframes:
        return []
    covered = covered_segments(keyframes)
    last = keyframes[-1].instant
    return [part for part in source.pages if part.first <= last and not part.covers <= covered]


def _open_since(
    connection: duckdb.DuckDBPyConnection, folders: Sequence[Path], listing: SegmentListing
) -> tuple[str, ...]:
    """Returns the begin of each open segment that has rows; segments of a queue have none."""
    by_segment = {name: [folder / open_name(name) for folder in folders] for name in listing.open}
    existing = [path for paths in by_segment.values() for path in paths if path.exists()]
    rows = count_rows(connection, existing)
    return tuple(
        compact_instant(name.starts_at)
        for name, paths in by_segment.items()
        if any(rows.get(str(path)) for path in paths)
    )


def list_keyframes(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Keyframe]:
    """Returns the published keyframes, by instant. One without pages was never finished."""
    pages = {path.name[2:] for path in folder.glob("p-*.parquet")}
    files = [path for path in sorted(folder.glob("s-*.parquet")) if path.name[2:] in pages]
    if not files:
        return []
    metadata_rows = connection.execute(
        "SELECT file_name, key, value FROM parquet_kv_metadata(?)",
        [[str(path) for file in files for path in (file, _pages(file))]],
    ).fetchall()
    metadata = {(Path(name), bytes(key)): bytes(value) for name, key, value in metadata_rows}
    rows = count_rows(connection, files)
    return [
        Keyframe(
            path,
            metadata[path, b"base"].decode(),
            frozenset(orjson.loads(metadata[path, b"covers"])),
            rows[str(path)],
            float(metadata[_pages(path), b"moved"]),
        )
        for path in files
    ]


def _pages(sightings: Path) -> Path:
    return sightings.with_name(f"p-{sightings.name[2:]}")


def usable_chain(
    source: SourceParts, keyframes: Iterable[Keyframe], limits: Limits
) -> list[Keyframe]:
    """Returns the keyframes that are worth reading, each built from the one before.

    Sets `late` and `decides`, which depend on the parts of today.

    `keyframes`: by instant. One that covers a segment which the log no longer has is not read.
    """
    chain: list[Keyframe] = []
    covered: frozenset[str] = frozenset()
    uncovered = [source.sightings, source.pages]
    for keyframe in keyframes:
        base = chain[-1].name if chain else ""
        if keyframe.base != base or not keyframe.adds <= source.sealed:
            continue
        covered_now = covered | keyframe.adds
        remaining = [
            tuple(part for part in parts if not part.covers <= covered_now) for parts in uncovered
        ]
        late, late_pages = (
            tuple(p for p in parts if p.first <= keyframe.instant and has_rows(source, p))
            for parts in remaining
        )
        late_rows = sum(source.rows[str(part.path)] for part in late)
        if 2 * late_rows <= max(keyframe.rows, limits.min_keyframe_rows):
            is_open = any(first <= keyframe.instant for first in source.opened)
            decides = not (late or late_pages or is_open)
            chain.append(attrs.evolve(keyframe, late=late, decides=decides))
            covered, uncovered = covered_now, remaining
    return chain


def has_rows(source: SourceParts, part: Part) -> bool:
    """Returns whether a part has rows: one over a segment of the queue has none."""
    return source.rows.get(str(part.path)) != 0


def covered_segments(keyframes: Iterable[Keyframe]) -> frozenset[str]:
    """Returns the segments that keyframes cover."""
    return frozenset[str]().union(*(keyframe.adds for keyframe in keyframes))
