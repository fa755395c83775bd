"""Keyframes: what still counts of all that was seen, so that a view reads no further back.

    views/parts/<source>/log.keyframes/<hash>/s-<instant>-<list>.parquet   sightings
                                              p-<instant>-<list>.parquet   pages
    views/parts/<source>/<definition>/<hash>/k-<instant>-<list>.parquet    bodies they name

A keyframe is a selection: rows of the parts it covers, as they are, without those that can
change no view at its instant or later (`keyframe_seen.sql`, `keyframe_pages.sql`). Absent
entities stay, and every `gone` that may still count. A view at T reads the last keyframe not
after T, and of the parts those that begin after it and not after T, and the late ones: those
it does not cover though they begin before.

Keyframes are a chain: each is made of the one before and the parts since, and names only what
it adds. It lies on a cut: no part reaches across. The half rule: one is due when the rows since
the last exceed half of its rows; one with more late rows than that is not read, nor what was
made of it. Bodies, which change less often than they are seen, have a rule of their own. What a
view shows as of a keyframe may be kept too: `resolved.py`.

Law: a view is the same with any keyframes and without.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import duckdb
import orjson

from projector.definition import Definition
from projector.engine.parquet_files import count_rows
from projector.engine.sql_text import template_text
from projector.limits import LIMITS, Limits
from projector.parts.part import (
    Part,
    choose_parts,
    compact_instant,
    folder_of,
    list_parts,
    open_name,
)
from projector.parts.plan import SegmentListing

FOLDER = "log.keyframes"

_MADE_BY = ("keyframe_seen", "keyframe_pages", "keyframe_moved", "listings")


@attrs.frozen
class Keyframe:
    """A published keyframe."""

    path: Path
    """Of its sightings."""
    base: str
    """The name of the one it was made of, or empty."""
    adds: frozenset[str]
    """The segments that it covers and its base does not."""
    rows: int
    moved: float
    """The share of its entities that were seen since its base."""

    @property
    def name(self) -> str:
        """What the names of its files have in common: `<instant>-<list>.parquet`."""
        return self.path.name.removeprefix("s-")

    @property
    def instant(self) -> str:
        """The greatest that it covers, as it stands in names of parts."""
        return self.name.partition("-")[0]

    @property
    def pages(self) -> Path:
        """Its pages; the last of its files to appear."""
        return _pages(self.path)

    def bodies(self, folder: Path) -> Path:
        """The bodies that it names, in the folder of a definition's parts."""
        return folder / f"k-{self.name}"


@attrs.frozen
class Link:
    """A keyframe that may be read, with what came too late for it."""

    keyframe: Keyframe
    late: tuple[Part, ...]
    """Sightings that begin not after it, and that it does not cover."""
    decides: bool
    """Whether its pages stand for all before it. Where something is late they do not: which
    listing missed an entity that was heard of late, only all pages can tell."""


@attrs.frozen
class Source:
    """The parts of a source that keyframes are made of."""

    folder: Path
    """Where its keyframes lie."""
    sightings: tuple[Part, ...]
    pages: tuple[Part, ...]
    rows: Mapping[str, int]
    """Of sightings, by path; of pages only where they came later than a keyframe."""
    opened: tuple[str, ...]
    """When open segments with sightings or pages begin; a queue's have none."""
    sealed: frozenset[str]
    chain: tuple[Link, ...] = ()


def folder_of_keyframes(parts: Path, source: str, definitions: Iterable[Definition]) -> Path:
    """Where the keyframes of a source lie; named by all that their rows depend on."""
    hashes = sorted(
        each.hash for each in definitions if each.name in ("log.sightings", "log.pages")
    )
    text = "\0".join([*hashes, *map(template_text, _MADE_BY)])
    return parts / source / FOLDER / hashlib.sha256(text.encode()).hexdigest()[:12]


