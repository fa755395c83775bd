"""File lists of the views: SQL expressions that choose files by the instant of the query.

A query as of T needs only a part of the files: those of the last keyframe not after T, and the
parts that begin after that keyframe and not after T.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from projector.definition import Definition
from projector.engine.parquet_files import SCHEMA
from projector.engine.sql_text import fill, literal, literals
from projector.keyframes.keyframe import SourceParts
from projector.keyframes.row_cache import RowCache, existing_files, load_row_cache
from projector.parts.part import ChosenParts, open_name
from projector.parts.plan import SegmentListing


@attrs.frozen
class FileList:
    """The files that contain some kind of rows, as paths below `views`."""

    always: tuple[str, ...]
    """Files that every query reads: one without rows, and those of open segments."""
    dated: tuple[tuple[str, str], ...]
    """First instant, and path, of each file that a query at or after that instant may read."""
    keyframes: tuple[tuple[str, ...], ...] = ()
    """Instant of each keyframe, and the files that replace the dated ones not after it."""
    wider: bool = False
    """Whether some files have more columns than those always read."""
    covers: frozenset[str] = frozenset()
    """The sealed segments from which the rows come."""
    disjoint: bool = True
    """Whether no two files cover the same segment."""

    @property
    def all(self) -> tuple[str, ...]:
        """Every file, whatever the instant."""
        of_keyframes = (path for _, *paths in self.keyframes for path in paths)
        return (*self.always, *(path for _, path in self.dated), *of_keyframes)


FileLists = Mapping[tuple[str, str], FileList]
"""File lists by source and kind of rows: a definition's name, the name with a prefix that
`as_of_files` gives it, or the folder of differences or of refused lines."""


def definition_files(views: Path, chosen: ChosenParts, listing: SegmentListing) -> FileList:
    """Returns the files with a definition's rows of a source."""
    open_parts = [chosen.folder / open_name(name) for name in listing.open]
    relative = chosen.folder.relative_to(views)
    always = [relative / SCHEMA, *(relative / path.name for path in open_parts if path.exists())]
    return FileList(
        tuple(str(path) for path in always),
        tuple((part.first, str(relative / part.path.name)) for part in chosen.parts),
        covers=chosen.covers,
        disjoint=chosen.disjoint,
    )


def as_of_files(
    views: Path,
    parts: Path,
    source: SourceParts,
    definitions: Sequence[Definition],
    files: FileLists,
) -> dict[tuple[str, str], FileList]:
    """Returns the files of a source that as-of views read: keyframes instead of old parts.

    Keys are `near log.sightings` and `near log.pages`, and for each definition `near NAME` for
    its bodies. A definition with a row cache also has `rows NAME` (the cached rows) and `fresh
    NAME` (the sightings after them).
    """
    name = source.listing.source
    result = {
        (name, "near log.sightings"): _near_sightings(views, source, files[name, "log.sightings"]),
        (name, "near log.pages"): _near_pages(views, source, files[name, "log.pages"]),
    }
    for definition in definitions:
        if definition.has_parts and definition.source == name:
            row_cache = load_row_cache(parts, source, definition)
            bodies, sightings = files[name, definition.name], files[name, "log.sightings"]
            for kind, file_list in _near_rows(views, source, row_cache, bodies, sightings).items():
                result[name, f"{kind} {definition.name}"] = file_list
    return result


def _near_sightings(views: Path, source: SourceParts, files: FileList) -> FileList:
    """Returns the sightings of a source, from the last keyframe on."""
    entries = [
        _entry(views, keyframe.instant, keyframe.path, *(part.path for part in keyframe.late))
        for keyframe in source.chain
    ]
    return attrs.evolve(files, keyframes=tuple(entries))


def _near_pages(views: Path, source: SourceParts, files: FileList) -> FileList:
    """Returns the pages of a source, from the last keyframe that decides on."""
    keyframes = [keyframe for keyframe in source.chain if keyframe.decides]
    entries = [_entry(views, keyframe.instant, keyframe.pages) for keyframe in keyframes]
    return attrs.evolve(files, keyframes=tuple(entries))


