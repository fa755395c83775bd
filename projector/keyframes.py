"""Keyframes: what is known of every entity at an instant, so that a view reads no further back.

    views/parts/<source>/log.keyframes/<hash>/s-<instant>-<list>.parquet   sightings
                                              p-<instant>-<list>.parquet   pages
    views/parts/<source>/<definition>/<hash>/k-<instant>-<list>.parquet    bodies they name

A keyframe holds, per entity, shape, scope and writer, the greatest sighting not after its
instant, absent entities included, and every `gone` that may still count; of the pages those
that may still decide. Its metadata names the segments it covers. A view at T reads the last
keyframe not after T and every part that begins after it and not after T, and late ones: those
it does not cover though they begin before. It lies on a cut: no part reaches across.

The half rule: one is due when the rows since the last exceed half of its rows; bodies, which
change less often than they are seen, have a rule of their own. So keyframes hold at most
three times the rows of parts, and a view reads at most 1.5 times its entities.
Law: a view is the same with any keyframes and without.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import duckdb
import orjson

from projector.definition import Definition
from projector.parts import (
    Part,
    choose,
    compact_instant,
    folder_of,
    list_parts,
    name_over,
    open_name,
)
from projector.plan import Listing
from projector.texts import statements

FOLDER = "log.keyframes"
SEEN_SCHEMA = "s-schema.parquet"
LEAST_ROWS = 20_000
"""Fewer rows than a row group are read as fast as a keyframe."""

_TEMPLATES = ("keyframe_seen", "keyframe_pages", "keyframe_bodies", "listings")


@attrs.frozen
class Keyframe:
    """A published keyframe."""

    path: Path
    """Of its sightings; the last of its files to appear."""
    instant: str
    """The greatest that it covers, as it stands in names of parts."""
    covers: frozenset[str]
    rows: int

    @property
    def stem(self) -> str:
        """What the names of its files have in common."""
        return self.path.name.removeprefix("s-")

    @property
    def pages(self) -> Path:
        """Its pages."""
        return self.path.with_name(f"p-{self.stem}")

    def bodies(self, folder: Path) -> Path:
        """The bodies that it names, in the folder of a definition's parts."""
        return folder / f"k-{self.stem}"


@attrs.frozen
class Due:
    """A keyframe to build: from the one before it, and the parts which that does not cover."""

    instant: str
    base: Keyframe | None
    covers: frozenset[str]

    @property
    def name(self) -> str:
        """The name of its sightings."""
        _, _, rest = name_over("", self.instant, sorted(self.covers)).partition("-")
        return f"s-{rest}"


def folder_of_keyframes(parts: Path, source: str, definitions: Iterable[Definition]) -> Path:
    """Where the keyframes of a source lie; named by all that their rows depend on."""
    hashes = sorted(
        each.hash for each in definitions if each.name in ("log.sightings", "log.pages")
    )
    text = "\0".join([*hashes, *map(statements, _TEMPLATES)])
    return parts / source / FOLDER / hashlib.sha256(text.encode()).hexdigest()[:12]


def list_keyframes(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Keyframe]:
    """The published keyframes, by instant. One without its pages was never finished."""
    pages = {path.name.removeprefix("p-") for path in folder.glob("p-*.parquet")}
    files = [path for path in folder.glob("s-[0-9]*.parquet") if path.name[2:] in pages]
    if not files:
        return []
    covers = connection.execute(
        "SELECT file_name, value FROM parquet_kv_metadata(?) WHERE key = 'covers'",
        [[str(path) for path in files]],
    ).fetchall()
    rows = count_rows(connection, files)
    return sorted(
        (
            Keyframe(
                Path(name),
                Path(name).name.split("-")[1],
                frozenset(orjson.loads(value)),
                rows[name],
            )
            for name, value in covers
        ),
        key=lambda each: (each.instant, len(each.covers), each.path.name),
    )