def load_source(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    listing: SegmentListing,
    definitions: Sequence[Definition],
    limits: Limits = LIMITS,
) -> Source:
    """What there is of a source."""
    known = {each.name: each for each in definitions}
    folders = [
        folder_of(parts, listing.source, known[name]) for name in ("log.sightings", "log.pages")
    ]
    sightings, pages = (
        choose_parts(list_parts(connection, each), listing.sealed_names) for each in folders
    )
    source = Source(
        folder_of_keyframes(parts, listing.source, definitions),
        tuple(sightings),
        tuple(pages),
        count_rows(connection, [each.path for each in sightings]),
        _opened(connection, folders, listing),
        listing.sealed_names,
    )
    found = list_keyframes(connection, source.folder)
    late = count_rows(connection, [each.path for each in _late_pages(source, found)])
    source = attrs.evolve(source, rows={**source.rows, **late})
    return attrs.evolve(source, chain=tuple(chain(source, found, limits)))


def _late_pages(source: Source, keyframes: Sequence[Keyframe]) -> list[Part]:
    if not keyframes:
        return []
    covered = frozenset[str]().union(*(each.adds for each in keyframes))
    last = keyframes[-1].instant
    return [each for each in source.pages if each.first <= last and not each.covers <= covered]


def _opened(
    connection: duckdb.DuckDBPyConnection, folders: Sequence[Path], listing: SegmentListing
) -> tuple[str, ...]:
    paths = {name: [folder / open_name(name) for folder in folders] for name in listing.open}
    held = count_rows(connection, [p for each in paths.values() for p in each if p.exists()])
    return tuple(
        compact_instant(name.starts_at)
        for name, each in paths.items()
        if any(held.get(str(path)) for path in each)
    )


def list_keyframes(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Keyframe]:
    """The published keyframes, by instant. One without its pages was never finished."""
    pages = {path.name[2:] for path in folder.glob("p-*.parquet")}
    files = [path for path in sorted(folder.glob("s-*.parquet")) if path.name[2:] in pages]
    if not files:
        return []
    told = connection.execute(
        "SELECT file_name, key, value FROM parquet_kv_metadata(?)",
        [[str(path) for each in files for path in (each, _pages(each))]],
    ).fetchall()
    held = {(Path(name), bytes(key)): bytes(value) for name, key, value in told}
    rows = count_rows(connection, files)
    return [
        Keyframe(
            path,
            held[path, b"base"].decode(),
            frozenset(orjson.loads(held[path, b"covers"])),
            rows[str(path)],
            float(held[_pages(path), b"moved"]),
        )
        for path in files
    ]


def _pages(sightings: Path) -> Path:
    return sightings.with_name(f"p-{sightings.name[2:]}")


def chain(source: Source, keyframes: Iterable[Keyframe], limits: Limits) -> list[Link]:
    """The keyframes worth reading, each made of the one before.

    `keyframes`: by instant. One that covers a segment that the log no longer has is not read.
    """
    links: list[Link] = []
    covered: frozenset[str] = frozenset()
    waiting = [source.sightings, source.pages]
    for each in keyframes:
        base = links[-1].keyframe.name if links else ""
        if each.base != base or not each.adds <= source.sealed:
            continue
        now = covered | each.adds
        left = [tuple(part for part in parts if not part.covers <= now) for parts in waiting]
        late, late_pages = (
            tuple(part for part in parts if part.first <= each.instant and tells(source, part))
            for parts in left
        )
        late_rows = sum(source.rows[str(part.path)] for part in late)
        if 2 * late_rows <= max(each.rows, limits.min_keyframe_rows):
            opened = any(first <= each.instant for first in source.opened)
            links.append(Link(each, late, not (late or late_pages or opened)))
            covered, waiting = now, left
    return links


def tells(source: Source, part: Part) -> bool:
    """Whether a part has rows: one over a queue's segment has none, and is never late."""
    return source.rows.get(str(part.path)) != 0


def covered_by(links: Iterable[Link]) -> frozenset[str]:
    """The segments that keyframes cover."""
    return frozenset[str]().union(*(each.keyframe.adds for each in links))