def _near_rows(
    views: Path, source: SourceParts, row_cache: RowCache, bodies: FileList, sightings: FileList
) -> dict[str, FileList]:
    """Returns the files that one view reads, by kind: see `as_of_files`."""
    existing = [
        (keyframe.instant, existing_files(row_cache, keyframe)) for keyframe in source.chain
    ]
    near = [_entry(views, instant, *paths) for instant, paths in existing if paths]
    if not row_cache.readable:
        wider = bool(row_cache.keyframes)
        return {"near": attrs.evolve(bodies, keyframes=tuple(near), wider=wider)}
    rows = [(keyframe.instant, row_cache.rows(keyframe)) for keyframe in row_cache.readable]
    # Files that are read as cached rows are not read as bodies as well.
    cached = {path for _, path in rows}
    near_bodies = [
        _entry(views, instant, *(path for path in paths if path not in cached))
        for instant, paths in existing
        if paths
    ]
    first = row_cache.readable[0].instant
    before_cache = [
        entry for entry in _near_sightings(views, source, sightings).keyframes if entry[0] < first
    ]
    empty = FileList((str(row_cache.schema.relative_to(views)),), ())
    return {
        "near": attrs.evolve(
            bodies,
            keyframes=tuple(near_bodies),
            wider=row_cache.keyframes != row_cache.readable,
        ),
        "rows": attrs.evolve(empty, keyframes=tuple(_entry(views, *row) for row in rows)),
        "fresh": attrs.evolve(
            sightings, keyframes=(*before_cache, *((instant,) for instant, _ in rows))
        ),
    }


def _entry(views: Path, instant: str, *paths: Path) -> tuple[str, ...]:
    return (instant, *(str(path.relative_to(views)) for path in paths))


def as_of_list_sql(root: Path, files: FileList) -> str:
    """Returns the SQL of the list of files as of T: a constant expression, folded at planning.

    The lists are one text each, which is split: that takes a thirtieth of the time of a list of
    literals. DuckDB estimates the size of all files by the first, so the file without rows
    comes last. If some files have more columns it comes first: its columns are those read.
    """
    always = f"[{literals(files.always)}],"
    return fill(
        "files",
        first=always if files.wider else "",
        last="" if files.wider else always,
        dated=_dated_sql(files),
        keyframes=_keyframes_sql(files),
        root=literal(str(root)),
        instant=fill("instant", value="t"),
    )


def list_since_sql(root: Path, files: FileList, since: str) -> str:
    """Returns the SQL of the list of files with all that can matter after an instant.

    `since`: SQL of that instant.
    """
    return fill(
        "files_since",
        always=literals(files.always),
        dated=_dated_sql(files),
        keyframes=_keyframes_sql(files),
        root=literal(str(root)),
        since=since,
    )


def _dated_sql(files: FileList) -> str:
    return literal(",".join(f"{first}~{path}" for first, path in files.dated))


def _keyframes_sql(files: FileList) -> str:
    return literal(",".join("~".join(entry) for entry in files.keyframes))


def row_cache_instant_sql(fresh: FileList) -> str:
    """Returns the SQL of the instant of the last row cache before T.

    `fresh`: the sightings after the row caches (`fresh NAME`).
    """
    instants = ",".join(entry[0] for entry in fresh.keyframes if len(entry) == 1)
    return fill("since", instants=literal(instants), instant=fill("instant", value="t"))


def list_sql(root: Path, paths: Sequence[str]) -> str:
    """Returns the SQL of a list of files that does not depend on the instant."""
    return fill("every", files=literal(",".join(paths)), root=literal(str(root)))


def all_bodies_sql(root: Path, files: FileList) -> str:
    """Returns the SQL of the list of all bodies: a later import may contain earlier ones."""
    return list_sql(root, [*(path for _, path in files.dated), *files.always])