def count_rows(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> dict[str, int]:
    """How many rows files hold, by path."""
    names = [str(path) for path in files]
    if not names:
        return {}
    rows = connection.execute(
        "SELECT file_name, num_rows FROM parquet_file_metadata(?)", [names]
    ).fetchall()
    return {str(name): int(count) for name, count in rows}


def late(keyframe: Keyframe, parts: Iterable[Part]) -> list[Part]:
    """The parts that begin not after a keyframe and are not covered by it."""
    return [
        part
        for part in parts
        if part.first <= keyframe.instant and not part.covers <= keyframe.covers
    ]


def sound(
    keyframes: Iterable[Keyframe],
    parts: Sequence[Part],
    rows: Mapping[str, int],
    sealed: frozenset[str],
) -> list[Keyframe]:
    """The keyframes worth reading, one an instant: late parts are less than half of it.

    One that covers a segment that the log no longer has is not read.
    """
    found = {
        each.instant: each
        for each in keyframes
        if each.covers <= sealed
        and 2 * sum(rows[str(part.path)] for part in late(each, parts))
        <= max(each.rows, LEAST_ROWS)
    }
    return list(found.values())


def due(
    parts: Sequence[Part],
    rows: Mapping[str, int],
    keyframes: Sequence[Keyframe],
    is_busy: Callable[[str], bool],
) -> Due | None:
    """The first keyframe that is due and not there.

    `is_busy`: whether an hour that holds the instant is still being written.
    """
    ordered = sorted(parts, key=lambda each: (each.first, each.path.name))
    waiting = sorted(keyframes, key=lambda each: each.instant)
    base: Keyframe | None = None
    since: list[Part] = []
    reach = ""
    for n, part in enumerate(ordered):
        reach = max(reach, part.last)
        since.append(part)
        if n + 1 < len(ordered) and ordered[n + 1].first <= reach:
            continue
        while waiting and waiting[0].instant <= reach:
            base = waiting.pop(0)
            since = [each for each in ordered[: n + 1] if not each.covers <= base.covers]
        if base is not None and base.instant == reach:
            continue
        limit = max(LEAST_ROWS, base.rows // 2 if base else 0)
        if sum(rows[str(each.path)] for each in since) > limit and not is_busy(reach):
            covers = frozenset[str]().union(*(each.covers for each in since))
            return Due(reach, base, covers | (base.covers if base else frozenset()))
    return None


@attrs.frozen
class Source:
    """The parts of a source that keyframes are made of, and those there are."""

    folder: Path
    sightings: tuple[Part, ...]
    pages: tuple[Part, ...]
    opened: tuple[str, ...]
    """From when on open segments with pages or sightings go."""
    rows: dict[str, int]
    keyframes: tuple[Keyframe, ...]


def load_source(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    listing: Listing,
    definitions: Sequence[Definition],
) -> Source:
    """What there is of a source."""
    known = {each.name: each for each in definitions}
    folders = [
        folder_of(parts, listing.source, known[name]) for name in ("log.sightings", "log.pages")
    ]
    sightings, pages = (
        choose(list_parts(connection, each), listing.sealed_names) for each in folders
    )
    rows = count_rows(connection, [each.path for each in sightings])
    folder = folder_of_keyframes(parts, listing.source, definitions)
    found = list_keyframes(connection, folder)
    return Source(
        folder,
        tuple(sightings),
        tuple(pages),
        _opened(connection, folders, listing),
        rows,
        tuple(sound(found, sightings, rows, listing.sealed_names)),
    )


def _opened(
    connection: duckdb.DuckDBPyConnection, folders: Sequence[Path], listing: Listing
) -> tuple[str, ...]:
    """When open segments begin that say something of entities; a queue's do not."""
    paths = {name: [folder / open_name(name) for folder in folders] for name in listing.open}
    held = count_rows(connection, [p for each in paths.values() for p in each if p.exists()])
    return tuple(
        compact_instant(name.starts_at)
        for name, each in paths.items()
        if any(held.get(str(path)) for path in each)
    )


def is_late(source: Source, keyframe: Keyframe) -> bool:
    """Whether something began before a keyframe that it does not cover.

    Then its pages do not decide: which complete listing missed an entity that was heard
    of late, only all of them can tell.
    """
    return (
        any(first <= keyframe.instant for first in source.opened)
        or bool(late(keyframe, source.sightings))
        or bool(late(keyframe, source.pages))
    )
