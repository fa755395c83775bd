"""Neighbours: the versions that follow each other and were not compared yet.

Only what is new is looked at: the entities that were seen since the first hour that is new,
and of them the versions that began then. Facts that came since cannot touch an earlier
neighbour. What has been compared is noted beside the differences; without the note all of
history is.

Held at a time: the sightings of so many entities, and the pages of the scopes they are in.
What was found lies in files, and is put in order in one: comparing needs the memory for bodies.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs
import duckdb
import orjson

from eventlog.clock import format_us
from eventlog.files.disk import replace_file
from eventlog.format.paths import parse_segment
from projector.engine.connections import run_copy
from projector.engine.parquet_files import copy_options
from projector.engine.sql_text import fill, literal, literals
from projector.limits import Limits

MEMORY_MB = 120
"""Of the connection that looks."""

_STATE = "compared.json"
_END = "TIMESTAMPTZ '9999-01-01 00:00:00+00'"


@attrs.frozen
class History:
    """What a source's neighbours are found in: lists of files, as SQL writes them."""

    source: str
    types: tuple[str, ...]
    read: frozenset[str]
    """The segments that are in the files; of an open one with how far."""
    sightings: str
    pages: str
    events: str


@attrs.frozen
class Compared:
    """What has been compared."""

    read: frozenset[str] = frozenset()
    """Entries of `History.read`."""
    waiting: tuple[int, ...] = ()
    """The instant of the first sighting that names a body which has not arrived."""


def read_compared(folder: Path, types: Sequence[str]) -> Compared:
    """What has been compared, if of all these types."""
    try:
        told = orjson.loads((folder / _STATE).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return Compared()
    if not set(types) <= set(told["types"]):
        return Compared()
    return Compared(frozenset(told["read"]), tuple(told["waiting"]))


def write_compared(folder: Path, types: Sequence[str], compared: Compared) -> None:
    """Note what has been compared."""
    told = {"types": types, "read": sorted(compared.read), "waiting": compared.waiting}
    replace_file(folder / _STATE, orjson.dumps(told))


def find_neighbours(
    connection: duckdb.DuckDBPyConnection,
    history: History,
    compared: Compared,
    diffs: str,
    found: Path,
    limits: Limits,
) -> Compared:
    """Write them to a file, by where the later ones lie; what that covers.

    `diffs`: the list of the files of differences. `is_far`: whether the body of the earlier
    one lies elsewhere than that of the later one.
    """
    since = _since(history, compared)
    buckets = 1 + _sighted(connection, history, since) // limits.max_pairing_sightings
    turns = [found.with_suffix(f".{bucket}") for bucket in range(buckets)]
    for bucket, turn in enumerate(turns):
        _copy(connection, _query(history, since, bucket, buckets, diffs), turn)
    pairs = f"[{literals(map(str, turns))}]"
    near = str(limits.max_near_events)
    _copy(connection, fill("pairs_ordered", pairs=pairs, near=near), found)
    for turn in turns:
        turn.unlink()
    return Compared(history.read, _waiting(connection, history, since))


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    run_copy(connection, f"COPY ({query}) TO {literal(str(path))} ({copy_options('lz4')})")


def _since(history: History, compared: Compared) -> int | None:
    """The first hour that is new; None for all of history."""
    if not compared.read:
        return None
    fresh = (parse_segment(each.partition(" ")[0]) for each in history.read - compared.read)
    return min([*(name.starts_at for name in fresh if name), *compared.waiting], default=0)


def _waiting(
    connection: duckdb.DuckDBPyConnection, history: History, since: int | None
) -> tuple[int, ...]:
    """From when on to look again, if a body was named that has not arrived."""
    query = fill(
        "dangling",
        sightings=history.sightings,
        events=history.events,
        types=literals(history.types),
        since=_instant(since or 0),
    )
    rows = connection.execute(query).fetchall()
    return tuple(int(row[0]) for row in rows if row[0] is not None)


def _sighted(connection: duckdb.DuckDBPyConnection, history: History, since: int | None) -> int:
    """How many sightings there are of the entities to be looked at."""
    query = fill(
        "sighted",
        touched="" if since is None else _touched(history, since, ""),
        sightings=history.sightings,
        types=literals(history.types),
        one="" if since is None else "AND _id IN (SELECT touched._id FROM touched)",
    )
    return int(connection.execute(query).fetchall()[0][0])


def _touched(history: History, since: int, bucket: str) -> str:
    return fill(
        "touched",
        sightings=history.sightings,
        types=literals(history.types),
        since=_instant(since),
        bucket=bucket,
    )


def _query(history: History, since: int | None, bucket: int, buckets: int, diffs: str) -> str:
    chosen = f"AND hash(%s) % {int(buckets)} = {int(bucket)}"
    touched = "" if since is None else _touched(history, since, chosen.replace("%s", "_id"))
    one = chosen if since is None else "AND %s IN (SELECT touched._id FROM touched)"
    common = {
        "sightings": history.sightings,
        "pages": history.pages,
        "events": history.events,
        "types": literals(history.types),
        "instant": _END,
        "shapes": "true",
        "rank": "0",
        "one": one.replace("%s", "_id"),
        "one_event": one.replace("%s", "id"),
    }
    listings = fill("listings", pages=history.pages, given=fill("pages_until", instant=_END))
    return fill(
        "pairs",
        touched=touched,
        presence=fill("presence", listings=listings, **common),
        spans=fill("spans", **common),
        since=_instant(since or 0),
        diffs=diffs,
        events=history.events,
    )


def _instant(instant: int) -> str:
    return f"TIMESTAMPTZ {literal(format_us(instant))}"
