"""Lists of files, as views write them: expressions that choose by the instant asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import duckdb

from projector.definition import Definition
from projector.engine.parquet_files import SCHEMA
from projector.engine.sql_text import fill
from projector.keyframes.keyframe import Source, load_source
from projector.keyframes.resolved_rows import Resolved, kept_beside, load_resolved
from projector.limits import Limits
from projector.parts.part import choose, folder_of, list_parts, open_name
from projector.parts.plan import Listing


@attrs.frozen
class Files:
    """The files of a definition: those always read, and those read from an instant on."""

    always: tuple[str, ...]
    dated: tuple[tuple[str, str], ...]
    keyframes: tuple[tuple[str, ...], ...] = ()
    """An instant and the files that say the same as all that begin not after it."""
    wider: bool = False
    """Whether some have more columns than those always read."""
    covers: frozenset[str] = frozenset()
    """The sealed segments of which they hold the rows."""
    disjoint: bool = True
    """Whether no two of them cover the same segment."""

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        spared = (path for each in self.keyframes for path in each[1:])
        return (*self.always, *(path for _, path in self.dated), *spared)


def files_of(
    connection: duckdb.DuckDBPyConnection,
    views: Path,
    parts: Path,
    listing: Listing,
    definition: Definition,
) -> Files:
    """The files of a definition over a source."""
    folder = folder_of(parts, listing.source, definition)
    chosen = choose(list_parts(connection, folder), listing.sealed_names)
    opened = [folder / open_name(name) for name in listing.open]
    relative = folder.relative_to(views)
    always = [relative / SCHEMA, *(relative / path.name for path in opened if path.exists())]
    covers = frozenset[str]().union(*(part.covers for part in chosen))
    return Files(
        tuple(str(path) for path in always),
        tuple((part.first, str(relative / part.path.name)) for part in chosen),
        covers=covers,
        disjoint=sum(len(part.covers) for part in chosen) == len(covers),
    )


def near_files(
    connection: duckdb.DuckDBPyConnection,
    views: Path,
    parts: Path,
    listing: Listing,
    definitions: Sequence[Definition],
    files: Mapping[tuple[str, str], Files],
    limits: Limits,
) -> dict[tuple[str, str], Files]:
    """The files that views of an instant read, where keyframes spare them the rest."""
    name = listing.source
    source = load_source(connection, parts, listing, definitions, limits)
    return {
        (name, "near log.sightings"): _near_sightings(views, source, files[name, "log.sightings"]),
        (name, "near log.pages"): _near_pages(views, source, files[name, "log.pages"]),
    } | {
        (name, f"{kind} {each.name}"): found
        for each in definitions
        if each.has_parts and each.source == name
        for kind, found in _near_rows(
            views,
            source,
            load_resolved(connection, parts, source, each),
            files[name, each.name],
            files[name, "log.sightings"],
        ).items()
    }


def _near_sightings(views: Path, source: Source, files: Files) -> Files:
    """The sightings of a source, from the last keyframe on."""
    entries = [
        _entry(views, each.keyframe.instant, each.keyframe.path, *(p.path for p in each.late))
        for each in source.chain
    ]
    return attrs.evolve(files, keyframes=tuple(entries))


def _near_pages(views: Path, source: Source, files: Files) -> Files:
    """The pages of a source, from the last keyframe on that may decide."""
    held = [each.keyframe for each in source.chain if each.decides]
    entries = [_entry(views, each.instant, each.pages) for each in held]
    return attrs.evolve(files, keyframes=tuple(entries))


def _near_rows(
    views: Path, source: Source, found: Resolved, bodies: Files, sightings: Files
) -> dict[str, Files]:
    """What a view reads from the last rows on: those of a keyframe, those that took the place
    of some, the sightings since, and the bodies that are likely to be asked for."""
    kept = [(each.keyframe.instant, kept_beside(found, each.keyframe)) for each in source.chain]
    near = [_entry(views, instant, *paths) for instant, paths in kept if paths]
    if not found.decided:
        wider = bool(found.held)
        return {"near": attrs.evolve(bodies, keyframes=tuple(near), wider=wider)}
    rows = [(each.instant, found.rows(each)) for each in found.decided]
    deltas = [(each.instant, each.path) for each in found.deltas]
    # What is read as rows anyway is not read as bodies too.
    kept += [(instant, kept_beside(found, found.decided[-1])) for instant, _ in deltas]
    read = {path for _, path in rows}
    spare = [(instant, [p for p in paths if p not in read]) for instant, paths in kept if paths]
    first = found.decided[0].instant
    before = [
        each for each in _near_sightings(views, source, sightings).keyframes if each[0] < first
    ]
    empty = Files((str(found.schema.relative_to(views)),), ())
    return {
        "near": attrs.evolve(
            bodies,
            keyframes=tuple(_entry(views, instant, *paths) for instant, paths in spare),
            wider=found.held != found.decided,
        ),
        "rows": attrs.evolve(empty, keyframes=tuple(_entry(views, *each) for each in rows)),
        "delta": attrs.evolve(empty, keyframes=tuple(_entry(views, *each) for each in deltas)),
        "fresh": attrs.evolve(
            sightings, keyframes=(*before, *((instant,) for instant, _ in (*rows, *deltas)))
        ),
    }


def _entry(views: Path, instant: str, *paths: Path) -> tuple[str, ...]:
    return (instant, *(str(path.relative_to(views)) for path in paths))


def expression(root: Path, files: Files) -> str:
    """The list of files as of T: a constant expression, folded when a query is planned.

    One text that is split costs a thirtieth of a list of literals. DuckDB takes the first file
    for the size of all, and so for its plan: that without rows comes last, unless there are
    files with more columns, of which it takes those of the first.
    """
    always = "['" + "', '".join(files.always) + "'],"
    return fill(
        "files",
        first=always if files.wider else "",
        last="" if files.wider else always,
        dated=",".join(f"{first}~{path}" for first, path in files.dated),
        keyframes=",".join("~".join(each) for each in files.keyframes),
        root=_quoted(root),
        instant=fill("instant"),
    )


def instant_of(files: Files) -> str:
    """The instant from which on the dated ones of these files are read, as of T."""
    instants = ",".join(each[0] for each in files.keyframes if len(each) == 1)
    return fill("since", instants=instants, instant=fill("instant"))


def all_of(root: Path, paths: Sequence[str]) -> str:
    """The list of files whatever the instant."""
    return fill("every", files=",".join(paths), root=_quoted(root))


def timeless(root: Path, files: Files) -> str:
    """Bodies are read whatever their time: a later import may hold those of an earlier one."""
    return all_of(root, [*(path for _, path in files.dated), *files.always])


def _quoted(root: Path) -> str:
    return str(root).replace("'", "''")
