"""Finds the pairs of consecutive versions that were not compared yet.

Only new facts are examined: the versions that began since the first new hour, of the entities
that were seen since then with another body than before. New facts cannot change a pair of versions
before that hour. A record beside the differences names the compared segments; without it all of
history is examined.

Entities are examined in chunks. In memory are the sightings of one chunk and the pages of their
scopes. The pairs are written to files and sorted into one file, because comparing needs the memory
for bodies.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import duckdb
import orjson

from eventlog.clock import format_us
from eventlog.files.publish import replace_file
from eventlog.format.paths import parse_segment
from projector.engine.parquet_files import copy_rows
from projector.engine.sql_text import fill, list_literal, literal, literals
from projector.limits import Limits
from projector.presence import presence_sql, spans_sql

MEMORY_MB = 120
"""Memory limit in MB of the connection that finds the pairs."""

_STATE = "compared.json"
"""File that records which part of the log was compared, and the files of differences."""
_END = "TIMESTAMPTZ '9999-01-01 00:00:00+00'"


@attrs.frozen
class History:
    """Files from which the pairs of a source are found, as SQL lists of their names."""

    source: str
    types: tuple[str, ...]
    read: frozenset[str]
    """Names of the segments in the files; for an open one followed by a blank and a stamp."""
    sightings: str
    pages: str
    events: str


@attrs.frozen
class Compared:
    """The part of the log in which all pairs were compared."""

    read: frozenset[str] = frozenset()
    """Entries of `History.read`."""
    waiting: tuple[int, ...] = ()
    """Instant in µs of the first sighting whose body is not in the log yet, if there is one."""


def read_compared(folder: Path, types: Sequence[str]) -> Compared:
    """Returns the recorded part of the log.

    It is empty if one of these types is not recorded, or if a recorded file is missing: its
    differences have to be found again.
    """
    members = _read_state(folder)
    if not all((folder / name).exists() for name in members["files"]):
        return Compared()
    return parse_compared(members, types)


def write_compared(
    folder: Path, types: Sequence[str], compared: Compared, files: Iterable[str]
) -> None:
    """Records which part of the log was compared, for which types, and the files of differences."""
    members = {**compared_members(types, compared), "files": sorted(files)}
    replace_file(folder / _STATE, orjson.dumps(members))


def recorded_files(folder: Path) -> list[Path]:
    """Returns the recorded files of differences that exist, sorted."""
    paths = (folder / name for name in _read_state(folder)["files"])
    return [path for path in paths if path.exists()]


def _read_state(folder: Path) -> Mapping[str, Any]:
    """Returns the members of the record; those of an empty one if it is missing or unusable."""
    try:
        members = orjson.loads((folder / _STATE).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        members = {}
    return members if "files" in members else {"types": [], "read": [], "waiting": [], "files": []}


def parse_compared(members: Mapping[str, Any], types: Sequence[str]) -> Compared:
    """Returns what `compared_members` recorded; an empty value if one of these types is not in it.

    Raises `KeyError` if a member is missing.
    """
    if not set(types) <= set(members["types"]):
        return Compared()
    return Compared(frozenset(members["read"]), tuple(members["waiting"]))


def compared_members(types: Sequence[str], compared: Compared) -> dict[str, Any]:
    """Returns the members of a JSON object that record which part of the log was examined."""
    return {"types": types, "read": sorted(compared.read), "waiting": compared.waiting}


def find_pairs(
    connection: duckdb.DuckDBPyConnection,
    history: History,
    compared: Compared,
    diffs: str,
    target: Path,
    limits: Limits,
) -> Compared:
    """Writes the pairs to a file, in the log order of the later bodies; returns what it covers.

    `diffs`: the list of the files of differences, as SQL; pairs in them are left out. The column
    `is_far` is true if the earlier body is of another writer, or more than `max_near_events`
    away from the later one. There is no file if there are no entities to examine.
    """
    since = first_new_instant(history, compared)
    touched = find_touched(connection, history, since, target.with_suffix(".touched"), limits)
    sightings = count_sightings(connection, history, touched)
    if touched is None or sightings:
        _write_pairs(connection, history, since, touched, sightings, diffs, target, limits)
    return Compared(history.read, first_dangling(connection, history, since))


def _write_pairs(
    connection: duckdb.DuckDBPyConnection,
    history: History,
    since: int | None,
    touched: str | None,
    sightings: int,
    diffs: str,
    target: Path,
    limits: Limits,
) -> None:
    count = 1 + sightings // limits.max_pairing_sightings
    chunks = [target.with_suffix(f".{bucket}") for bucket in range(count)]
    for bucket, chunk in enumerate(chunks):
        copy_rows(connection, _query(history, since, touched, bucket, count, diffs), chunk)
    pairs = list_literal(chunks)
    near = str(limits.max_near_events)
    copy_rows(connection, fill("pairs_ordered", pairs=pairs, near=near), target)
    for chunk in chunks:
        chunk.unlink()


def first_new_instant(history: History, compared: Compared) -> int | None:
    """Returns the instant from which facts are examined, in µs; None for all of history."""
    if not compared.read:
        return None
    new = (parse_segment(entry.partition(" ")[0]) for entry in history.read - compared.read)
    return min([*(name.starts_at for name in new if name), *compared.waiting], default=0)


def first_dangling(
    connection: duckdb.DuckDBPyConnection, history: History, since: int | None
) -> tuple[int, ...]:
    """Returns the instant of the first sighting whose body is not in the log, or nothing."""
    query = fill(
        "dangling",
        sightings=history.sightings,
        events=history.events,
        types=literals(history.types),
        since=_instant(since or 0),
    )
    rows = connection.execute(query).fetchall()
    return tuple(int(row[0]) for row in rows if row[0] is not None)


def find_touched(
    connection: duckdb.DuckDBPyConnection,
    history: History,
    since: int | None,
    target: Path,
    limits: Limits,
) -> str | None:
    """Returns the files of the entities to examine, as SQL; None if those are all entities.

    They are the entities that were seen since an instant, without those that have no other
    versions or starts for it: see `find_touched.sql`.
    """
    if since is None:
        return None
    target.mkdir()
    count = 1 + count_sightings(connection, history, None) // limits.max_start_sightings
    for bucket in range(count):
        query = fill(
            "find_touched",
            sightings=history.sightings,
            pages=history.pages,
            types=literals(history.types),
            since=_instant(since),
            bucket=f"AND hash(_id) % {count} = {bucket}",
        )
        copy_rows(connection, query, target / f"{bucket}.parquet")
    return list_literal(sorted(target.iterdir()))


def count_sightings(
    connection: duckdb.DuckDBPyConnection, history: History, touched: str | None
) -> int:
    """Returns the number of sightings of the entities to examine."""
    query = fill("sighted", **chunk_parts(history, touched, 0, 1))
    return int(connection.execute(query).fetchall()[0][0])


def touched_sql(touched: str, bucket: str = "") -> str:
    """Returns the table of the entities to examine. `bucket`: condition of a chunk."""
    return fill("touched", touched=touched, bucket=bucket)


def chunk_parts(history: History, touched: str | None, bucket: int, buckets: int) -> dict[str, str]:
    """Returns the parts of templates that select a chunk of the entities to examine."""

    in_bucket = f"AND hash(%s) % {int(buckets)} = {int(bucket)}" if buckets > 1 else ""
    condition = "AND %s IN (SELECT touched._id FROM touched)" if touched else in_bucket
    return {
        "touched": touched_sql(touched, in_bucket.replace("%s", "_id")) if touched else "",
        "sightings": history.sightings,
        "events": history.events,
        "types": literals(history.types),
        "one": condition.replace("%s", "_id"),
        "one_event": condition.replace("%s", "id"),
    }


def _query(
    history: History,
    since: int | None,
    touched: str | None,
    bucket: int,
    buckets: int,
    diffs: str,
) -> str:
    common = {
        **chunk_parts(history, touched, bucket, buckets),
        "pages": history.pages,
        "instant": _END,
        "shapes": "true",
        "rank": "0",
    }
    return fill(
        "pairs",
        touched=common["touched"],
        presence=presence_sql(common, absences=False),
        spans=spans_sql(common),
        since=_instant(since or 0),
        diffs=diffs,
        events=history.events,
    )


def _instant(instant: int) -> str:
    return f"TIMESTAMPTZ {literal(format_us(instant))}"
