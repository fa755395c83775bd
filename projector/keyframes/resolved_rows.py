"""Resolved rows: what a view shows as of a keyframe, so that only what moved is worked out.

    views/parts/<source>/<definition>/<hash>/rows-<rules>.parquet            their columns
                                             r-<instant>-<list>.parquet      rows of every entity
                                             d-<instant>-<list>.parquet      of those that moved

Rows are kept of every entity that has been seen in a shape of the definition, absent ones too,
with all columns of its body. A view at T passes them on from the last not after T, but for the
entities that moved since: those it works out from the facts, as ever (`moved.sql`,
`resolved.sql`). So their cost is that of what moved, and of reading.

Rows belong to a keyframe and are read where it decides: where nothing came late. After the last
of them what moved is resolved again and again, whenever it has become a sixteenth, and such a
delta takes the place of the rows of all entities that moved since the rows. Only the last two are
read, and kept: it is the present and the recent past that are asked for most.

Law: a view is the same with any rows and without.
"""

import hashlib
from pathlib import Path

import attrs
import duckdb
import orjson

from projector.definition import Definition
from projector.engine.sql_text import template_text
from projector.keyframes.cut_points import Cut, cuts
from projector.keyframes.keyframe import Keyframe, Source, covered_by, tells
from projector.limits import Limits
from projector.parts.part import folder_of, name_over

MOST_DELTAS = 2
"""The present and the recent past are asked for most, and each delta holds all that moved."""

_MADE_BY = (
    "presence",
    "listings",
    "pages_until",
    "moved",
    "resolved",
    "near_bodies",
    "because",
    "rows_schema",
)


@attrs.frozen
class Delta:
    """The rows of what moved since the rows of a keyframe."""

    path: Path
    adds: frozenset[str]
    """The segments that it covers and the keyframe does not."""

    @property
    def instant(self) -> str:
        """The greatest that it covers, as it stands in names of parts."""
        return self.path.name.split("-")[1]


@attrs.frozen
class Resolved:
    """The rows of a definition over a source."""

    folder: Path
    rules: str
    """A hash of all that they depend on."""
    held: tuple[Keyframe, ...]
    """The keyframes of the chain that have rows, by instant."""
    decided: tuple[Keyframe, ...]
    """Those of them that views read."""
    deltas: tuple[Delta, ...] = ()
    """On the last of those, by instant: the last that may be read, `MOST_DELTAS` at most."""

    @property
    def delta(self) -> Delta | None:
        """The last of them."""
        return self.deltas[-1] if self.deltas else None

    @property
    def schema(self) -> Path:
        """A file without rows, in case there is no other."""
        return self.folder / f"rows-{self.rules}.parquet"

    def rows(self, keyframe: Keyframe) -> Path:
        """The rows as of a keyframe, whether they are there or not."""
        return self.folder / name_over("r", keyframe.instant, [keyframe.name, self.rules])

    def next_delta(self, cut: Cut) -> Path:
        """Where the delta up to a cut lies."""
        names = [self.decided[-1].name, self.rules, *cut.adds]
        return self.folder / name_over("d", cut.instant, names)


def load_resolved(
    connection: duckdb.DuckDBPyConnection, parts: Path, source: Source, definition: Definition
) -> Resolved:
    """What rows there are of a definition."""
    folder = folder_of(parts, definition.source, definition)
    text = "\0".join([source.folder.name, *map(template_text, _MADE_BY)])
    found = Resolved(folder, hashlib.sha256(text.encode()).hexdigest()[:12], (), ())
    held = [each for each in source.chain if found.rows(each.keyframe).exists()]
    decided = tuple(each.keyframe for each in held if each.decides)
    found = attrs.evolve(found, held=tuple(each.keyframe for each in held), decided=decided)
    usable = [
        each
        for each in _list_deltas(connection, found)
        if is_whole(source, found, each.instant, each.adds)
    ]
    usable.sort(key=lambda each: each.instant)
    return attrs.evolve(found, deltas=tuple(usable[-MOST_DELTAS:]))


def _list_deltas(connection: duckdb.DuckDBPyConnection, found: Resolved) -> list[Delta]:
    """Those made on the last rows, by these rules."""
    files = sorted(found.folder.glob("d-*.parquet"))
    if not files or not found.decided:
        return []
    told = connection.execute(
        "SELECT file_name, key, value FROM parquet_kv_metadata(?)", [list(map(str, files))]
    ).fetchall()
    held = {(Path(name), bytes(key)): bytes(value) for name, key, value in told}
    base = found.rows(found.decided[-1]).name
    return [
        Delta(path, frozenset(orjson.loads(held[path, b"covers"])))
        for path in files
        if held[path, b"base"].decode() == base
    ]


def is_whole(source: Source, found: Resolved, instant: str, adds: frozenset[str]) -> bool:
    """Whether a delta that adds these segments has heard of all that begins not after it."""
    covered = covered_until(source, found.decided[-1]) | adds
    late = (
        part.first <= instant and tells(source, part)
        for part in (*source.sightings, *source.pages)
        if not part.covers <= covered
    )
    opened = (first <= instant for first in source.opened)
    return adds <= source.sealed and not any(late) and not any(opened)


def covered_until(source: Source, keyframe: Keyframe) -> frozenset[str]:
    """The segments that a keyframe of the chain covers, with those before it."""
    names = [each.keyframe for each in source.chain]
    return covered_by(source.chain[: names.index(keyframe) + 1])


def due_rows(source: Source, found: Resolved, limits: Limits) -> list[Keyframe]:
    """The keyframes since the last rows of which rows may be made."""
    after = found.held[-1].instant if found.held else ""
    return [
        each.keyframe
        for each in source.chain
        if each.decides
        and each.keyframe.instant > after
        and each.keyframe.rows > limits.min_keyframe_rows
        and each.keyframe.moved <= limits.max_moved_share
    ]


def due_delta(
    source: Source, found: Resolved, busy: frozenset[str], entities: int, limits: Limits
) -> Cut | None:
    """The next instant up to which what moved should be resolved; it adds all since the rows.

    Of many at once the last; where there is no delta yet, first the one in the middle.

    `entities`: how many rows there are. Due when sightings have come for a sixteenth of them.
    A cut that an open segment began before is no place for one: it would not be read.
    """
    if not found.decided:
        return None
    last = found.delta
    held = last.adds if last else frozenset[str]()
    covered = covered_until(source, found.decided[-1]) | held
    after = last.instant if last else found.decided[-1].instant
    least = max(limits.min_keyframe_rows, entities) // 16
    due = []
    for cut in cuts(source, busy, covered, after, least):
        every = attrs.evolve(cut, adds=cut.adds | held)
        if is_whole(source, found, every.instant, every.adds):
            due.append(every)
    if not due:
        return None
    return due[-1] if last else due[(len(due) - 1) // 2]


def kept_beside(found: Resolved, keyframe: Keyframe) -> list[Path]:
    """The files there are of what a keyframe names: its bodies, and its rows."""
    every = (keyframe.bodies(found.folder), found.rows(keyframe))
    return [path for path in every if path.exists()]
