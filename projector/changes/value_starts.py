"""Since when each value of an entity was seen, where its body was not stored at that instant.

A body is stored when its bytes differ from the last ones stored by its writer. So it may be older
or newer than the first sighting of its value: if responses of an earlier time were imported later,
if another writer stored the same value, or if it was stored again after thirty days. The file of a
source has a row for each such body and run of equal values (`value_starts.sql`); the views read
`_observed_at` and `_epoch` from it, and from the body if it has no row.

    views/parts/<source>/log.starts/<rules>/v-<list>.parquet   the starts
                                            state.json         what they were found in

A sighting changes the starts of its entity only, so they are found anew for the entities that were
seen since the first new hour with another body than before. The file is written only if they
differ.
"""

import hashlib
from pathlib import Path

import attrs
import duckdb
import orjson

from eventlog.files.publish import replace_file
from projector.changes.version_pairs import (
    MEMORY_MB,
    Compared,
    History,
    chunk_parts,
    compared_members,
    count_sightings,
    find_touched,
    first_dangling,
    first_new_instant,
    parse_compared,
    touched_sql,
)
from projector.engine.parquet_files import SCHEMA, SMALL, copy_rows, publish
from projector.engine.sql_text import fill, list_literal
from projector.engine.workers import Workers, job_builder
from projector.limits import Limits
from projector.rule_versions import START_RULES

FOLDER = "log.starts"
_STATE = "state.json"
_COLUMNS = """SELECT NULL::VARCHAR AS _id, NULL::VARCHAR AS _writer, NULL::BIGINT AS _seq,
    NULL::TIMESTAMPTZ AS since, NULL::TIMESTAMPTZ AS until, NULL::VARCHAR AS epoch LIMIT 0"""


@attrs.frozen
class _State:
    """The facts in which starts were found, and the file of the starts."""

    compared: Compared = attrs.field(factory=Compared)
    file: str = SCHEMA


def folder_of_starts(parts: Path, source: str) -> Path:
    """Returns the folder of the starts of a source."""
    return parts / source / FOLDER / f"rules-{START_RULES}"


def create_empty_starts(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Creates a file without rows, so that views always have a file to read."""
    if not (folder / SCHEMA).exists():
        publish(connection, _COLUMNS, folder / SCHEMA, [], folder.name)


def file_of_starts(folder: Path) -> Path:
    """Returns the file of the starts of a source; the one without rows if there is no other."""
    try:
        path = folder / str(orjson.loads((folder / _STATE).read_bytes())["file"])
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError):
        return folder / SCHEMA
    return path if path.exists() else folder / SCHEMA


def update_starts(
    folder: Path, history: History, scratch: Path, crew: Workers, limits: Limits
) -> bool:
    """Finds the starts that new facts changed. Returns whether there is another file of starts."""
    state = _read_state(folder, history)
    if not history.read - state.compared.read:
        return False
    chunks = scratch / f"starts-{history.source}"
    chunks.mkdir()
    file = state.file
    with job_builder(crew, scratch, 1, MEMORY_MB) as connection:
        since = first_new_instant(history, state.compared)
        touched = find_touched(connection, history, since, chunks.with_suffix(".touched"), limits)
        sightings = count_sightings(connection, history, touched)
        compared = Compared(history.read, first_dangling(connection, history, since))
        if touched is None or sightings:
            _find(connection, history, touched, sightings, chunks, limits)
            new_rows = list_literal([folder / SCHEMA, *sorted(chunks.iterdir())])
            file = _replace(connection, folder, state, compared, touched, new_rows)
    _write_state(folder, history, _State(compared, file))
    return file != state.file


def _replace(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    state: _State,
    compared: Compared,
    touched: str | None,
    new_rows: str,
) -> str:
    """Publishes the starts with those of the examined entities as they were found, if any differ.

    Returns the name of the file of the starts. `touched` and `new_rows`: the files of the
    entities (None for all) and of their starts, as SQL.
    """
    query = f"FROM read_parquet({new_rows})"
    if touched is not None:
        before = list_literal([folder / state.file])
        parts = {"touched": touched_sql(touched), "before": before, "found": new_rows}
        if not connection.execute(fill("starts_differing", **parts)).fetchall()[0][0]:
            return state.file
        query = fill("starts_replaced", **parts)
    file = _name(compared)
    publish(connection, query, folder / file, [], folder.name, packing=SMALL)
    return file


def _find(
    connection: duckdb.DuckDBPyConnection,
    history: History,
    touched: str | None,
    sightings: int,
    folder: Path,
    limits: Limits,
) -> None:
    """Writes the starts of the entities to examine into files of a folder."""
    count = 1 + sightings // limits.max_start_sightings
    for bucket in range(count):
        query = fill("value_starts", **chunk_parts(history, touched, bucket, count))
        copy_rows(connection, query, folder / f"{bucket:06}.parquet")


def _name(compared: Compared) -> str:
    text = "\0".join([*sorted(compared.read), *map(str, compared.waiting)])
    return f"v-{hashlib.sha256(text.encode()).hexdigest()[:16]}.parquet"


def _read_state(folder: Path, history: History) -> _State:
    """Returns the state; an empty one if the starts have to be found in all of history.

    They have to if a type is new, if the log no longer has a segment, or if the file is missing.
    """
    try:
        data = orjson.loads((folder / _STATE).read_bytes())
        state = _State(parse_compared(data, history.types), data["file"])
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError):
        return _State()
    read, now = (
        {entry.partition(" ")[0] for entry in entries}
        for entries in (state.compared.read, history.read)
    )
    is_current = bool(read) and read <= now
    return state if is_current and (folder / state.file).exists() else _State()


def _write_state(folder: Path, history: History, state: _State) -> None:
    members = {**compared_members(history.types, state.compared), "file": state.file}
    replace_file(folder / _STATE, orjson.dumps(members))
